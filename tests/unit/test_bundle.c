/*
 * test_bundle.c: what a bundle costs and what of it is sent: old bytes, or what is left of them,
 * spare literals; what is done is left out, what did not prove is sent again, and a content that
 * changed is noticed. Random edits are in test_bundle_edits.c, what comes of many streams and of
 * restarts in test_bundle_jobs.c and _resume.c.
 */
#include "tests/unit/bundle_rig.h"

#include <errno.h>

#include <ev.h>

/* What new costs a spoke that holds base, whose bytes the hub has or not; applied and compared. */
static uint64_t sent(struct rig *w, struct image *base, struct image *new, bool old_bytes,
		     struct applied *ret)
{
	const struct image *bases[] = {base};
	uint8_t *bytes = malloc(2 * new->size);
	struct bundle_stream *s;
	struct content c;
	struct bundle *b;
	int64_t len;

	w->old[0] = old_bytes ? base : NULL;
	c = image_content(new, false);
	b = rig_get(w, &c, &base->root, 1);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = rig_read(w, s, 0, bytes, 2 * new->size, 65536);
	assert_true(len > 0);
	applied_whole(ret, bytes, (uint64_t)len, bases, new);
	rig_close(s, b);
	w->old[0] = NULL;
	free(bytes);
	return (uint64_t)len;
}

/* base, and a new content that is the same for now. */
static void alike(struct rig *w, uint64_t seed, uint64_t size, struct image *base,
		  struct image *new)
{
	*base = *new = (struct image){.size = size};
	base->bytes = malloc(size);
	new->bytes = malloc(size);
	temp_fill(&seed, base->bytes, size);
	memcpy(new->bytes, base->bytes, size);
	image_index(w, base, "base");
}

/* A large image with small changes everywhere costs hardly more than the changes. */
static void test_old_bytes(void **state)
{
	enum { SIZE = 8 << 20, EDITS = 200 };
	struct rig *w = *state;
	uint64_t seed = 55, at = 4 << 20;
	struct image base, new;
	struct applied a;

	alike(w, 5, SIZE, &base, &new);
	for (unsigned i = 0; i < EDITS; i++)
		temp_fill(&seed, new.bytes + pick(&seed, SIZE - 64), 64);
	/* 3 MiB that moved on by 1003 bytes. */
	memmove(new.bytes + at + 1003, new.bytes + at, 3 << 20);
	image_index(w, &new, "new");
	assert_in_range(sent(w, &base, &new, true, &a), EDITS * 64 / 2, EDITS * 64 * 2 + 4096);
	image_done(&new);
	image_done(&base);
}

/*
 * No old bytes are at hand. A file within the image was replaced: its successor lies elsewhere,
 * nearly the same, a few bytes on; and the old blocks lie where they were, but for some that were
 * used again. The copies are made from what is left of them.
 */
static void test_survivors(void **state)
{
	enum { SIZE = 8 << 20, FILE_AT = 1 << 20, NEW_AT = 5 << 20, LEN = 2 << 20, EDITS = 100 };
	struct rig *w = *state;
	uint64_t seed = 77, len;
	struct image base, new;
	struct applied a;

	alike(w, 7, SIZE, &base, &new);
	memcpy(new.bytes + NEW_AT + 48, base.bytes + FILE_AT, LEN);
	for (unsigned i = 0; i < EDITS; i++)
		new.bytes[NEW_AT + pick(&seed, LEN)] ^= 1;
	/* Used again: 64 KiB of the old blocks, whose successors have to be sent. */
	temp_fill(&seed, new.bytes + FILE_AT + LEN / 2, 64 << 10);
	image_index(w, &new, "new");
	len = sent(w, &base, &new, false, &a);
	assert_in_range(len, 2 * (64 << 10), 2 * (64 << 10) + EDITS * 64 + (16 << 10));
	assert_true(a.patched > LEN / 2);
	image_done(&new);
	image_done(&base);
}

/* A byte in forty changed: no copy is worth it, and the old blocks as a prefix save most. */
static void test_prefix(void **state)
{
	enum { SIZE = (2 << 20) + 300 };
	struct rig *w = *state;
	struct image base, new;
	struct applied a;

	alike(w, 6, SIZE, &base, &new);
	for (uint64_t i = 0; i < new.size; i += 40)
		new.bytes[i] ^= 1;
	image_index(w, &new, "new");
	assert_in_range(sent(w, &base, &new, true, &a), 1, SIZE / 4);
	assert_int_equal(a.prefixed, a.frames);
	image_done(&new);
	image_done(&base);
}

/* A bundle has frames of two efforts at most: a third becomes the next lower of them. */
static void test_two_efforts(void **state)
{
	static const struct {
		int asked, got;
	} efforts[] = {{9, 9}, {3, 3}, {19, 9}, {6, 3}, {1, 3}, {9, 9}};
	struct rig *w = *state;
	struct bundle_stream *s;
	struct image new;
	struct content c;
	struct bundle *b;

	image_literal(w, &new, 1 << 20);
	c = image_content(&new, false);
	b = rig_get(w, &c, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(efforts); i++) {
		assert_int_equal(bundle_effort(b, efforts[i].asked), efforts[i].got);
		assert_int_equal(stream_new(b, efforts[i].asked, NULL, 0, &s), 0);
		assert_int_equal(stream_effort(s), efforts[i].got);
		stream_forget(s);
		stream_free(s);
	}
	bundle_unref(b);
	image_done(&new);
}

/* All of it, sent and acknowledged. */
static struct bundle_stream *whole_stream(struct rig *w, struct bundle *b, int effort)
{
	uint8_t *bytes = malloc(2 << 20);
	struct bundle_stream *s;
	int64_t len;

	assert_int_equal(stream_new(b, effort, NULL, 0, &s), 0);
	len = rig_read(w, s, 0, bytes, 2 << 20, 65536);
	assert_true(len > 0);
	stream_acked(s, (uint64_t)len);
	free(bytes);
	return s;
}

/* So it is where spokes come one after another, and after a restart: the frames are still there. */
static void test_two_efforts_in_turn(void **state)
{
	static const int asked[] = {3, 9, 17}, got[] = {3, 9, 9};
	struct rig *w = *state;
	struct bundle_stream *s;
	struct image new;
	struct content c;
	struct bundle *b;
	struct hash id;
	uint64_t end;

	image_literal(w, &new, 1 << 20);
	c = image_content(&new, false);
	/* One that is suspended, at the end, of whose frames none is left: it would be a third. */
	b = rig_get(w, &c, NULL, 0);
	s = whole_stream(w, b, 17);
	id = *stream_id(s);
	end = s->ends[s->n - 1];
	stream_free(s);
	bundle_unref(b);
	bundler_set_limit(w->bundler, 0);
	assert_int_equal(rig_count_files(w, ".frame"), 0);
	bundler_set_limit(w->bundler, 1 << 30);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		b = rig_get(w, &c, NULL, 0);
		s = whole_stream(w, b, asked[i]);
		assert_int_equal(stream_effort(s), got[i]);
		rig_close(s, b);
	}
	assert_int_equal(rig_count_files(w, ".frame"), 2);
	rig_stop(w);
	rig_start(w, 1 << 30);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(bundle_effort(b, 17), 9);
	assert_int_equal(bundle_effort(b, 1), 3);
	assert_int_equal(stream_resume(b, &id, end, &s), -ENOENT);
	bundle_unref(b);
	image_done(&new);
}

static void test_changed_content(void **state)
{
	struct rig *w = *state;
	struct image new;
	struct bundle_stream *s;
	struct bundle *b, *next;
	struct content live, clone;
	uint8_t *bytes = malloc(40 << 20);

	image_literal(w, &new, 1 << 20);
	live = image_content(&new, true);
	clone = image_content(&new, false);
	/* A live file: its identity says it. */
	b = rig_get(w, &live, NULL, 0);
	assert_int_equal(fchmod(new.fd, 0640), 0);
	assert_int_equal(futimens(new.fd, (struct timespec[2]){{1, 0}, {1, 0}}), 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	assert_int_equal(rig_read(w, s, 0, bytes, 40 << 20, 65536), -ESTALE);
	stream_forget(s);
	stream_free(s);
	/* The bundle is not given out again; a clone's blocks are compared one by one. */
	next = rig_get(w, &clone, NULL, 0);
	assert_ptr_not_equal(next, b);
	bundle_unref(b);
	temp_write(new.fd, "?", 1, 300000);
	assert_int_equal(stream_new(next, 3, NULL, 0, &s), 0);
	assert_int_equal(rig_read(w, s, 0, bytes, 40 << 20, 65536), -ESTALE);
	rig_close(s, next);
	free(bytes);
	image_done(&new);
}

static void test_left_out_and_repair(void **state)
{
	struct rig *w = *state;
	const struct image *none[1] = {NULL};
	/* Frame 1 of 3 (nodes 32..63) is done; so is a part of frame 2. */
	const struct run done[] = {{32, 20}, {52, 12}, {66, 1}};
	const struct run broken[] = {{0, 1}, {30, 38}, {68, 1}};
	const struct run wrong[] = {{68, 2}};
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes = malloc(40 << 20);
	struct applied a;
	int64_t len;

	image_literal(w, &new, (34 << 20) + 5);
	c = image_content(&new, false);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, done, ARRAY_LEN(done), &s), 0);
	len = rig_read(w, s, 0, bytes, 40 << 20, 65536);
	applied_init(&a, new.size);
	applied_take(&a, bytes, (uint64_t)len, none);
	assert_int_equal(a.frames, 2);
	for (unsigned i = 0; i < 69; i++)
		assert_int_equal(a.node_done[i], i < 32 || i >= 64);
	applied_done(&a);
	stream_forget(s);
	stream_free(s);

	assert_int_equal(stream_repair(b, wrong, 1, &s), -EINVAL);
	assert_int_equal(stream_repair(b, broken, ARRAY_LEN(broken), &s), 0);
	len = rig_read(w, s, 0, bytes, 40 << 20, 65536);
	assert_true(len > 0);
	applied_init(&a, new.size);
	applied_take(&a, bytes, (uint64_t)len, none);
	for (unsigned i = 0; i < 69; i++) {
		uint64_t at = (uint64_t)i * NODE_SIZE;

		assert_int_equal(a.node_done[i], i == 0 || i >= 30);
		if (a.node_done[i])
			assert_memory_equal(a.out + at, new.bytes + at,
					    MIN(NODE_SIZE, new.size - at));
	}
	applied_done(&a);
	rig_close(s, b);
	free(bytes);
	image_done(&new);
}

static void test_missing_index_and_cancel(void **state)
{
	struct rig *w = *state;
	struct hash unknown = {{9}};
	struct bundle_ticket *t;
	struct image new;
	struct content c;

	image_literal(w, &new, 1 << 20);
	c = image_content(&new, false);
	w->answered = false;
	(void)!bundler_get(w->bundler, &c, &unknown, 1, rig_got, w);
	while (!w->answered)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(w->error, -ENOENT);
	assert_null(w->got);

	w->answered = false;
	t = bundler_get(w->bundler, &c, NULL, 0, rig_got, w);
	bundle_ticket_cancel(t);
	while (pool_busy(w->pool) > 0)
		ev_run(w->loop, EVRUN_ONCE);
	assert_false(w->answered);
	/* One that is never awaited is taken back by bundler_free(). */
	(void)!bundler_get(w->bundler, &c, NULL, 0, rig_got, w);
	image_done(&new);
}

static void test_empty_file(void **state)
{
	struct rig *w = *state;
	struct image new = {0};
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t bytes[1000];
	int64_t len;

	image_index(w, &new, "new");
	c = image_content(&new, true);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = rig_read(w, s, 0, bytes, sizeof(bytes), 10);
	assert_true(len > 0);
	assert_int_equal(stream_read(s, (uint64_t)len, bytes, 1), 0);
	rig_close(s, b);
	image_done(&new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_old_bytes, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_survivors, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_prefix, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_two_efforts, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_two_efforts_in_turn, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_changed_content, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_left_out_and_repair, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_missing_index_and_cancel, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(test_empty_file, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
