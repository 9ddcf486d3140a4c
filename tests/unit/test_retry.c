/*
 * test_retry.c: bounds and spread of the delays.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/retry.h"
#include "tests/unit/temp.h"

static void bounds(void **state)
{
	const int64_t min = 5 * SECOND_US, max = 600 * SECOND_US;
	int64_t ceiling = min;

	(void)state;
	for (unsigned n = 1; n < 200; n++) {
		ceiling = MIN(ceiling * 2, max);
		assert_int_equal(retry_delay(n, min, max, 0), min);
		assert_true(retry_delay(n, min, max, UINT64_MAX) < ceiling);
		assert_true(retry_delay(n, min, max, UINT64_MAX) >= ceiling - 2);
	}
	assert_true(retry_delay(UINT32_MAX, min, INT64_MAX, UINT64_MAX) > 0);
	assert_int_equal(retry_delay(9, min, min, 77), min);
	assert_int_equal(retry_delay(9, min, 0, 77), min);
	assert_true(retry_delay(3, 0, max, UINT64_MAX) >= 0);
	/* The zeroth try waits the least. */
	assert_int_equal(retry_delay(0, min, max, UINT64_MAX), min);
}

/* Evenly between the bounds: each tenth gets its share. */
static void spread(void **state)
{
	unsigned tenths[10] = {0};
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t d = retry_delay(30, 0, 1000000, temp_random(&seed));

		tenths[d / 100000]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], 1700, 2300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds),
		cmocka_unit_test(spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
