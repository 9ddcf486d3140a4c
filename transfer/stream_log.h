/*
 * stream_log.h: what is kept on disk of a stream, so that a hub that was restarted can go on inside
 * a bundle: its header, then a record for each frame whose bytes may have been sent (its size and
 * mark fix all offsets), and for each advance of what was acknowledged. Appended without syncing:
 * it survives kill -9; after a power cut a missing tail costs one partial frame.
 */
#ifndef SPOKESYNC_TRANSFER_STREAM_LOG_H
#define SPOKESYNC_TRANSFER_STREAM_LOG_H

#include "transfer/frame.h"

struct stream_record {
	uint64_t size;
	struct hash mark;
};

/* A log read back. */
struct stream_past {
	uint8_t *bytes; /* of the header */
	size_t len;
	struct hash id;
	struct bundle_header header;
	struct stream_record *frames; /* the first n of the stream */
	uint32_t n, acked;
};

/* Writes a log whole, over an older one; past->bytes, len, id, frames, n, acked. An fd to append.
 */
int stream_log_write(int dirfd, const struct stream_past *past, int *ret_fd) WARN_UNUSED;
int stream_log_frame(int fd, const struct stream_record *r) WARN_UNUSED;
int stream_log_acked(int fd, uint32_t frames) WARN_UNUSED;
/* -ENOENT where it is absent or damaged. */
int stream_log_read(int dirfd, const struct hash *id, struct stream_past *ret) WARN_UNUSED;
void stream_past_done(struct stream_past *p);
void stream_log_remove(int dirfd, const struct hash *id);
/* All ids with a log, oldest first; malloc'ed. Logs not touched for so long are removed. */
struct hash *stream_log_list(int dirfd, int64_t now, int64_t keep_seconds,
			     size_t *ret_n) WARN_UNUSED;

#endif
