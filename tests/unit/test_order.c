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

#define DUE(minute, ...) (&(struct order_key){.urgent = minute, .weight = 1, __VA_ARGS__})

/* Of what would be late the earliest deadline goes first; of equal ones the rules above hold. */
static void earliest_deadline_first(void **state)
{
	(void)state;
	assert_true(order_before(DUE(9, .age = 9), DUE(0, .age = 1, .priority = 90)));
	assert_true(order_before(DUE(8, .running = 7, .age = 9), DUE(9, .priority = 90, .age = 1)));
	assert_true(order_before(DUE(9, .priority = 60, .running = 7), DUE(9, .priority = 50)));
	assert_true(order_before(DUE(9, .age = 9), DUE(9, .running = 1, .age = 1)));
	assert_true(order_before(DUE(9, .age = 1), DUE(9, .age = 2)));
	assert_false(order_sooner(0, UINT32_MAX));
	assert_true(order_sooner(UINT32_MAX, 0));
	assert_false(order_sooner(0, 0));
}

static void strict(void **state)
{
	struct order_key k[243];
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 243; i++) {
		k[n] = *KEY((int)(i % 3), i / 3 % 3, i / 9 % 3 + 1, i / 27 % 3);
		k[n++].urgent = i / 81;
	}
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(rules),
					   cmocka_unit_test(earliest_deadline_first),
					   cmocka_unit_test(strict)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
