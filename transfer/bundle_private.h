/*
 * bundle_private.h: the objects behind bundle.h, shared by bundler.c (plans), bundle.c,
 * bundle_jobs.c and bundle_encode.c (frames), stream*.c and suspended.c (byte streams). All of them
 * live on the loop thread; a worker sees a job or a planning and, through it, a bundle's immutable
 * parts.
 */
#ifndef SPOKESYNC_TRANSFER_BUNDLE_PRIVATE_H
#define SPOKESYNC_TRANSFER_BUNDLE_PRIVATE_H

#include "transfer/bundle.h"
#include "transfer/frame_cache.h"
#include "transfer/patch.h"
#include "transfer/worker.h"

#define ENCODERS      2
#define FRAMES_AHEAD  2
#define REPAIR_EFFORT 3
#define EFFORTS_MOST  2

/*
 * A base whose old bytes are at hand. fd -1: they are not, but for what is left of them in the new
 * content, whose anchors these are then; and their sector sums may be.
 */
struct bundle_base {
	int fd;
	struct index *index;
	struct survivors *left;
	struct anchors *anchors;
	struct sectors *sectors;
	struct anchors *gone; /* of the bytes that the sums are of; or NULL */
};

struct bundle {
	unsigned refs;
	struct bundler *bundler; /* NULL once that is gone */
	struct plan *plan;
	struct index *index;
	struct content content; /* fd is ours */
	struct bundle_base bases[FRAME_BASES_MAX];
	int efforts[EFFORTS_MOST]; /* of its frames and streams, ever; 0: not yet */
	bool stale;		   /* the content changed: not given out any more */
	bool listed;
	TAILQ_ENTRY(bundle) entry;
};
TAILQ_HEAD(bundle_list, bundle);

/*
 * One encoder: its context and its buffer. These are the worker's: made when needed, kept from
 * frame to frame, freed when nothing is to be done and no stream is open; a slow one's at once.
 */
struct encoder {
	struct bundler *bundler;
	struct frame_encoder *zstd;
	uint8_t *literals;
	size_t literals_room;
	uint32_t level;	  /* of what it did last */
	struct work rest; /* gives all of it back */
	bool busy;	  /* with a job or with rest */
};

/* A frame on its way into the cache. */
struct frame_job {
	struct work work;
	struct bundler *bundler;
	struct bundle *bundle;
	struct encoder *encoder; /* that is at it; NULL: it waits */
	struct cached *cached;
	uint64_t number; /* in order of asking */
	uint32_t frame;
	bool on_disk; /* there is a file: verify it first */
	atomic_bool cancel;
	int error;
	uint64_t size;
	struct hash mark;
	TAILQ_ENTRY(frame_job) entry;
};
TAILQ_HEAD(frame_job_list, frame_job);

struct planning;
TAILQ_HEAD(planning_list, planning);
struct suspended;
TAILQ_HEAD(suspended_list, suspended);
TAILQ_HEAD(stream_list, bundle_stream);

struct bundler {
	struct pool *pool;
	int cache_dirfd, index_dirfd;
	struct frame_cache *cache;
	bundle_base_fn *on_base;
	void *on_base_arg;
	struct encoder encoders[ENCODERS];
	struct bundle_list bundles;
	struct planning_list plannings;
	struct frame_job_list jobs; /* oldest first */
	uint64_t n_jobs_ever;
	struct stream_list streams;
	struct suspended_list suspended; /* oldest first */
	size_t n_suspended;
};

/* A stream that nobody reads now: its unacknowledged frames stay. */
struct suspended {
	struct hash id;
	struct cached **pins;
	size_t n_pins;
	TAILQ_ENTRY(suspended) entry;
};

struct bundle_stream {
	struct bundle *bundle;
	int effort;
	struct hash id;
	uint8_t *header;
	size_t header_len;
	int log_fd;
	bool forgotten;

	uint32_t n;	      /* frames of this stream */
	uint32_t *order;      /* which of the plan's */
	uint64_t *ends;	      /* of the first `ready`: the offset after each */
	uint64_t *literal;    /* literal bytes before each, n + 1 of them */
	struct cached **pins; /* [acked, asked) */
	uint32_t acked, ready, asked, logged;
	struct hash *resumed_mark; /* what frame `resumed` must be, since the spoke has a part */
	uint32_t resumed;
	uint64_t resumed_size;

	uint32_t at; /* the frame that is being read */
	int fd;	     /* its file, or -1 */
	uint32_t fd_frame;
	int error;
	bool waits; /* a read was answered -EAGAIN */
	bool tell;
	void (*on_ready)(void *arg);
	void *arg;
	TAILQ_ENTRY(bundle_stream) entry;
};

struct bundle *bundle_new(struct bundler *b, const struct content *content, struct plan *plan,
			  struct index *index) WARN_UNUSED; /* takes plan and index; NULL: no fd */
void bundle_bases_init(struct bundle_base bases[FRAME_BASES_MAX]);
void bundle_bases_done(struct bundle_base bases[FRAME_BASES_MAX]); /* may be used again */

/* Sees to it that the pinned frame gets sound; streams are told when it is, or why not. */
void jobs_want(struct bundle *b, uint32_t frame, struct cached *cached);
void jobs_cancel_all(struct bundler *b);
/* Encoders that have nothing to do take the next job, or give their memory back. */
void jobs_next(struct bundler *b);
/* A stream ended: what only it had asked for is not made any more. */
void jobs_review(struct bundler *b);
/* Worker: the whole work of one job. */
void frame_job_run(struct frame_job *j);
/* Worker. *ret: literal_bytes of them, the encoder's until its next frame; NULL: it has none. */
int bundle_read_literals(const struct frame_job *j, const struct plan_frame *f,
			 uint8_t **ret) WARN_UNUSED;

/* Takes what became sound into the stream; asks for what comes next. */
void stream_advance(struct bundle_stream *s);
/* Whether [first, first + n) lies in the runs; *at is where the search goes on (first ascends). */
bool runs_cover(const struct run *runs, size_t n_runs, size_t *at, uint64_t first, uint64_t n);
/* The plan's frames that a bundle has, in order; malloc'ed. */
uint32_t *stream_order(const struct bundle_header *h, uint32_t *ret_n) WARN_UNUSED;
void suspended_load(struct bundler *b);
void suspended_add(struct bundler *b, const struct hash *id, struct cached **pins, size_t n);
void suspended_drop(struct bundler *b, const struct hash *id);
void suspended_drop_all(struct bundler *b);

#endif
