/*
 * frame_cache.h: encoded frames as files of one directory, known by (P, index, effort), bounded by
 * size. What is pinned is never evicted; the rest goes least recently used first. Loop thread.
 *
 * A frame's mark is the SHA-256 of its head, which holds the SHA-256 of its body: two frames with
 * the same mark are the same bytes. A file found at start counts as there but not as sound: a
 * worker must verify it once before its bytes are used.
 */
#ifndef SPOKESYNC_TRANSFER_FRAME_CACHE_H
#define SPOKESYNC_TRANSFER_FRAME_CACHE_H

#include <sys/queue.h>

#include "transfer/frame.h"

#define FRAME_NAME_MAX 96

struct frame_key {
	struct hash plan;
	uint32_t index, effort;
};

struct frame_job;

struct cached {
	struct frame_key key;
	uint64_t size; /* 0: not on disk */
	bool sound;    /* verified or written by this process; mark is valid */
	struct hash mark;
	unsigned pins;
	struct frame_job *job; /* that makes it sound, or NULL; bundle_jobs.c's */
	LIST_ENTRY(cached) bucket;
	TAILQ_ENTRY(cached) lru; /* only while on disk and not pinned */
};

struct frame_cache;

/* Looks at what lies in the directory; dirfd stays the caller's. */
struct frame_cache *frame_cache_new(int dirfd, uint64_t max) WARN_UNUSED;
struct frame_cache *frame_cache_free(struct frame_cache *c);
void frame_cache_set_limit(struct frame_cache *c, uint64_t max);

/* Makes an entry where there is none. One unpin for each pin. */
struct cached *frame_cache_pin(struct frame_cache *c, const struct frame_key *key) WARN_UNUSED;
void frame_cache_unpin(struct frame_cache *c, struct cached *e);
/* The entry where a file is there, else NULL. */
const struct cached *frame_cache_peek(struct frame_cache *c, const struct frame_key *key);
/* How many frames of a plan there are, or are being made, of each effort; looks at all that there
 * are. */
void frame_cache_count(struct frame_cache *c, const struct hash *plan,
		       unsigned ret[FRAME_EFFORT_MAX + 1]);
/* Of a pinned entry: its file was written or verified; its file is damaged or gone. */
void frame_cache_stored(struct frame_cache *c, struct cached *e, uint64_t size,
			const struct hash *mark);
void frame_cache_lost(struct frame_cache *c, struct cached *e);

const char *frame_key_name(const struct frame_key *k, char buf[FRAME_NAME_MAX]);

#endif
