/*
 * test_index_build.c: files of every awkward size and shape are indexed; the root is what the
 * fsverity tool says, the leaves are what a plain computation says, and the page cache is as it
 * was.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/index_build.h"

/* Without the tool this fails: it is in the list of packages. */
static void fsverity_root(const struct temp *t, const char *name, char hex[HASH_HEX + 1])
{
	char command[1024];
	FILE *f;

	snprintf(command, sizeof(command), "fsverity digest --compact %s/%s", t->path, name);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fread(hex, 1, HASH_HEX, f), HASH_HEX);
	hex[HASH_HEX] = '\0';
	assert_int_equal(pclose(f), 0);
}

static void check_leaves(int fd, const struct index *x)
{
	uint8_t block[BLOCK_SIZE];
	uint64_t nonzero = 0;

	for (uint64_t i = 0; i < blocks_of(index_size(x)); i++) {
		ssize_t n = pread(fd, block, sizeof(block), (off_t)(i * BLOCK_SIZE));
		struct hash h;

		assert_true(n > 0);
		digest_block(block, (size_t)n, &h);
		assert_true(hash_equal(&h, index_leaf(x, i)));
		assert_int_equal(index_block_is_zero(x, i), hash_equal(&h, &hash_zero_block));
		nonzero += !index_block_is_zero(x, i);
	}
	assert_int_equal(index_nonzero_blocks(x), nonzero);
}

static void check_file(const struct temp *t, int fd, const char *name)
{
	char hex[HASH_HEX + 1], ours[HASH_HEX + 1];
	struct index *x;
	struct hash root;
	struct err e = {""};
	_Atomic uint64_t progress = 0;
	struct stat st;

	assert_int_equal(index_build(fd, t->fd, NULL, &progress, &root, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(progress, st.st_size);
	fsverity_root(t, name, hex);
	assert_string_equal(hash_hex(&root, ours), hex);
	assert_int_equal(index_open(t->fd, ours, &x, &e), 0);
	assert_true(hash_equal(index_root(x), &root));
	assert_int_equal(index_size(x), st.st_size);
	check_leaves(fd, x);
	index_unref(x);
	assert_int_equal(unlinkat(t->fd, ours, 0), 0);
}

static void test_sizes(void **state)
{
	static const uint64_t sizes[] = {0,
					 1,
					 4095,
					 4096,
					 4097,
					 (512 << 10) - 1,
					 512 << 10,
					 (512 << 10) + 1,
					 (64 << 20) - 1,
					 64 << 20,
					 (64 << 20) + 1};
	uint8_t *buf = malloc(1 << 20);
	uint64_t seed = 1;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		int fd = temp_file(*state, "f");

		for (uint64_t at = 0; at < sizes[i]; at += 1 << 20) {
			temp_fill(&seed, buf, 4096);
			for (size_t k = 4096; k < 1 << 20; k++)
				buf[k] = (uint8_t)(buf[k - 4096] + k);
			temp_write(fd, buf, MIN(sizes[i] - at, 1 << 20), at);
		}
		check_file(*state, fd, "f");
		close(fd);
	}
	free(buf);
}

static void test_holes(void **state)
{
	static const uint64_t at[] = {0, 5000, 700000, 3 << 20, (9 << 20) + 77, (40u << 20) + 1};
	uint8_t data[6000];
	uint64_t seed = 2;

	for (unsigned mask = 0; mask < 1u << ARRAY_LEN(at); mask += 7) {
		int fd = temp_file(*state, "f");

		for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
			temp_fill(&seed, data, sizeof(data));
			if (mask >> i & 1)
				temp_write(fd, data, sizeof(data), at[i]);
		}
		assert_int_equal(ftruncate(fd, (41 << 20) + 5), 0);
		/* Zeros that are written are zero blocks as well. */
		memset(data, 0, sizeof(data));
		temp_write(fd, data, sizeof(data), 20 << 20);
		check_file(*state, fd, "f");
		close(fd);
	}
}

static void test_cancel(void **state)
{
	atomic_bool cancel = true;
	struct temp *t = *state;
	struct hash root;
	struct err e;
	int fd = temp_file(t, "f"), n = 0;
	DIR *d;

	temp_write(fd, "x", 1, 100000);
	assert_int_equal(index_build(fd, t->fd, &cancel, NULL, &root, &e), -ECANCELED);
	close(fd);
	unlinkat(t->fd, "f", 0);
	/* and leaves nothing behind */
	d = opendir(t->path);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	assert_int_equal(n, 2);
}

static void test_not_a_file(void **state)
{
	struct temp *t = *state;
	struct hash root;
	struct err e;

	assert_int_equal(index_build(t->fd, t->fd, NULL, NULL, &root, &e), -EINVAL);
	assert_string_equal(e.text, "not a regular file");
}

#define LARGE ((uint64_t)96 << 20)

/* Data that differs from block to block; what lies in [half, half + 8 MiB) is a hole. */
static int large_file(const struct temp *t)
{
	uint8_t *buf = malloc(1 << 20);
	uint64_t seed = 3;
	int fd = temp_file(t, "f");

	temp_fill(&seed, buf, 1 << 20);
	for (uint64_t at = 0; at < LARGE; at += 1 << 20) {
		memcpy(buf, &at, sizeof(at));
		if (at < LARGE / 2 || at >= LARGE / 2 + (8 << 20))
			temp_write(fd, buf, 1 << 20, at);
	}
	free(buf);
	return fd;
}

static void *work(void *arg)
{
	while (index_builder_work(arg, NULL) > 0)
		;
	return NULL;
}

/* Three workers, each with threads that read ahead for it: every piece once, and the same root. */
static void test_workers(void **state)
{
	struct temp *t = *state;
	struct index_builder *b;
	struct index_facts facts;
	struct hash root, again;
	struct err e;
	pthread_t id[3];
	int fd = large_file(t);

	assert_int_equal(index_build(fd, t->fd, NULL, NULL, &root, &e), 0);
	assert_int_equal(index_builder_new(fd, t->fd, NULL, &b, &e), 0);
	for (unsigned i = 0; i < ARRAY_LEN(id); i++)
		assert_int_equal(pthread_create(&id[i], NULL, work, b), 0);
	for (unsigned i = 0; i < ARRAY_LEN(id); i++)
		pthread_join(id[i], NULL);
	assert_int_equal(index_builder_finish(b, &again, &facts, &e), 0);
	assert_true(hash_equal(&root, &again));
	assert_int_equal(facts.read, LARGE - (8 << 20));
	assert_int_equal(index_builder_progress(b), LARGE);
	index_builder_free(b);
	close(fd);
}

/* A call takes about 32 MiB, however far the reading could go on: others want their turn. */
static void test_a_share(void **state)
{
	struct temp *t = *state;
	struct index_builder *b;
	struct hash root;
	struct err e;
	int fd = large_file(t);

	assert_int_equal(index_builder_new(fd, t->fd, NULL, &b, &e), 0);
	assert_int_equal(index_builder_work(b, NULL), 1);
	assert_in_range(index_builder_progress(b), 32 << 20, 36 << 20);
	/* All that was read of it is hashed: the rest may be anybody's. */
	assert_int_equal(index_builder_work(b, NULL), 1);
	assert_int_equal(index_builder_work(b, NULL), 0);
	assert_int_equal(index_builder_finish(b, &root, NULL, &e), 0);
	index_builder_free(b);
	close(fd);
}

/* While pieces are read ahead: an end that comes too early, and a wish to stop. */
static void test_it_ends(void **state)
{
	struct temp *t = *state;
	atomic_bool cancel = true;
	struct index_builder *b;
	struct hash root;
	struct err e;
	int fd = large_file(t);

	assert_int_equal(index_builder_new(fd, t->fd, NULL, &b, &e), 0);
	assert_int_equal(index_builder_work(b, &cancel), -ECANCELED);
	assert_int_equal(index_builder_work(b, NULL), -ECANCELED);
	assert_int_equal(index_builder_finish(b, &root, NULL, &e), -ECANCELED);
	index_builder_free(b);
	assert_int_equal(index_builder_new(fd, t->fd, NULL, &b, &e), 0);
	assert_int_equal(index_builder_work(b, NULL), 1);
	assert_int_equal(ftruncate(fd, 40 << 20), 0);
	assert_int_equal(index_builder_work(b, NULL), -ESTALE);
	assert_int_equal(index_builder_finish(b, &root, NULL, &e), -ESTALE);
	index_builder_free(b);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_holes, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_cancel, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_not_a_file, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_workers, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_a_share, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_it_ends, temp_setup, temp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
