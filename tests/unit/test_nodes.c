/*
 * test_nodes.c: states of nodes, their counts, runs and changes.
 */
#include "transfer/nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_counts_and_runs(void **state)
{
	struct nodes x;
	struct run *r;
	size_t n;

	(void)state;
	nodes_init(&x, 20);
	nodes_set(&x, 0, 5, NODE_OWN);
	nodes_set(&x, 5, 5, NODE_BASE | 3);
	nodes_set(&x, 10, 4, NODE_FAILED);
	nodes_set(&x, 14, 2, NODE_FILL | 2);
	nodes_set(&x, 18, 100, NODE_OWN); /* clipped */
	assert_int_equal(x.proven, 12);
	assert_int_equal(x.failed, 4);
	assert_int_equal(x.filling, 2);
	nodes_runs(&x, false, &r, &n);
	/* proven or to be filled: no frame is needed for them */
	assert_int_equal(n, 3);
	assert_true(r[0].first == 0 && r[0].n == 10 && r[1].first == 14 && r[1].n == 2 &&
		    r[2].first == 18 && r[2].n == 2);
	free(r);
	nodes_runs(&x, true, &r, &n);
	assert_int_equal(n, 1);
	assert_true(r[0].first == 10 && r[0].n == 4);
	free(r);
	nodes_set(&x, 0, 20, NODE_TODO);
	assert_int_equal(x.proven + x.failed + x.filling, 0);
	nodes_runs(&x, false, &r, &n);
	assert_null(r);
	nodes_done(&x);
}

static void test_changes_are_runs(void **state)
{
	struct nodes x;
	uint64_t i;

	(void)state;
	nodes_init(&x, 1000);
	for (i = 0; i < 500; i++)
		nodes_set(&x, i, 1, NODE_OWN);
	nodes_set(&x, 0, 100, NODE_OWN); /* no change */
	nodes_set(&x, 600, 1, NODE_FAILED);
	assert_int_equal(x.n_changes, 2);
	assert_int_equal(x.changes[0].n, 500);
	nodes_changes_done(&x);
	assert_int_equal(x.n_changes, 0);
	nodes_done(&x);
}

static void test_fill_and_touch(void **state)
{
	struct nodes x;
	uint64_t at = 0;

	(void)state;
	nodes_init(&x, 9);
	assert_false(nodes_next_fill(&x, 0, &at));
	nodes_set(&x, 7, 1, NODE_FILL | 1);
	assert_true(nodes_next_fill(&x, 0, &at));
	assert_int_equal(at, 7);
	assert_false(nodes_next_fill(&x, 8, &at));
	nodes_touch(&x, 8);
	assert_true(nodes_touched(&x, 8) && !nodes_touched(&x, 7));
	nodes_touch_all(&x);
	assert_true(nodes_touched(&x, 0) && nodes_touched(&x, 8));
	nodes_done(&x);
}

static void test_proven_bytes(void **state)
{
	struct nodes x;

	(void)state;
	nodes_init(&x, 2);
	nodes_set(&x, 1, 1, NODE_OWN);
	assert_int_equal(nodes_proven_bytes(&x, NODE_SIZE + 100), 100);
	nodes_set(&x, 0, 1, NODE_BASE);
	assert_int_equal(nodes_proven_bytes(&x, NODE_SIZE + 100), NODE_SIZE + 100);
	assert_int_equal(nodes_proven_bytes(&x, 2 * NODE_SIZE), 2 * NODE_SIZE);
	nodes_done(&x);
	nodes_init(&x, 0);
	assert_int_equal(nodes_proven_bytes(&x, 0), 0);
	nodes_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_and_runs),
		cmocka_unit_test(test_changes_are_runs),
		cmocka_unit_test(test_fill_and_touch),
		cmocka_unit_test(test_proven_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
