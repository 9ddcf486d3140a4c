/*
 * spool.h: the bundle bytes that are not applied yet: memory used round and round, and beside it a
 * file for those that a position speaks of. Byte n of a bundle lies at n modulo the size, in both;
 * it is read through a mapping that shows the memory twice in a row: what goes over the end is seen
 * in one piece. So what is applied soon after it came is never written, and costs the disk nothing.
 *
 * It knows no frames, and not what of it is still needed: the writer must not go further than
 * SPOOL_SIZE beyond the first byte that is.
 */
#ifndef SPOKESYNC_TRANSFER_SPOOL_H
#define SPOKESYNC_TRANSFER_SPOOL_H

#include "policy/base.h"

#define SPOOL_SIZE ((uint64_t)32 << 20)

struct spool;

/* Takes the file's descriptor, also where it fails. Nothing is in memory yet. */
int spool_open(int fd, struct spool **ret) WARN_UNUSED;
struct spool *spool_close(struct spool *s);
/* All bytes are forgotten, those in the file too. */
int spool_clear(struct spool *s) WARN_UNUSED;
/* The bytes from..to - 1 (at most SPOOL_SIZE) are durable after it. */
int spool_store(struct spool *s, uint64_t from, uint64_t to) WARN_UNUSED;
/* Of all bytes those from..to - 1 are in memory after it, as they were stored. -EIO: they were not.
 */
int spool_load(struct spool *s, uint64_t from, uint64_t to) WARN_UNUSED;
/* Gives the memory back; the file stays. */
void spool_rest(struct spool *s);
/* len (at most SPOOL_SIZE) bytes that were written at this offset. */
const uint8_t *spool_at(const struct spool *s, uint64_t offset);
/* A descriptor of its memory, for spool_write() on another thread; the caller closes it. -errno. */
int spool_dup(const struct spool *s) WARN_UNUSED;
/* len: at most SPOOL_SIZE. */
int spool_write(int fd, uint64_t offset, const void *buf, size_t len) WARN_UNUSED;

#endif
