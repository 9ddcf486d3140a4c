/*
 * old.h: single bytes of a content whose index is at hand, in any order: what differences against
 * old bytes are made from at the hub, and put together from at the spoke. Whole blocks are read,
 * without disturbing the page cache, and every block is compared with its leaf: so a file that is
 * not what its index says is noticed before its bytes are used. Worker threads only.
 */
#ifndef SPOKESYNC_TRANSFER_OLD_H
#define SPOKESYNC_TRANSFER_OLD_H

#include "transfer/index.h"
#include "transfer/survivors.h"

struct old;

/*
 * fd, x and left must outlive it. left: NULL, or fd is the new content, and what is gone of the old
 * one answers -ENODATA. cached: what was read will be asked for again after much else, so it stays
 * in the page cache until old_close(). Memory: a few windows of 256 KiB, made when they are used.
 */
int old_open(int fd, struct index *x, const struct survivors *left, bool cached,
	     struct old **ret) WARN_UNUSED;
struct old *old_close(struct old *o);
uint64_t old_size(const struct old *o);
const struct index *old_index(const struct old *o);
/* Is this block there to be read? */
bool old_has(const struct old *o, uint64_t block);
/* The block of it that lies at this one of the file that is read. false: none. */
bool old_origin(const struct old *o, uint64_t at, uint64_t *ret_block);
/*
 * *ret: *ret_len (1 .. len) bytes from at on, good until the next call. wanted: how many bytes from
 * at on will be asked for next (a hint, so that they are read in one go). -ERANGE: [at, at + len)
 * is not within the file. -EBADE: what is there is not what the index says. -errno.
 */
int old_bytes(struct old *o, uint64_t at, size_t len, size_t wanted, const uint8_t **ret,
	      size_t *ret_len) WARN_UNUSED;
/* n whole blocks, copied; what is after the file's end is zeros, if it is within its last block. */
int old_blocks(struct old *o, uint64_t first, uint64_t n, uint8_t *to) WARN_UNUSED;
/* All len bytes, copied. */
int old_copy(struct old *o, uint64_t at, size_t len, uint8_t *to) WARN_UNUSED;

#endif
