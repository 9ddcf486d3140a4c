/*
 * test_limit.c: slots of the hub and of a spoke.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/limit.h"

#define USE(...) ((struct limit_use){__VA_ARGS__})

static void slots(void **state)
{
	(void)state;
	assert_int_equal(limit_check(&USE(1, 0, 2, 0, 0, 1, true)), LIMIT_NONE);
	assert_int_equal(limit_check(&USE(2, 0, 2, 0, 0, 1, true)), LIMIT_HUB);
	assert_int_equal(limit_check(&USE(1, 0, 2, 1, 0, 1, true)), LIMIT_SPOKE);
	assert_int_equal(limit_check(&USE(2, 0, 2, 1, 0, 1, true)), LIMIT_HUB);
	/* After a reload more may run than should. */
	assert_int_equal(limit_check(&USE(9, 0, 2, 0, 0, 1, true)), LIMIT_HUB);
	assert_int_equal(limit_check(&USE(0, 0, 0, 0, 0, 0, true)), LIMIT_HUB);
}

/* The last slot of two or more is for small files, at the hub as on a spoke. */
static void kept_for_small(void **state)
{
	(void)state;
	assert_int_equal(limit_check(&USE(0, 0, 1, 0, 0, 1, false)), LIMIT_NONE);
	assert_int_equal(limit_check(&USE(1, 1, 2, 0, 0, 2, false)), LIMIT_HUB);
	assert_int_equal(limit_check(&USE(1, 1, 2, 0, 0, 2, true)), LIMIT_NONE);
	assert_int_equal(limit_check(&USE(1, 1, 8, 1, 1, 2, false)), LIMIT_SPOKE);
	assert_int_equal(limit_check(&USE(1, 1, 8, 1, 1, 2, true)), LIMIT_NONE);
	/* It is large ones that are counted: small ones do not keep them out. */
	assert_int_equal(limit_check(&USE(1, 0, 8, 1, 0, 2, false)), LIMIT_NONE);
	assert_int_equal(limit_check(&USE(2, 0, 8, 2, 0, 2, false)), LIMIT_SPOKE);
}

/* A limit of one: a small file may go beside one large, and nothing else beside anything. */
static void one_slot_and_small(void **state)
{
	(void)state;
	assert_int_equal(limit_check(&USE(1, 1, 8, 1, 1, 1, true)), LIMIT_NONE);
	assert_int_equal(limit_check(&USE(1, 1, 8, 1, 1, 1, false)), LIMIT_SPOKE);
	assert_int_equal(limit_check(&USE(1, 0, 8, 1, 0, 1, true)), LIMIT_SPOKE);
	assert_int_equal(limit_check(&USE(1, 0, 8, 1, 0, 1, false)), LIMIT_SPOKE);
	assert_int_equal(limit_check(&USE(2, 1, 8, 2, 1, 1, true)), LIMIT_SPOKE);
	assert_int_equal(limit_check(&USE(1, 1, 1, 0, 0, 2, true)), LIMIT_NONE);
	assert_int_equal(limit_check(&USE(1, 1, 1, 0, 0, 2, false)), LIMIT_HUB);
	assert_int_equal(limit_check(&USE(2, 1, 1, 0, 0, 2, true)), LIMIT_HUB);
	/* After a reload: more than one large may still run. */
	assert_int_equal(limit_check(&USE(2, 2, 1, 0, 0, 2, true)), LIMIT_HUB);
}

static void in_words(void **state)
{
	char t[LIMIT_TEXT];

	(void)state;
#define TEXT(...) limit_text(&USE(__VA_ARGS__), "b", UINT64_C(16) << 20, t)
	assert_string_equal(TEXT(1, 1, 2, 0, 0, 1, true), "");
	assert_string_equal(TEXT(2, 1, 2, 0, 0, 1, true), "the hub runs 2 of 2 transfers");
	assert_string_equal(TEXT(1, 0, 8, 1, 0, 1, true), "b runs 1 of 1 transfers");
	/* Not that all are in use: the one that is not is for others. */
	assert_string_equal(TEXT(2, 1, 8, 1, 1, 2, false),
			    "b runs 1 of 2 transfers, and the last slot is kept for files of which "
			    "at most 16 MiB are left to send");
	assert_string_equal(TEXT(1, 1, 2, 0, 0, 1, false),
			    "the hub runs 1 of 2 transfers, and the last slot is kept for files of "
			    "which at most 16 MiB are left to send");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots), cmocka_unit_test(kept_for_small),
		cmocka_unit_test(one_slot_and_small), cmocka_unit_test(in_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
