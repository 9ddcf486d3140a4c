/*
 * test_limit.c: slots of the hub and of a spoke.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/limit.h"

static void slots(void **state)
{
	(void)state;
	assert_int_equal(limit_check(&(struct limit_use){1, 2, 0, 1}), LIMIT_NONE);
	assert_int_equal(limit_check(&(struct limit_use){2, 2, 0, 1}), LIMIT_HUB);
	assert_int_equal(limit_check(&(struct limit_use){1, 2, 1, 1}), LIMIT_SPOKE);
	assert_int_equal(limit_check(&(struct limit_use){2, 2, 1, 1}), LIMIT_HUB);
	/* After a reload more may run than should. */
	assert_int_equal(limit_check(&(struct limit_use){9, 2, 0, 1}), LIMIT_HUB);
	assert_int_equal(limit_check(&(struct limit_use){0, 0, 0, 0}), LIMIT_HUB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(slots)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
