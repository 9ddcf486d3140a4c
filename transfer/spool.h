/*
 * spool.h: the bundle bytes that are not applied yet: a file used round and round, so that its
 * pages are written over and over in memory and reach the disk only where somebody syncs it. Byte n
 * of a bundle lies at n modulo the size, and is read through a mapping that shows the file twice in
 * a row: what goes over the end is seen in one piece, and no frame costs memory of its own.
 *
 * It knows no frames, and not what of it is still needed: the writer must not go further than
 * SPOOL_SIZE beyond the first byte that is.
 */
#ifndef SPOKESYNC_TRANSFER_SPOOL_H
#define SPOKESYNC_TRANSFER_SPOOL_H

#include "policy/base.h"

#define SPOOL_SIZE ((uint64_t)32 << 20)

struct spool;

/* Takes the descriptor, also where it fails. */
int spool_open(int fd, struct spool **ret) WARN_UNUSED;
struct spool *spool_close(struct spool *s);
/* All bytes are forgotten. */
int spool_clear(struct spool *s) WARN_UNUSED;
int spool_sync(struct spool *s) WARN_UNUSED;
/* len (at most SPOOL_SIZE) bytes that were written at this offset. */
const uint8_t *spool_at(const struct spool *s, uint64_t offset);
/* Another descriptor of it, for spool_write() on another thread; the caller closes it. -errno. */
int spool_dup(const struct spool *s) WARN_UNUSED;
/* len: at most SPOOL_SIZE. */
int spool_write(int fd, uint64_t offset, const void *buf, size_t len) WARN_UNUSED;

#endif
