/*
 * test_leaves.c: changed leaves, sealed and merged: the index is the one that reading the file
 * makes, to the byte; and what is wrong with a log never becomes an index of that name.
 */
#include "transfer/leaves.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE ((int)(4 * NODE_SIZE + 9 * BLOCK_SIZE + 77))

struct fixture {
	char dir[64];
	int dirfd;
	uint8_t *old, *new;
	struct hash base, root;
	struct leaf_log log;
};

static void root_of(struct fixture *f, const uint8_t *data, struct hash *ret)
{
	char path[] = "/tmp/test_leaves.XXXXXX";
	struct err e = {""};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, data, SIZE), SIZE);
	assert_int_equal(index_build(fd, f->dirfd, NULL, NULL, ret, &e), 0);
	close(fd);
}

static void leaves_of(const uint8_t *data, unsigned node, struct hash *ret, unsigned *ret_n)
{
	uint64_t at = (uint64_t)node * NODE_SIZE, end = MIN(at + NODE_SIZE, (uint64_t)SIZE);

	for (*ret_n = 0; at < end; at += BLOCK_SIZE)
		digest_block(data + at, MIN(end - at, (uint64_t)BLOCK_SIZE), &ret[(*ret_n)++]);
}

/* Nodes 0 and 3 are as in the base; 1 has two blocks of its own, 2 is all new, 4 partly zero. */
static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	int i;

	strcpy(f->dir, "/tmp/test_leaves.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->dirfd = open(f->dir, O_RDONLY | O_DIRECTORY);
	f->old = xcalloc(1, SIZE);
	f->new = xcalloc(1, SIZE);
	for (i = 0; i < SIZE; i++)
		f->old[i] = i / (int)BLOCK_SIZE % 5 == 2
				    ? 0
				    : (uint8_t)((unsigned)i * 2654435761u >> 23);
	memcpy(f->new, f->old, SIZE);
	f->new[NODE_SIZE + 3] ^= 1;
	f->new[2 * NODE_SIZE - 1] ^= 1;
	for (i = 2 * (int)NODE_SIZE; i < 3 * (int)NODE_SIZE; i++)
		f->new[i] = (uint8_t)(i >> 7);
	memset(f->new + 4 * NODE_SIZE, 0, 4 * BLOCK_SIZE);
	f->new[SIZE - 1] ^= 1;
	root_of(f, f->old, &f->base);
	root_of(f, f->new, &f->root);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	close(f->dirfd);
	free(f->old);
	free(f->new);
	free(f);
	return 0;
}

static void add(struct fixture *f, unsigned node)
{
	struct hash old[NODE_BLOCKS], new[NODE_BLOCKS], hash;
	struct leaf_bits own = {{0, 0}};
	unsigned n, i;

	leaves_of(f->old, node, old, &n);
	leaves_of(f->new, node, new, &n);
	for (i = 0; i < n; i++)
		if (!hash_equal(&old[i], &new[i]))
			own.w[i / 64] |= (uint64_t)1 << i % 64;
	digest_node(new, n, &hash);
	assert_int_equal(leaf_log_add(&f->log, node, n, new, &own, 0, &hash), 0);
}

static void name_of(const struct fixture *f, const char *suffix, char path[256])
{
	char hex[HASH_HEX + 1];

	snprintf(path, 256, "%s/%s%s", f->dir, hash_hex(&f->root, hex), suffix);
}

/* The log of f, sealed as the delta of its root. */
static void make_delta(struct fixture *f)
{
	struct leaf_run runs[] = {{0, 1, 0}, {3, 1, 0}};
	struct leaf_head head = {.size = SIZE, .root = f->root, .n_bases = 1, .n_runs = 2};
	char path[256];

	head.bases[0] = f->base;
	name_of(f, LEAF_DELTA, path);
	f->log = (struct leaf_log){open(path, O_RDWR | O_CREAT | O_EXCL, 0600), LEAF_LOG_BEGIN, 0};
	assert_true(f->log.fd >= 0);
	add(f, 4); /* in any order */
	add(f, 1);
	add(f, 2);
	assert_int_equal(leaf_log_seal(&f->log, &head, runs), 0);
	close(f->log.fd);
}

static uint8_t *slurp(const char *path, size_t *ret_n)
{
	FILE *in = fopen(path, "r");
	uint8_t *p = xcalloc(1, 1 << 20);

	assert_non_null(in);
	*ret_n = fread(p, 1, 1 << 20, in);
	fclose(in);
	return p;
}

static void test_merge(void **state)
{
	struct fixture *f = *state;
	uint8_t *want, *got;
	size_t n, m;
	struct index *x;
	char path[256];
	struct stat st;

	name_of(f, "", path);
	want = slurp(path, &n);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(leaves_index(f->dirfd, &f->root, &x), -ENOENT);
	make_delta(f);
	assert_int_equal(leaves_index(f->dirfd, &f->root, &x), 0);
	assert_int_equal(index_size(x), SIZE);
	index_unref(x);
	got = slurp(path, &m);
	assert_int_equal(n, m);
	assert_memory_equal(want, got, n);
	name_of(f, LEAF_DELTA, path);
	assert_int_equal(stat(path, &st), -1);
	make_delta(f); /* the index is there: nothing to do */
	assert_int_equal(leaves_merge_all(f->dirfd, NULL), 0);
	assert_int_equal(leaves_merge(f->dirfd, &f->root, NULL), -ENOENT);
	free(want);
	free(got);
}

/* Two blocks changed: two leaves, not a hundred and twenty-eight. */
static void test_small(void **state)
{
	struct fixture *f = *state;

	f->log = (struct leaf_log){open(f->dir, O_TMPFILE | O_RDWR, 0600), LEAF_LOG_BEGIN, 0};
	assert_true(f->log.fd >= 0);
	add(f, 1);
	assert_int_equal(f->log.end, LEAF_LOG_BEGIN + 80 + 2 * HASH_SIZE);
	close(f->log.fd);
}

static void refuse(struct fixture *f)
{
	struct stat st;
	char path[256];

	assert_int_equal(leaves_merge_all(f->dirfd, NULL), -EBADMSG);
	name_of(f, "", path);
	assert_int_equal(stat(path, &st), -1);
	name_of(f, LEAF_DELTA, path);
	assert_int_equal(stat(path, &st), -1);
}

/* Any byte of it that is another: no index, or the right one, and no crash. */
static void test_damage(void **state)
{
	struct fixture *f = *state;
	char path[256], delta[256], hex[HASH_HEX + 1];
	size_t n, at;
	uint8_t *p;

	name_of(f, "", path);
	assert_int_equal(unlink(path), 0);
	make_delta(f);
	name_of(f, LEAF_DELTA, delta);
	p = slurp(delta, &n);
	for (at = 0; at < n; at += at < 128 || at > n - 64 ? 1 : 61) {
		FILE *out = fopen(delta, "w");

		assert_non_null(out);
		p[at] ^= 0x41;
		assert_int_equal(fwrite(p, 1, n, out), n);
		p[at] ^= 0x41;
		fclose(out);
		if (leaves_merge(f->dirfd, &f->root, NULL) == 0)
			assert_int_equal(unlink(path), 0);
		else
			assert_int_equal(access(path, F_OK), -1);
	}
	free(p);
	make_delta(f);
	assert_int_equal(truncate(delta, LEAF_LOG_BEGIN + 500), 0);
	refuse(f);
	make_delta(f);
	assert_int_equal(unlinkat(f->dirfd, hash_hex(&f->base, hex), 0), 0);
	refuse(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
