/*
 * staged.h: a bundle taken by a spoke: its own staging, on disk, with bases that lie in its store
 * and are pinned. For tests whose bundles come from a hub's encoder.
 */
#ifndef SPOKESYNC_TESTS_UNIT_STAGED_H
#define SPOKESYNC_TESTS_UNIT_STAGED_H

#include "temp.h"

#include "transfer/bundle.h"
#include "transfer/index.h"
#include "transfer/staging.h"

/* A spoke: a store in a directory of its own. */
struct staged {
	struct temp dir;
	struct store *store;
	struct assembler *as;
};

/* What is made of a bundle, and how it comes. */
struct staged_bundle {
	struct hash id, root;
	const uint8_t *bytes, *want;
	uint64_t len, size;
	uint64_t *seed; /* of the pieces */
};

static inline void staged_new(struct staged *s)
{
	struct err e = {""};

	temp_new_fast(&s->dir);
	if (store_open(s->dir.path, &s->store, &e) < 0)
		fail_msg("%s", e.text);
	s->as = assembler_new(NULL);
}

static inline void staged_done(struct staged *s)
{
	store_close(s->store);
	assembler_free(s->as);
	temp_done(&s->dir);
}

/* A base lies there, listed, and is pinned as an offer does it. */
static inline void staged_pin(struct staged *s, struct staging *st, const uint8_t *bytes,
			      uint64_t size, const struct hash *root)
{
	struct identity_change change;
	struct err e = {""};
	struct identity id;
	struct hash found;
	struct stat sb;
	int fd;

	unlinkat(s->dir.fd, "base", 0); /* the one before is pinned, and not to be written to */
	fd = temp_file(&s->dir, "base");
	if (size > 0)
		temp_write(fd, bytes, size, 0);
	assert_int_equal(index_build(fd, s->store->index_fd, NULL, NULL, &found, &e), 0);
	assert_true(hash_equal(&found, root));
	assert_int_equal(fstat(fd, &sb), 0);
	identity_of(&sb, &id);
	if (staging_pin(st, root, fd, &id, &change, &e) < 0)
		fail_msg("%s", e.text);
	close(fd);
}

/* One piece of it from `at` on, as a PUT brings it. */
static inline void staged_take(struct staging *st, int spool, const struct staged_bundle *b,
			       uint64_t at, uint64_t len)
{
	struct err e = {""};
	uint64_t n;
	int r;

	for (; len > 0; at += n, len -= n) {
		n = MIN(len, staging_room(st) - at);
		assert_int_equal(staging_spool(spool, at, b->bytes + at, n), 0);
		for (r = staging_apply(st, n, &e); r > 0;)
			r = staging_apply(st, 0, &e);
		if (r < 0)
			fail_msg("%s", e.text);
	}
}

/* The connection ends, or the daemon: it goes on where the position says. */
static inline struct staging *staged_again(struct staged *s, struct staging *st,
					   const struct staged_bundle *b, uint64_t *ret_at)
{
	struct wire_position p;
	struct err e = {""};

	if (temp_random(b->seed) % 2 == 0)
		assert_int_equal(staging_commit(st), 0);
	staging_close(st);
	assert_int_equal(staging_open(s->store, s->as, &b->root, &st, &e), 0);
	staging_position(st, false, &p);
	*ret_at = p.has_bundle ? p.offset : 0;
	wire_position_done(&p);
	return st;
}

/* All of it, in pieces, one time in four with an interruption after a piece; filled and finished.
 */
static inline struct staging *staged_feed(struct staged *s, struct staging *st,
					  const struct staged_bundle *b)
{
	uint64_t at = 0, len, most = 1 + temp_random(b->seed) % 100000;
	unsigned stops = 3;
	struct err e = {""};
	int spool, r;

	while (at < b->len) {
		assert_int_equal(staging_begin(st, &b->id, at, &spool), 0);
		do {
			len = 1 + temp_random(b->seed) % most;
			len = MIN(len, b->len - at);
			staged_take(st, spool, b, at, len);
			at += len;
		} while (at < b->len && (stops == 0 || temp_random(b->seed) % 4 > 0));
		close(spool);
		if (stops > 0) {
			stops--;
			st = staged_again(s, st, b, &at);
		}
	}
	while ((r = staging_fill(st, NODE_SIZE)) > 0)
		;
	assert_int_equal(r, 0);
	assert_true(staging_complete(st));
	if (staging_finish(st, true, NULL, &e) < 0)
		fail_msg("%s", e.text);
	return st;
}

/* What it made is byte for byte what was wanted. */
static inline void staged_check(struct staged *s, const struct staged_bundle *b)
{
	char path[HASH_HEX + sizeof("/" STAGING_IMAGE)], hex[HASH_HEX + 1];
	uint8_t *got = xcalloc(1, b->size + 1);
	int fd;

	snprintf(path, sizeof(path), "%s/" STAGING_IMAGE, hash_hex(&b->root, hex));
	fd = openat(s->store->staging_fd, path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, got, b->size + 1, 0), b->size);
	assert_memory_equal(got, b->want, b->size);
	close(fd);
	free(got);
}

#endif
