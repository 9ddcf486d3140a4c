/*
 * bundle.h: plans turned into encoded frames, made once for all spokes in the same state, kept
 * in a bounded cache on disk, and read as byte streams by transfers.
 *
 * bundler: one a hub. It holds plans by P and encoded frames by (P, index, effort) as files under
 * its directory. A frame is encoded by a worker when a stream first comes near it, at most two
 * ahead of each stream. Frames that a stream has not yet had acknowledged are exempt from eviction.
 */
#ifndef SPOKESYNC_TRANSFER_BUNDLE_H
#define SPOKESYNC_TRANSFER_BUNDLE_H

#include "transfer/delta.h"
#include "transfer/source.h"

struct pool;
struct bundler;
struct bundle; /* a plan, counted; shared by streams */
struct bundle_stream;

/* A content that the hub can read: its index, and where its bytes are. */
struct content {
	struct hash root;
	uint64_t size;
	int fd;	   /* open for reading: generation or live file; the bundler dups it */
	bool live; /* the file itself: identity is checked around each frame */
	struct identity identity;
};

struct bundler *bundler_new(struct pool *pool, int cache_dirfd, int index_dirfd,
			    uint64_t cache_max) WARN_UNUSED;
/* After its streams and tickets, before the pool. Waits for the frame that is being encoded. */
struct bundler *bundler_free(struct bundler *b);
/*
 * Where the old bytes of a base are, for differences against them: 0 and *ret, whose fd is the
 * bundler's from then on, or -errno: they are not at hand. Asked on the loop thread when a bundle
 * is planned. What is read there is compared with the index, so a wrong answer costs bytes only.
 */
typedef int bundle_base_fn(void *arg, const struct hash *root, int *ret_fd);
void bundler_on_base(struct bundler *b, bundle_base_fn *fn, void *arg);
void bundler_set_limit(struct bundler *b, uint64_t cache_max);

/*
 * The bundle for (bases, content); planned on a worker where it is not known. done(arg, 0, bundle)
 * or done(arg, -errno, NULL) on the loop thread, always later, never inside this call. Bases must
 * have an index in index_dirfd, if only in part. The reference in done belongs to the caller. The
 * ticket may be cancelled until done was called.
 */
typedef void bundle_done_fn(void *arg, int error, struct bundle *b);
struct bundle_ticket;
struct bundle_ticket *bundler_get(struct bundler *b, const struct content *content,
				  const struct hash *bases, unsigned n_bases, bundle_done_fn *done,
				  void *arg) WARN_UNUSED;
void bundle_ticket_cancel(struct bundle_ticket *t);
struct bundle *bundle_ref(struct bundle *b);
struct bundle *bundle_unref(struct bundle *b);
const struct plan *bundle_plan(const struct bundle *b);
/*
 * The effort (zstd's level) that a new stream would have where this one is asked for: a bundle has
 * frames of two efforts at most, so a third becomes the next lower of those, or the lowest.
 */
int bundle_effort(const struct bundle *b, int wanted);

/*
 * A byte stream of a bundle for one transfer: header, then the frames that are not left out.
 * Frame f is left out when all its nodes are in done_nodes (ascending runs). With id given (a
 * stream that the spoke already has part of): -ENOENT where this bundler no longer knows it (its
 * header is kept on disk until stream_forget) or its unacknowledged frames are gone.
 */
int stream_new(struct bundle *b, int effort, const struct run *done_nodes, size_t n_done,
	       struct bundle_stream **ret) WARN_UNUSED;
int stream_resume(struct bundle *b, const struct hash *id, uint64_t offset,
		  struct bundle_stream **ret) WARN_UNUSED;
/* A repair bundle: the given nodes as plain literals. */
int stream_repair(struct bundle *b, const struct run *nodes, size_t n,
		  struct bundle_stream **ret) WARN_UNUSED;
struct bundle_stream *stream_free(struct bundle_stream *s); /* its header stays resumable */
/* Complete or not wanted any more: its header goes now, its pins with stream_free(), which follows.
 */
void stream_forget(struct bundle_stream *s);

const struct hash *stream_id(const struct bundle_stream *s); /* E */
int stream_effort(const struct bundle_stream *s);
/* Called on the loop thread whenever bytes became readable, or an error is known. */
void stream_on_ready(struct bundle_stream *s, void (*ready)(void *arg), void *arg);
/*
 * Bytes at offset (offsets only grow, or go back to an acknowledged one): the count (> 0), 0 at the
 * end, -EAGAIN: being encoded, ready() follows; -ESTALE: the content changed on disk; -ENOENT: the
 * frame that was to be resumed turned out to be damaged, only a new stream helps; -errno.
 */
int64_t stream_read(struct bundle_stream *s, uint64_t offset, void *buf, size_t len) WARN_UNUSED;
/* Whether stream_read() would give bytes there, or the end. */
bool stream_at_hand(const struct bundle_stream *s, uint64_t offset);
void stream_acked(struct bundle_stream *s, uint64_t offset);
/* What is known so far of the bytes: exact for encoded frames, estimated for the rest. */
uint64_t stream_estimate(const struct bundle_stream *s);
/* Literal bytes (uncompressed) in frames up to offset, and in all of this stream. */
uint64_t stream_literal_at(const struct bundle_stream *s, uint64_t offset);
uint64_t stream_literal(const struct bundle_stream *s);
/* The frame start at or before offset: a resume from there sends at most this much again. */
uint64_t stream_frame_start(const struct bundle_stream *s, uint64_t offset);

#endif
