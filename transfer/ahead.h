/*
 * ahead.h: pieces of files, read by a thread of their own while the caller works on the piece
 * before: so that the disk and the processor are busy at the same time. The page cache is left as
 * it was (bulkio.h). It knows nothing of what the bytes mean.
 */
#ifndef SPOKESYNC_TRANSFER_AHEAD_H
#define SPOKESYNC_TRANSFER_AHEAD_H

#include "transfer/bulkio.h"

#define AHEAD_PIECE ((size_t)2 << 20) /* the longest */

struct ahead_piece {
	struct bulk *bulk; /* nobody else reads by it meanwhile */
	uint64_t offset;   /* 4 KiB aligned */
	size_t len;
};

struct ahead;

/* Begins to read; pieces are the caller's and stay until ahead_stop(). Memory: three pieces. */
int ahead_start(const struct ahead_piece *pieces, size_t n, struct ahead **ret) WARN_UNUSED;
/* Waits for the next piece, in order: its bytes (less where the file ends), good until the next
 * call, or -errno. No more than n calls. */
int64_t ahead_next(struct ahead *a, uint8_t **ret) WARN_UNUSED;
/* Ends the thread, after the piece that it reads now. NULL is fine. */
struct ahead *ahead_stop(struct ahead *a);

#endif
