/* test_index.c: the writer in any order and from several threads' hands, nodes taken over from a
 * base, and files that are damaged or not whole: refused at opening, or harmless. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/index.h"
#include "transfer/sketch.h"

#define NODES 300
#define SIZE  (NODES * (uint64_t)NODE_SIZE - 100000)

static unsigned node_blocks(uint64_t node)
{
	return (unsigned)MIN(blocks_of(SIZE) - node * NODE_BLOCKS, NODE_BLOCKS);
}

/* Node by node: dense, empty, mixed. */
static void make_leaves(uint64_t node, uint64_t salt, struct hash *leaves)
{
	for (uint64_t i = 0; i < NODE_BLOCKS; i++) {
		uint64_t what[3] = {node, i, salt};

		if (node % 3 == 1 || (node % 3 == 2 && i % 5 < 2))
			leaves[i] = hash_zero_block;
		else
			digest_bytes(what, sizeof(what), &leaves[i]);
	}
}

static void write_all(const struct temp *t, uint64_t stride, struct hash *ret_root)
{
	struct hash leaves[NODE_BLOCKS];
	struct index_writer *w;

	assert_int_equal(index_writer_new(t->fd, SIZE, &w), 0);
	for (uint64_t i = 0; i < NODES; i++) {
		make_leaves(i * stride % NODES, 0, leaves);
		assert_int_equal(index_writer_node(w, i * stride % NODES, leaves), 0);
	}
	assert_int_equal(index_writer_finish(w, ret_root), 0);
	index_writer_free(w);
}

static void check_all(const struct index *x)
{
	struct hash leaves[NODE_BLOCKS], node;

	for (uint64_t n = 0; n < NODES; n++) {
		make_leaves(n, 0, leaves);
		for (unsigned i = 0; i < node_blocks(n); i++)
			assert_true(hash_equal(index_leaf(x, n * NODE_BLOCKS + i), &leaves[i]));
		digest_node(leaves, node_blocks(n), &node);
		assert_true(hash_equal(index_node(x, n), &node));
	}
}

static struct index *open_root(const struct temp *t, const struct hash *root)
{
	char name[HASH_HEX + 1];
	struct index *x;

	assert_int_equal(index_open(t->fd, hash_hex(root, name), &x, NULL), 0);
	return x;
}

static void test_any_order(void **state)
{
	static const uint64_t strides[] = {1, 7, 299, 101};
	struct hash first, root;

	write_all(*state, 1, &first);
	for (size_t i = 0; i < ARRAY_LEN(strides); i++) {
		struct index *x;

		write_all(*state, strides[i], &root);
		assert_true(hash_equal(&root, &first));
		x = open_root(*state, &root);
		check_all(x);
		assert_ptr_equal(index_ref(x), x);
		index_unref(x);
		index_unref(x);
	}
}

static void test_hooks(void **state)
{
	struct hash root;
	struct index *x;
	const uint64_t *hooks;
	size_t n, want = 0;
	unsigned bits;

	write_all(*state, 1, &root);
	x = open_root(*state, &root);
	hooks = index_hooks(x, &n, &bits);
	assert_int_equal(bits, 6);
	for (uint64_t b = 0; b < blocks_of(SIZE); b++)
		want += !index_block_is_zero(x, b) && index_leaf(x, b)->b[0] >> 2 == 0;
	assert_int_equal(n, want);
	assert_true(sketch_cut(hooks, n, 6) == n);
	assert_true(sketch_cut(hooks, n, 8) < n);
	assert_int_equal(sketch_cut(hooks, n, 0), n);
	assert_int_equal(sketch_cut(hooks, 0, 7), 0);
	index_unref(x);
}

static void test_same(void **state)
{
	const struct temp *t = *state;
	struct hash root, again, leaves[NODE_BLOCKS];
	struct index_writer *w;
	struct index *x;

	write_all(t, 1, &root);
	x = open_root(t, &root);
	assert_int_equal(index_writer_new(t->fd, SIZE, &w), 0);
	for (uint64_t i = NODES; i-- > 0;)
		assert_int_equal(index_writer_same(w, i, x), 0);
	assert_int_equal(index_writer_same(w, 5, x), -EEXIST);
	make_leaves(5, 0, leaves);
	assert_int_equal(index_writer_node(w, 5, leaves), -EEXIST);
	assert_int_equal(index_writer_node(w, NODES, leaves), -EINVAL);
	assert_int_equal(index_writer_finish(w, &again), 0);
	assert_true(hash_equal(&root, &again));
	index_writer_free(w);
	/* the last node of another length is not the same */
	assert_int_equal(index_writer_new(t->fd, SIZE + BLOCK_SIZE, &w), 0);
	assert_int_equal(index_writer_same(w, NODES - 1, x), -EINVAL);
	assert_int_equal(index_writer_same(w, NODES - 2, x), 0);
	assert_int_equal(index_writer_finish(w, &again), -EINVAL); /* nodes are missing */
	index_writer_free(w);
	index_unref(x);
}

static unsigned count_files(const struct temp *t)
{
	DIR *d = opendir(t->path);
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

/* Blocks that are other ones, that are zeros there, and those past its end; not zeros here. */
static void test_unlike(void **state)
{
	const struct temp *t = *state;
	struct hash root, other, one, leaves[NODE_BLOCKS];
	struct index_writer *w;
	struct index *x, *y;

	write_all(t, 1, &root);
	x = open_root(t, &root);
	one = *index_leaf(x, 0);
	assert_int_equal(index_blocks_unlike(x, x), 0);
	assert_int_equal(index_writer_new(t->fd, 4 * (uint64_t)NODE_SIZE - 3 * BLOCK_SIZE, &w), 0);
	for (uint64_t i = 0; i < 4; i++) {
		make_leaves(i, 0, leaves);
		if (i == 0)
			leaves[0] = leaves[127] = leaves[5];
		if (i == 1)
			leaves[7] = one;
		if (i == 2)
			leaves[4] = hash_zero_block;
		assert_int_equal(index_writer_node(w, i, leaves), 0);
	}
	assert_int_equal(index_writer_finish(w, &other), 0);
	index_writer_free(w);
	y = open_root(t, &other);
	assert_int_equal(index_blocks_unlike(y, x), 3);
	assert_int_equal(index_blocks_unlike(x, y),
			 index_nonzero_blocks(x) - index_rank(x, 4 * NODE_BLOCKS - 3) + 3);
	index_unref(y);
	index_unref(x);
}

static void test_unfinished_leaves_nothing(void **state)
{
	struct index_writer *w;

	assert_int_equal(index_writer_new(((struct temp *)*state)->fd, SIZE, &w), 0);
	assert_int_equal(count_files(*state), 1);
	index_writer_free(w);
	assert_int_equal(count_files(*state), 0);
	assert_int_equal(index_writer_new(((struct temp *)*state)->fd, FILE_SIZE_MAX + 1, &w),
			 -EFBIG);
}

/* Every byte of header and records matters; leaves may be anything, but never crash. */
static void test_damage(void **state)
{
	const struct temp *t = *state;
	char name[HASH_HEX + 1];
	struct hash root, leaves[NODE_BLOCKS];
	struct index_writer *w;
	struct index *x;
	struct err e = {""};
	struct stat st;
	uint8_t byte;
	int fd;

	assert_int_equal(index_writer_new(t->fd, 2 * NODE_SIZE + 5, &w), 0);
	for (uint64_t i = 0; i < 3; i++) {
		make_leaves(i + 2, 0, leaves);
		assert_int_equal(index_writer_node(w, i, leaves), 0);
	}
	assert_int_equal(index_writer_finish(w, &root), 0);
	index_writer_free(w);
	fd = openat(t->fd, hash_hex(&root, name), O_RDWR);
	for (off_t at = 0; at < 256 + 3 * 56; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x10;
		temp_write(fd, &byte, 1, (uint64_t)at);
		assert_true(index_open(t->fd, name, &x, &e) < 0);
		assert_non_null(strstr(e.text, name));
		byte ^= 0x10;
		temp_write(fd, &byte, 1, (uint64_t)at);
	}
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t cut = 0; cut < st.st_size; cut += cut < 300 ? 1 : 991) {
		int part = temp_file(t, "part");
		uint8_t *buf = malloc((size_t)st.st_size);

		assert_int_equal(pread(fd, buf, (size_t)st.st_size, 0), st.st_size);
		temp_write(part, buf, (size_t)cut, 0);
		assert_int_equal(index_open(t->fd, "part", &x, &e), -EBADMSG);
		close(part);
		free(buf);
	}
	close(fd);
	assert_int_equal(index_open(t->fd, name, &x, &e), 0);
	index_unref(x);
	assert_int_equal(index_open(t->fd, "none", &x, &e), -ENOENT);
	assert_int_equal(symlinkat(name, t->fd, "link"), 0);
	assert_int_equal(index_open(t->fd, "link", &x, &e), -ELOOP);
	/* A pipe is not waited for: nobody would ever write to it. */
	assert_int_equal(mkfifoat(t->fd, "pipe", 0600), 0);
	assert_int_equal(index_open(t->fd, "pipe", &x, &e), -EBADMSG);
}

/* Cut off under whoever has it open: the daemon lives, nothing spins, and no root is made of it. */
static void test_cut_off_while_open(void **state)
{
	const struct temp *t = *state;
	char name[HASH_HEX + 1];
	struct index_writer *w;
	struct hash root;
	struct index *x;
	size_t n;
	unsigned bits;
	int fd;

	write_all(t, 1, &root);
	x = open_root(t, &root);
	assert_true(index_sound(x));
	fd = openat(t->fd, hash_hex(&root, name), O_RDWR);
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	for (uint64_t i = 0; i < blocks_of(SIZE); i++)
		(void)index_leaf(x, i);
	assert_false(index_sound(x));
	assert_true(index_block_is_zero(x, 0));
	assert_true(index_nonzero_at(x, index_nonzero_blocks(x) - 1) <
		    nodes_of(SIZE) * NODE_BLOCKS);
	(void)index_hooks(x, &n, &bits);
	assert_int_equal(index_writer_new(t->fd, SIZE, &w), 0);
	assert_int_equal(index_writer_same(w, 0, x), -EIO);
	index_writer_free(w);
	index_unref(x);
	/* Its place in the list is another's now. */
	write_all(t, 1, &root);
	x = open_root(t, &root);
	assert_true(index_sound(x));
	check_all(x);
	index_unref(x);
}

/* What is lost while it is made, as on a disk that fails: no index comes of it, and the next does.
 * Catches: a mapping that is written and not known to the handler, or not asked about. */
static void test_cut_off_while_made(void **state)
{
	const struct temp *t = *state;
	struct hash leaves[NODE_BLOCKS], root;
	struct index_writer *w;
	struct index *x;

	assert_int_equal(index_writer_new(t->fd, SIZE, &w), 0);
	for (uint64_t i = 0; i < NODES; i++) {
		if (i == NODES / 2)
			assert_int_equal(temp_cut_off(t, INDEX_TEMP, 0), 1);
		make_leaves(i, 0, leaves);
		assert_int_equal(index_writer_node(w, i, leaves), 0);
	}
	assert_int_equal(index_writer_finish(w, &root), -EIO);
	index_writer_free(w);
	write_all(t, 1, &root);
	x = open_root(t, &root);
	check_all(x);
	index_unref(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_order, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_hooks, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_same, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_unlike, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_unfinished_leaves_nothing, temp_setup,
						temp_teardown),
		cmocka_unit_test_setup_teardown(test_damage, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_cut_off_while_open, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_cut_off_while_made, temp_setup, temp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
