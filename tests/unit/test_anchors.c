/*
 * test_anchors.c: the anchors of a content are the same to the byte whether they were collected
 * while its index was made, by how many threads ever, taken over from the content that it was
 * cloned from, or made by reading it later; what is too many is thinned out without regard to the
 * order; and every anchor is found by its print.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/anchors_private.h"
#include "transfer/anchors_writer.h"
#include "transfer/index_build.h"
#include "transfer/index_sectors.h"

#define SIZE   ((20u << 20) + 1234u) /* five pieces and a bit */
#define BLOCKS ((SIZE + BLOCK_SIZE - 1) / BLOCK_SIZE)

static const atomic_bool go_on = false;

/* Random blocks, some of zeros, one of one byte over and over. */
static uint8_t *make_data(void)
{
	uint8_t *data = malloc(SIZE);
	uint64_t seed = 11;

	temp_fill(&seed, data, SIZE);
	memset(data + 100 * BLOCK_SIZE, 0, 300 * BLOCK_SIZE);
	memset(data + 1030 * BLOCK_SIZE, 0, BLOCK_SIZE);
	memset(data + 1040 * BLOCK_SIZE, 'x', 3 * BLOCK_SIZE);
	return data;
}

static void *work(void *arg)
{
	while (index_builder_work(arg, NULL) > 0)
		;
	return NULL;
}

static struct index *build(struct temp *t, int fd, const struct index_trust *trust, bool sectors,
			   unsigned threads)
{
	struct index_builder *b;
	struct index *x;
	char name[HASH_HEX + 1];
	pthread_t id[8];
	struct hash root;
	struct err e = {""};

	assert_int_equal(index_builder_new(fd, t->fd, trust, &b, &e), 0);
	if (sectors)
		assert_int_equal(index_builder_sectors(b, t->fd), 0);
	assert_int_equal(index_builder_anchors(b, t->fd), 0);
	for (unsigned i = 0; i < threads; i++)
		assert_int_equal(pthread_create(&id[i], NULL, work, b), 0);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	assert_int_equal(index_builder_finish(b, &root, NULL, &e), 0);
	assert_int_equal(index_open(t->fd, hash_hex(&root, name), &x, &e), 0);
	assert_int_equal(index_builder_finish_sectors(b, x), 0);
	assert_int_equal(index_builder_finish_anchors(b, &root), 0);
	index_builder_free(b);
	return x;
}

/* The file's bytes, and the file is gone. */
static uint8_t *take_file(struct temp *t, const struct hash *root, size_t *ret_len)
{
	char name[ANCHORS_NAME_LEN];
	struct stat st;
	uint8_t *bytes;
	int fd = openat(t->fd, anchors_name(root, name), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*ret_len = (size_t)st.st_size;
	bytes = malloc(*ret_len);
	assert_int_equal(read(fd, bytes, *ret_len), st.st_size);
	close(fd);
	assert_int_equal(unlinkat(t->fd, name, 0), 0);
	return bytes;
}

/* What lies there is what reading the content makes. Returns the number of anchors. */
static uint64_t check_as_on_demand(struct temp *t, int fd, struct index *x)
{
	size_t len, len_again;
	uint8_t *made = take_file(t, index_root(x), &len), *again;
	struct anchors *a;
	uint64_t count;

	assert_int_equal(anchors_get(t->fd, fd, x, &go_on, &a), 0);
	count = a->head.count;
	anchors_free(a);
	again = take_file(t, index_root(x), &len_again);
	assert_int_equal(len, len_again);
	assert_memory_equal(made, again, len);
	free(made);
	free(again);
	return count;
}

static void test_made_with_the_index(void **state)
{
	struct temp *t = *state;
	uint8_t *data = make_data();
	int fd = temp_file(t, "f");

	temp_write(fd, data, SIZE, 0);
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		struct index *x = build(t, fd, NULL, false, threads);
		uint64_t n = check_as_on_demand(t, fd, x);

		/* One in 512 of the windows that lie in a block, of 20 MiB less 300 blocks. */
		assert_in_range(n, 36000, 39500);
		index_unref(x);
	}
	close(fd);
	free(data);
}

static void test_beside_sums_half_as_many(void **state)
{
	struct temp *t = *state;
	uint8_t *data = make_data();
	int fd = temp_file(t, "f");
	struct index *x;

	temp_write(fd, data, SIZE, 0);
	x = build(t, fd, NULL, true, 1);
	assert_in_range(check_as_on_demand(t, fd, x), 17500, 20000);
	index_unref(x);
	close(fd);
	free(data);
}

static void test_taken_over(void **state)
{
	struct temp *t = *state;
	uint8_t *data = make_data(), same[(BLOCKS + 7) / 8];
	struct index_trust trust = {.same = same};
	int base_fd = temp_file(t, "base"), fd = temp_file(t, "f");
	uint64_t seed = 12;
	struct index *x;

	temp_write(base_fd, data, SIZE, 0);
	trust.base = build(t, base_fd, NULL, false, 1);
	memset(same, 0xff, sizeof(same));
	for (unsigned i = 0; i < 40; i++) { /* single blocks, and zeros that are written to */
		uint64_t block = (i * 131 + 7) % (BLOCKS - 1);

		temp_fill(&seed, data + block * BLOCK_SIZE, BLOCK_SIZE);
		same[block / 8] &= (uint8_t) ~(1u << block % 8);
	}
	temp_write(fd, data, SIZE, 0);
	x = build(t, fd, &trust, false, 2);
	assert_true(check_as_on_demand(t, fd, x) > 36000);
	index_unref(x);
	/* A base that has none: they are left for later. */
	free(take_file(t, index_root(trust.base), &(size_t){0}));
	x = build(t, fd, &trust, false, 1);
	assert_int_equal(anchors_open(t->fd, index_root(x), &(struct anchors *){NULL}), -ENOENT);
	index_unref(x);
	index_unref(trust.base);
	close(base_fd);
	close(fd);
	free(data);
}

static void test_small_files_have_none(void **state)
{
	struct temp *t = *state;
	int fd = temp_file(t, "f");
	struct anchors *a;
	struct index *x;

	temp_write(fd, "hello", 5, ANCHORS_LEAST - 100);
	x = build(t, fd, NULL, false, 1);
	assert_int_equal(anchors_open(t->fd, index_root(x), &a), -ENOENT);
	/* But whoever asks gets them. */
	assert_int_equal(anchors_get(t->fd, fd, x, &go_on, &a), 0);
	anchors_free(a);
	index_unref(x);
	close(fd);
}

/* Room is for twice what 1 MiB has; now 8 MiB come, from the first to the last and back. */
static void test_thinned_out(void **state)
{
	static const struct hash root[2] = {{{1}}, {{2}}};
	struct temp *t = *state;
	uint8_t *data = make_data(), *file[2];
	size_t len[2];

	for (unsigned back = 0; back < 2; back++) {
		struct anchors_writer *w;
		struct anchors_batch *b;
		struct anchors *a;

		assert_int_equal(anchors_writer_new(t->fd, 1 << 20, ANCHOR_BITS, &w), 0);
		b = anchors_batch_new(w);
		for (uint64_t i = 0; i < 2048; i++) {
			uint64_t block = back ? 2047 - i : i;

			anchors_batch_block(b, block, data + (block + 1100) * BLOCK_SIZE,
					    BLOCK_SIZE);
		}
		anchors_batch_free(b);
		assert_int_equal(anchors_writer_finish(w, &root[back]), 0);
		anchors_writer_free(w);
		assert_int_equal(anchors_open(t->fd, &root[back], &a), 0);
		assert_int_equal(anchors_bits(a), 11); /* 16 Ki, 8 Ki, 4 Ki: room for 5 Ki */
		anchors_free(a);
		file[back] = take_file(t, &root[back], &len[back]);
	}
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(file[0], file[1], len[0]);
	free(file[0]);
	free(file[1]);
	free(data);
}

/* Of every block that is scanned alone, and none that does not belong there. */
static void test_found_by_their_prints(void **state)
{
	struct temp *t = *state;
	uint8_t *data = make_data();
	int fd = temp_file(t, "f");
	struct anchor_scan scan;
	struct anchors *a;
	struct index *x;
	uint64_t n = 0;

	temp_write(fd, data, SIZE, 0);
	x = build(t, fd, NULL, false, 1);
	assert_int_equal(anchors_open(t->fd, index_root(x), &a), 0);
	anchor_scan_init(&scan);
	for (uint64_t block = 0; block < BLOCKS; block++) {
		size_t at = 0, len = MIN(BLOCK_SIZE, SIZE - block * BLOCK_SIZE);
		struct anchor one;

		anchor_scan_reset(&scan);
		for (; anchor_scan_next(&scan, ANCHOR_BITS, data + block * BLOCK_SIZE, len, &at,
					&one);
		     n++) {
			uint32_t blocks[ANCHOR_TRIES];
			unsigned found = anchors_find(a, one.print, blocks), i = 0;

			while (i < found && blocks[i] != block)
				i++;
			assert_true(i < found);
		}
	}
	assert_int_equal(n, a->head.count);
	for (uint64_t i = 1; i < n; i++)
		assert_true(a->entries[i - 1] < a->entries[i]);
	anchors_free(a);
	index_unref(x);
	close(fd);
	free(data);
}

static void test_damaged_ones_are_made_anew(void **state)
{
	struct temp *t = *state;
	uint8_t *data = make_data();
	char name[ANCHORS_NAME_LEN];
	int fd = temp_file(t, "f"), file;
	struct anchors *a;
	struct index *x;

	temp_write(fd, data, SIZE, 0);
	x = build(t, fd, NULL, false, 1);
	file = openat(t->fd, anchors_name(index_root(x), name), O_RDWR);
	assert_true(file >= 0);
	temp_write(file, "\1", 1, 8); /* the version before */
	assert_int_equal(anchors_open(t->fd, index_root(x), &a), -EBADMSG);
	temp_write(file, "\2", 1, 8);
	assert_int_equal(ftruncate(file, 4096), 0);
	assert_int_equal(anchors_open(t->fd, index_root(x), &a), -EBADMSG);
	close(file);
	assert_int_equal(anchors_get(t->fd, fd, x, &go_on, &a), 0);
	assert_true(a->head.count > 36000);
	anchors_free(a);
	index_unref(x);
	close(fd);
	free(data);
}

/* Lost while they are made, in their middle, which the sort comes upon when half of them are
 * counted. Catches: as in test_index; a sort that trusts what it counted. */
static void test_lost_while_made(void **state)
{
	struct temp *t = *state;
	uint8_t *data = make_data();
	int fd = temp_file(t, "f");
	struct index_builder *b;
	struct hash root;
	struct anchors *a;

	temp_write(fd, data, SIZE, 0);
	assert_int_equal(index_builder_new(fd, t->fd, NULL, &b, NULL), 0);
	assert_int_equal(index_builder_anchors(b, t->fd), 0);
	work(b);
	assert_int_equal(index_builder_finish(b, &root, NULL, NULL), 0);
	assert_int_equal(temp_cut_off(t, INDEX_TEMP, 128 << 10), 1);
	assert_int_equal(index_builder_finish_anchors(b, &root), -EIO);
	index_builder_free(b);
	assert_int_equal(anchors_open(t->fd, &root, &a), -ENOENT);
	close(fd);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_with_the_index, temp_setup,
						temp_teardown),
		cmocka_unit_test_setup_teardown(test_beside_sums_half_as_many, temp_setup,
						temp_teardown),
		cmocka_unit_test_setup_teardown(test_taken_over, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_small_files_have_none, temp_setup,
						temp_teardown),
		cmocka_unit_test_setup_teardown(test_thinned_out, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_found_by_their_prints, temp_setup,
						temp_teardown),
		cmocka_unit_test_setup_teardown(test_damaged_ones_are_made_anew, temp_setup,
						temp_teardown),
		cmocka_unit_test_setup_teardown(test_lost_while_made, temp_setup, temp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
