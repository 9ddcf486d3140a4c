/*
 * test_bundle_resume.c: streams that go on after a restart of the hub, or are refused, and frames
 * in the cache that were damaged.
 */
#include "tests/unit/bundle_rig.h"

#include <errno.h>

static void test_resume_after_restart(void **state)
{
	struct rig *w = *state;
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes, *again;
	uint64_t half, total;
	struct applied a;
	struct hash id;

	image_literal(w, &new, (70 << 20) + 123);
	c = image_content(&new, false);
	bytes = malloc(80 << 20);
	again = malloc(80 << 20);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(bundle_plan(b)->n_frames, 5);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	id = *stream_id(s);
	half = 20 << 20;
	assert_int_equal(rig_read(w, s, 0, bytes, half, 65536), half);
	stream_acked(s, half);
	assert_true(stream_frame_start(s, half) < half);
	assert_true(stream_frame_start(s, half) > 0);
	stream_free(s);
	bundle_unref(b);

	/* The hub was restarted, with a cache so small that only pins keep anything. */
	rig_stop(w);
	rig_start(w, 0);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(stream_resume(b, &id, half, &s), 0);
	assert_true(hash_equal(stream_id(s), &id));
	total = (uint64_t)rig_read(w, s, half, bytes + half, 60 << 20, 1 << 20);
	assert_int_equal(stream_read(s, half + total, again, 1), 0);
	/* going back to what was acknowledged */
	assert_int_equal(rig_read(w, s, half, again, total, 99999), total);
	assert_memory_equal(again, bytes + half, total);
	total += half;
	stream_acked(s, total);
	applied_whole(&a, bytes, total, NULL, &new);
	assert_int_equal(a.frames, 5);
	stream_forget(s);
	stream_free(s);
	assert_int_equal(stream_resume(b, &id, half, &s), -ENOENT);
	bundle_unref(b);
	free(bytes);
	free(again);
	image_done(&new);
}

static void test_resume_refused(void **state)
{
	struct rig *w = *state;
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes = malloc(40 << 20);
	struct hash id, unknown = {{1}};
	uint64_t half = 20 << 20;

	image_literal(w, &new, 40 << 20);
	c = image_content(&new, false);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(stream_resume(b, &unknown, 0, &s), -ENOENT);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	id = *stream_id(s);
	assert_int_equal(rig_read(w, s, 0, bytes, half, 65536), half);
	stream_free(s);
	/* beyond what was ever fixed */
	assert_int_equal(stream_resume(b, &id, 1 << 30, &s), -ENOENT);
	assert_int_equal(stream_resume(b, &id, half, &s), -ENOENT); /* it was dropped */

	/* the frames are gone from the disk */
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	id = *stream_id(s);
	assert_int_equal(rig_read(w, s, 0, bytes, half, 65536), half);
	stream_free(s);
	bundle_unref(b);
	rig_stop(w);
	{
		DIR *d = fdopendir(openat(w->cache_dir, ".", O_RDONLY | O_DIRECTORY));
		struct dirent *e;

		while ((e = readdir(d)) != NULL) {
			if (strstr(e->d_name, ".frame") != NULL)
				unlinkat(w->cache_dir, e->d_name, 0);
		}
		closedir(d);
	}
	rig_start(w, 1 << 30);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(stream_resume(b, &id, half, &s), -ENOENT);
	bundle_unref(b);
	free(bytes);
	image_done(&new);
}

/* A frame that was damaged on disk is made again, not sent. */
static void test_damaged_cache(void **state)
{
	struct rig *w = *state;
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes = malloc(20 << 20);
	struct applied a;
	DIR *d;
	struct dirent *e;
	int64_t len;

	image_literal(w, &new, 10 << 20);
	c = image_content(&new, false);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	assert_true(rig_read(w, s, 0, bytes, 20 << 20, 65536) > 0);
	rig_close(s, b);
	rig_stop(w);
	d = fdopendir(openat(w->cache_dir, ".", O_RDONLY | O_DIRECTORY));
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".frame") != NULL) {
			int fd = openat(w->cache_dir, e->d_name, O_RDWR);

			temp_write(fd, "!", 1, 5000);
			close(fd);
		}
	}
	closedir(d);
	rig_start(w, 1 << 30);
	b = rig_get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = rig_read(w, s, 0, bytes, 20 << 20, 65536);
	assert_true(len > 0);
	applied_whole(&a, bytes, (uint64_t)len, NULL, &new);
	rig_close(s, b);
	free(bytes);
	image_done(&new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_resume_after_restart, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_resume_refused, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_damaged_cache, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
