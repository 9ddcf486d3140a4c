/*
 * test_order.c: who is next, and that it is an order at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/order.h"

#define KEY(p, r, w, a) (&(struct order_key){.priority = p, .running = r, .weight = w, .age = a})

static void rules(void **state)
{
	(void)state;
	assert_true(order_before(KEY(60, 5, 1, 9), KEY(50, 0, 1, 1)));
	assert_true(order_before(KEY(50, 0, 1, 9), KEY(50, 1, 1, 1)));
	assert_true(order_before(KEY(50, 1, 1, 1), KEY(50, 1, 1, 2)));
	/* Two of weight 4 are less than one of weight 1. */
	assert_true(order_before(KEY(50, 2, 4, 9), KEY(50, 1, 1, 1)));
	assert_false(order_before(KEY(50, 4, 4, 9), KEY(50, 1, 1, 1)));
}

static void strict(void **state)
{
	struct order_key k[81];
	size_t n = 0;

	(void)state;
	for (int p = 0; p < 3; p++)
		for (unsigned r = 0; r < 3; r++)
			for (unsigned w = 1; w < 4; w++)
				for (uint64_t a = 0; a < 3; a++)
					k[n++] = *KEY(p, r, w, a);
	for (size_t i = 0; i < n; i++) {
		assert_false(order_before(&k[i], &k[i]));
		for (size_t j = 0; j < n; j++) {
			assert_false(order_before(&k[i], &k[j]) && order_before(&k[j], &k[i]));
			for (size_t l = 0; l < n; l++)
				if (order_before(&k[i], &k[j]) && order_before(&k[j], &k[l]))
					assert_true(order_before(&k[i], &k[l]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rules), cmocka_unit_test(strict)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
