/*
 * bundle_rig.h: a hub's bundler on a bench: images in files and indexes, streams that are read to
 * an end, and bundles that are decoded and applied in memory, each node compared with its hash.
 */
#ifndef SPOKESYNC_TESTS_BUNDLE_RIG_H
#define SPOKESYNC_TESTS_BUNDLE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/bundle_private.h"

#define BASES_MAX 3

/* One hub: a loop, a pool, a bundler over directories of its own. */
struct rig {
	struct temp dir;
	int index_dir, cache_dir;
	struct ev_loop *loop;
	struct pool *pool;
	struct bundler *bundler;
	/* Whose old bytes are at hand. */
	const struct image *old[BASES_MAX];
	uint64_t patched;
	uint32_t prefixed;
	struct bundle *got;
	int error;
	bool answered;
	unsigned ready;
	unsigned threads; /* of the pool; 0: 2 */
};

struct image {
	uint8_t *bytes;
	uint64_t size;
	int fd;
	struct hash root;
};

int rig_setup(void **state);
int rig_teardown(void **state);
void rig_start(struct rig *w, uint64_t cache_max);
void rig_stop(struct rig *w); /* as by a restart: what is on disk stays */

void image_index(struct rig *w, struct image *i, const char *name); /* and writes it */
/* As a hub does that cannot keep the bytes: with sums of sectors, and places. */
void image_index_sums(struct rig *w, struct image *i, const char *name);
/* Random bytes, indexed as "new"; some can be compressed, so that frames differ in size. */
void image_literal(struct rig *w, struct image *i, uint64_t size);
struct content image_content(const struct image *i, bool live);
void image_done(struct image *i);

/* The bundle of c over n bases; the caller's. */
struct bundle *rig_get(struct rig *w, const struct content *c, const struct hash *bases,
		       unsigned n);
void rig_got(void *arg, int error, struct bundle *b); /* arg: the rig; for bundler_get() */
void rig_ready(void *arg);			      /* arg: the rig; for stream_on_ready() */
/* Reads from offset until limit or the end, waiting where needed; the count or the error. */
int64_t rig_read(struct rig *w, struct bundle_stream *s, uint64_t offset, uint8_t *buf,
		 uint64_t limit, size_t piece);
void rig_close(struct bundle_stream *s, struct bundle *b);   /* done with both */
unsigned rig_count_files(struct rig *w, const char *suffix); /* in the cache */

/* What a spoke makes of a bundle. */
struct applied {
	uint8_t *out;
	bool *node_done;
	uint32_t frames;
	uint64_t patched;  /* bytes that PATCHes copied */
	uint32_t prefixed; /* frames with a prefix */
};
void applied_init(struct applied *a, uint64_t size);
void applied_take(struct applied *a, const uint8_t *bytes, uint64_t len,
		  const struct image *const *bases);
void applied_done(struct applied *a);
/* All of it, and it is new; of *ret only the figures stay. bases: NULL where there are none. */
void applied_whole(struct applied *ret, const uint8_t *bytes, uint64_t len,
		   const struct image *const *bases, const struct image *new);

static inline uint64_t pick(uint64_t *seed, uint64_t n)
{
	return temp_random(seed) % n;
}

#endif
