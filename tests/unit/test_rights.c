/*
 * test_rights.c: who may read, who may change, and who may do nothing on the control socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/rights.h"

#define DAEMON_UID 990

static void who_may_what(void **state)
{
	(void)state;
	assert_int_equal(rights_of(&(struct rights_peer){0, false}, DAEMON_UID), RIGHT_CHANGE);
	assert_int_equal(rights_of(&(struct rights_peer){DAEMON_UID, false}, DAEMON_UID),
			 RIGHT_CHANGE);
	assert_int_equal(rights_of(&(struct rights_peer){1000, true}, DAEMON_UID), RIGHT_READ);
	assert_int_equal(rights_of(&(struct rights_peer){1000, false}, DAEMON_UID), RIGHT_NONE);
	assert_int_equal(rights_of(&(struct rights_peer){(uid_t)-1, false}, DAEMON_UID),
			 RIGHT_NONE);
	/* The dispatcher compares: none < read < change. */
	assert_true(RIGHT_NONE < RIGHT_READ && RIGHT_READ < RIGHT_CHANGE);
}

static void membership(void **state)
{
	(void)state;
	assert_true(rights_in_group(12345678, 50, 50));
	assert_false(rights_in_group(12345678, 50, 51));
	assert_true(rights_in_group(0, 99, 0)); /* root's own group, by its name */
	assert_false(rights_in_group(0, 0, 54321));
}

static void names(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(rights_name(0, buf, sizeof(buf)), "uid 0 (root)");
	assert_string_equal(rights_name(12345678, buf, sizeof(buf)), "uid 12345678");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_what),
		cmocka_unit_test(membership),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
