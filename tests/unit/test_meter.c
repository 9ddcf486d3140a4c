/*
 * test_meter.c: the busiest second is found wherever it begins; old bytes are forgotten.
 */
#include "transfer/meter.h"

#include <setjmp.h>

#include <cmocka.h>

static struct mono ms(int64_t t)
{
	return (struct mono){t * 1000};
}

static void test_steady(void **state)
{
	struct meter m;

	(void)state;
	meter_init(&m, ms(1000));
	for (int t = 0; t < 20000; t += 20)
		meter_add(&m, 20000, ms(1000 + t));
	assert_in_range((uint64_t)meter_rate(&m, ms(21000)), 990000, 1010000);
	assert_in_range(meter_peak(&m), 980000, 1000000);
}

static void test_burst(void **state)
{
	struct meter m;

	(void)state;
	meter_init(&m, ms(0));
	meter_add(&m, 100, ms(500));
	meter_add(&m, 300, ms(1350));
	meter_add(&m, 500, ms(2250)); /* within a second of the one before, not of the first */
	meter_add(&m, 1, ms(9000));
	assert_int_equal(meter_peak(&m), 800);
	assert_in_range((uint64_t)meter_rate(&m, ms(9100)), 0, 1);
	meter_add(&m, 7, ms(100000));
	assert_int_equal(meter_peak(&m), 800);
	assert_int_equal((uint64_t)meter_rate(&m, ms(200000)), 0);
}

static void test_young(void **state)
{
	struct meter m;

	(void)state;
	meter_init(&m, ms(0));
	meter_add(&m, 1000, ms(10));
	assert_int_equal((uint64_t)meter_rate(&m, ms(20)), 0);
	assert_int_equal((uint64_t)meter_rate(&m, ms(1000)), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_young),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
