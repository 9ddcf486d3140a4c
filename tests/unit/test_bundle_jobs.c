/*
 * test_bundle_jobs.c: frames that several streams want: which is made first, how many at a time,
 * each once for all, and kept within the limit.
 */
#include "tests/unit/bundle_rig.h"

#include <errno.h>

#include <ev.h>

static unsigned count_jobs(const struct rig *w)
{
	const struct frame_job *j;
	unsigned n = 0;

	TAILQ_FOREACH (j, &w->bundler->jobs, entry)
		n++;
	return n;
}

/*
 * A line that waits goes before what is made ahead for another; and what was asked for by a window
 * that has closed is not made. (64 transfers of a closed window kept one of the next waiting for
 * minutes.)
 */
static void test_what_is_awaited_goes_first(void **state)
{
	struct rig *w = *state;
	struct bundle_stream *s[2];
	struct bundle *b[2];
	struct image new[2];
	uint8_t byte;

	for (unsigned i = 0; i < 2; i++) {
		struct content c;

		image_literal(w, &new[i], (34 << 20) + i);
		assert_int_equal(renameat(w->dir.fd, "new", w->dir.fd, i > 0 ? "b" : "a"), 0);
		c = image_content(&new[i], false);
		b[i] = rig_get(w, &c, NULL, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(stream_new(b[i], LEVEL_SLOW, NULL, 0, &s[i]), 0);
	assert_int_equal(count_jobs(w), 6);
	stream_on_ready(s[1], rig_ready, w);
	w->ready = 0;
	assert_int_equal(stream_read(s[1], s[1]->header_len, &byte, 1), -EAGAIN);
	while (w->ready == 0)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(s[0]->error, 0);
	assert_int_equal(s[0]->ready, 1); /* it was under way */
	assert_int_equal(s[1]->ready, 1);
	stream_free(s[0]);
	assert_true(count_jobs(w) <= 3); /* of the other one two, and one under way */
	while (count_jobs(w) > 0)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(s[1]->ready, 3);
	assert_true(rig_count_files(w, ".frame") <= 5);
	stream_free(s[1]);
	for (unsigned i = 0; i < 2; i++) {
		bundle_unref(b[i]);
		image_done(&new[i]);
	}
}

static unsigned at_work(const struct rig *w, unsigned effort)
{
	const struct frame_job *j;
	unsigned n = 0;

	TAILQ_FOREACH (j, &w->bundler->jobs, entry)
		n += j->encoder != NULL && j->cached->key.effort == effort;
	return n;
}

/*
 * Two slow frames at a time where a worker is left for all else and no fast line would wait for
 * them; of the large levels one, and of the fast two.
 */
static void test_encoders(void **state)
{
	static const struct {
		unsigned threads, before, level, at_work;
	} rows[] = {
		{2, 0, LEVEL_SLOW, 1},	{3, 0, LEVEL_SLOW, 2},	{3, 0, LEVEL_LARGE - 1, 2},
		{3, 0, LEVEL_LARGE, 1}, {2, 0, 3, 2},		{3, 3, LEVEL_SLOW, 1},
		{3, LEVEL_LARGE, 3, 1}, {3, LEVEL_LARGE, 9, 1},
	};
	struct rig *w = *state;
	struct image new[2];
	struct bundle *b[2];
	struct bundle_stream *s[2];

	for (unsigned i = 0; i < 2; i++) {
		image_literal(w, &new[i], i > 0 ? 34 << 20 : 66 << 20);
		assert_int_equal(renameat(w->dir.fd, "new", w->dir.fd, i > 0 ? "b" : "a"), 0);
	}
	for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
		rig_stop(w);
		w->threads = rows[k].threads;
		rig_start(w, 0);
		for (unsigned i = rows[k].before > 0 ? 0 : 1; i < 2; i++) {
			struct content c = image_content(&new[i], false);

			b[i] = rig_get(w, &c, NULL, 0);
			assert_int_equal(stream_new(b[i],
						    (int)(i > 0 ? rows[k].level : rows[k].before),
						    NULL, 0, &s[i]),
					 0);
			/* Of a fast one what may be made is, and more will be wanted. */
			while (i == 0 && rows[k].before < LEVEL_SLOW && count_jobs(w) > 0)
				ev_run(w->loop, EVRUN_ONCE);
		}
		assert_int_equal(at_work(w, rows[k].level), rows[k].at_work);
		for (unsigned i = rows[k].before > 0 ? 0 : 1; i < 2; i++) {
			rig_close(s[i], b[i]);
		}
	}
	for (unsigned i = 0; i < 2; i++)
		image_done(&new[i]);
}

/* Thirty spokes cost one; and nothing beyond the limit stays. */
static void test_shared_and_bounded(void **state)
{
	struct rig *w = *state;
	struct image new;
	struct bundle_stream *s[3];
	struct bundle *b, *same;
	struct content c;
	uint8_t *bytes = malloc(40 << 20), *other = malloc(40 << 20);
	int64_t len;

	image_literal(w, &new, 34 << 20);
	c = image_content(&new, false);
	b = rig_get(w, &c, NULL, 0);
	same = rig_get(w, &c, NULL, 0);
	assert_ptr_equal(b, same);
	bundle_unref(same);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(stream_new(b, 3, NULL, 0, &s[i]), 0);
	assert_int_equal(count_jobs(w), 3); /* frames, not streams times frames */
	len = rig_read(w, s[0], 0, bytes, 40 << 20, 1 << 20);
	for (unsigned i = 1; i < 3; i++) {
		struct bundle_header h[2];
		size_t used;
		struct hash id;

		assert_int_equal(rig_read(w, s[i], 0, other, 40 << 20, 1 << 20), len);
		assert_int_equal(bundle_header_decode(other, (size_t)len, &h[0], &used, &id, NULL),
				 0);
		assert_true(hash_equal(&id, stream_id(s[i])));
		assert_false(hash_equal(&id, stream_id(s[0])));
		assert_memory_equal(bytes + used, other + used, (size_t)len - used);
		bundle_header_done(&h[0]);
	}
	assert_int_equal(rig_count_files(w, ".frame"), 3);
	bundler_set_limit(w->bundler, 0);
	assert_int_equal(rig_count_files(w, ".frame"), 3); /* pinned */
	stream_acked(s[0], (uint64_t)len);
	stream_acked(s[1], (uint64_t)len);
	assert_int_equal(rig_count_files(w, ".frame"), 3);
	stream_acked(s[2], (uint64_t)stream_frame_start(s[2], (uint64_t)len - 1));
	assert_int_equal(rig_count_files(w, ".frame"), 1);
	stream_acked(s[2], (uint64_t)len);
	assert_int_equal(rig_count_files(w, ".frame"), 0);
	assert_int_equal(rig_count_files(w, ".stream"), 3);
	for (unsigned i = 0; i < 3; i++) {
		stream_forget(s[i]);
		stream_free(s[i]);
	}
	assert_int_equal(rig_count_files(w, ".stream"), 0);
	bundle_unref(b);
	free(bytes);
	free(other);
	image_done(&new);
}

/* What tells whether a frame was made again: its file is another. */
static uint64_t frames_mark(struct rig *w)
{
	DIR *d = fdopendir(openat(w->cache_dir, ".", O_RDONLY | O_DIRECTORY));
	uint64_t sum = 0;
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".frame") != NULL)
			sum += (uint64_t)e->d_ino * (uint64_t)e->d_ino;
	}
	closedir(d);
	return sum;
}

struct many {
	struct bundle *got[30];
	unsigned n;
};

static void got_many(void *arg, int error, struct bundle *b)
{
	struct many *m = arg;

	assert_int_equal(error, 0);
	m->got[m->n++] = b;
}

/* Thirty spokes with the same base: one plan is made, and each frame once. */
static void test_thirty_spokes(void **state)
{
	enum { SIZE = 40 << 20 };
	struct rig *w = *state;
	uint64_t seed = 8, mark = 0;
	struct image base = {.size = SIZE, .bytes = malloc(SIZE)}, new = base;
	uint8_t *bytes = malloc(2 * SIZE);
	struct bundle_stream *s[30];
	struct many m = {.n = 0};
	struct content c;

	temp_fill(&seed, base.bytes, SIZE);
	new.bytes = malloc(SIZE);
	memcpy(new.bytes, base.bytes, SIZE);
	for (uint64_t i = 0; i < SIZE; i += 1000)
		new.bytes[i] ^= 1;
	image_index(w, &base, "base");
	image_index(w, &new, "new");
	w->old[0] = &base;
	c = image_content(&new, false);
	/* All ask before the plan is made. */
	for (unsigned i = 0; i < ARRAY_LEN(s); i++)
		assert_non_null(bundler_get(w->bundler, &c, &base.root, 1, got_many, &m));
	assert_int_equal(pool_busy(w->pool), 1);
	while (m.n < ARRAY_LEN(s))
		ev_run(w->loop, EVRUN_ONCE);
	for (unsigned i = 0; i < ARRAY_LEN(s); i++) {
		assert_ptr_equal(m.got[i], m.got[0]);
		assert_int_equal(stream_new(m.got[i], 3, NULL, 0, &s[i]), 0);
	}
	assert_int_equal(count_jobs(w), 3); /* frames, not streams times frames */
	for (unsigned i = 0; i < ARRAY_LEN(s); i++) {
		int64_t len = rig_read(w, s[i], 0, bytes, 2 * SIZE, 1 << 20);

		assert_true(len > 0);
		stream_acked(s[i], (uint64_t)len);
		if (i == 0)
			mark = frames_mark(w);
		assert_int_equal(rig_count_files(w, ".frame"), 3);
		assert_int_equal(frames_mark(w), mark);
		rig_close(s[i], m.got[i]);
	}
	w->old[0] = NULL;
	image_done(&new);
	image_done(&base);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_awaited_goes_first, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(test_encoders, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_shared_and_bounded, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_thirty_spokes, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
