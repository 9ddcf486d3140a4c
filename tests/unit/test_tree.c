/*
 * test_tree.c: the bodies of a step of the descent: what goes in comes out, and what no peer of
 * ours would send is refused. What their hashes are is held by test_learn.c from end to end.
 */
#include "transfer/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t buf[TREE_ASK_MAX];

static int decode(size_t len)
{
	struct tree_ask a;
	struct err e;
	int r = tree_ask_decode(buf, len, &a, &e);

	if (r == 0)
		tree_ask_done(&a);
	return r;
}

static size_t encode(enum tree_level level, struct run *runs, size_t n)
{
	struct tree_ask a = {.level = level, .root = {{9}}, .runs = runs, .n_runs = n};

	return tree_ask_encode(&a, buf);
}

static void test_question(void **state)
{
	struct run runs[] = {{0, 3}, {5, 1}, {70000, 1000}};
	size_t len = encode(TREE_BLOCK, runs, 3);
	struct tree_ask a;
	struct err e;

	(void)state;
	assert_int_equal(tree_ask_decode(buf, len, &a, &e), 0);
	assert_int_equal(a.level, TREE_BLOCK);
	assert_int_equal(a.root.b[0], 9);
	assert_int_equal(a.n_runs, 3);
	assert_memory_equal(a.runs, runs, sizeof(runs));
	assert_int_equal(a.n, 1004);
	tree_ask_done(&a);
	for (size_t cut = 0; cut < len; cut++)
		assert_true(decode(cut) < 0);
	buf[len] = 0;
	assert_int_equal(decode(len + 1), -EBADMSG);
}

static void test_limits(void **state)
{
	uint64_t most = tree_pieces(TREE_NODES, FILE_SIZE_MAX);
	struct run bad[][2] = {{{0, 0}, {9, 1}}, {{0, 5}, {5, 1}}, {{0, 1}, {most, 1}}};
	struct run whole = {0, TREE_HASHES_MAX}, more = {0, TREE_HASHES_MAX + 1};
	struct run last = {most - 1, 1};
	static struct run many[TREE_RUNS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(decode(encode(TREE_NODES, bad[i], 2)), -EBADMSG);
	assert_int_equal(decode(encode(TREE_NODES, &whole, 1)), 0);
	assert_int_equal(decode(encode(TREE_NODES, &more, 1)), -E2BIG);
	assert_int_equal(decode(encode(TREE_NODES, &last, 1)), 0);
	assert_int_equal(decode(encode(TREE_NODES, &last, 0)), -E2BIG);
	for (uint64_t i = 0; i < TREE_RUNS_MAX; i++) /* the longest numbers that there are */
		many[i] = (struct run){(i + 1) << 21, 1};
	assert_int_equal(decode(encode(TREE_BLOCK, many, TREE_RUNS_MAX)), 0);
	buf[8] = TREE_NODES + 1;
	assert_int_equal(decode(100), -EBADMSG);
	assert_int_equal(decode(TREE_ASK_MAX + 1), -E2BIG);
}

static void test_path(void **state)
{
	struct tree_ask a = {.level = TREE_PATH, .path = "dir/image"}, got;
	size_t len = tree_ask_encode(&a, buf);
	struct err e;

	(void)state;
	assert_int_equal(tree_ask_decode(buf, len, &got, &e), 0);
	assert_string_equal(got.path, "dir/image");
	assert_int_equal(decode(len - 1), -EBADMSG);
	memcpy(a.path, "../", 3);
	assert_int_equal(decode(tree_ask_encode(&a, buf)), -EBADMSG);
	memcpy(a.path, "d/e", 3);
	len = tree_ask_encode(&a, buf);
	buf[len - 2] = 0;
	assert_int_equal(decode(len), -EBADMSG);
}

static void test_answer(void **state)
{
	uint8_t body[200] = {0};
	struct tree_answer a;
	struct err e;
	size_t head = tree_answer_head(TREE_MIDDLE, 12345678, 3, body);

	(void)state;
	memset(body + head, 5, 24);
	assert_int_equal(tree_answer_decode(body, head + 24, &a, &e), 0);
	assert_int_equal(a.level, TREE_MIDDLE);
	assert_int_equal(a.size, 12345678);
	assert_int_equal(a.n, 3);
	assert_ptr_equal(a.hashes, body + head);
	assert_int_equal(tree_answer_decode(body, head + 23, &a, &e), -EBADMSG);
	assert_int_equal(tree_answer_decode(body, head + 25, &a, &e), -EBADMSG);
	body[8] = TREE_NODES; /* of 32 bytes each */
	assert_int_equal(tree_answer_decode(body, head + 24, &a, &e), -EBADMSG);
	assert_int_equal(tree_answer_decode(body, head + 96, &a, &e), 0);
	body[8] = TREE_PATH; /* one root, no more */
	assert_int_equal(tree_answer_decode(body, head + 96, &a, &e), -EBADMSG);
	body[0]++;
	assert_int_equal(tree_answer_decode(body, head + 96, &a, &e), -EBADMSG);
	head = tree_answer_head(TREE_MIDDLE, FILE_SIZE_MAX + 1, 0, body);
	assert_int_equal(tree_answer_decode(body, head, &a, &e), -EBADMSG);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(tree_pieces(TREE_COARSE, 0), 0);
	assert_int_equal(tree_pieces(TREE_COARSE, 1), 1);
	assert_int_equal(tree_pieces(TREE_COARSE, (1 << 20) + 1), 2);
	assert_int_equal(tree_pieces(TREE_MIDDLE, 1 << 20), 16);
	assert_int_equal(tree_pieces(TREE_BLOCK, 4097), 2);
	assert_int_equal(tree_pieces(TREE_NODES, 1 << 20), 2);
	assert_int_equal(tree_hashes(TREE_GROUPS, 257), 2);
	assert_int_equal(tree_hashes(TREE_NODES, 257), 257);
	assert_true(TREE_ANSWER_MAX <= WIRE_BODY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_path),	 cmocka_unit_test(test_answer),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
