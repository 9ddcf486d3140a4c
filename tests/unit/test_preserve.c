/*
 * test_preserve.c: which preserved files stay: by age, by count, by bytes with two marks. Each case
 * was seen to fail with its rule taken out of preserve.c.
 */
#include "policy/preserve.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define GB ((uint64_t)1000000000)

static struct preserve_limits limits(uint64_t quota)
{
	return (struct preserve_limits){.quota = quota, .high = 100, .low = 100};
}

static void test_bytes(void **state)
{
	struct preserve_entry e[] = {
		{"c", 40 * GB, 30, 0}, {"b", 40 * GB, 20, 0}, {"a", 40 * GB, 10, 0}};
	struct preserve_limits l = limits(100 * GB);

	(void)state;
	assert_int_equal(preserve_choose(e, 3, &l, 100), 1);
	assert_int_equal(e[2].verdict, PRESERVE_QUOTA); /* the oldest, and no more than that */
	l.quota = 120 * GB;
	assert_int_equal(preserve_choose(e, 3, &l, 100), 0); /* exactly full */
	l.quota = UINT64_MAX;
	assert_int_equal(preserve_choose(e, 3, &l, 100), 0);
	l.quota = 0;
	assert_int_equal(preserve_choose(e, 3, &l, 100), 3);
}

static void test_marks(void **state)
{
	struct preserve_entry e[] = {
		{"d", 25, 40, 0}, {"c", 25, 30, 0}, {"b", 25, 20, 0}, {"a", 25, 10, 0}};
	struct preserve_limits l = {.quota = 110, .high = 90, .low = 60};

	(void)state;
	/* 100 > 99: down to 66 and less */
	assert_int_equal(preserve_choose(e, 4, &l, 100), 2);
	assert_int_equal(e[1].verdict, PRESERVE_KEEP);
	assert_int_equal(e[2].verdict, PRESERVE_QUOTA);
	l.quota = 112; /* 100 <= 100.8: above the low mark, and nothing goes */
	assert_int_equal(preserve_choose(e, 4, &l, 100), 0);
	/* A low mark of nothing takes all but the newest. */
	l = (struct preserve_limits){.quota = 80, .high = 50, .low = 0};
	assert_int_equal(preserve_choose(e, 4, &l, 100), 3);
	assert_int_equal(e[0].verdict, PRESERVE_KEEP);
	assert_int_equal(preserve_mark(UINT64_MAX, 50), UINT64_MAX);
	assert_int_equal(preserve_mark(UINT64_MAX - 1, 100), UINT64_MAX - 1);
	assert_int_equal(preserve_mark(199, 50), 99);
}

/* It can never be kept; that is no reason for others to go. */
static void test_too_large(void **state)
{
	struct preserve_entry e[] = {{"big", 200, 40, 0}, {"b", 40, 30, 0}, {"a", 40, 20, 0}};
	struct preserve_limits l = limits(100);

	(void)state;
	assert_int_equal(preserve_choose(e, 3, &l, 100), 1);
	assert_int_equal(e[0].verdict, PRESERVE_QUOTA);
	e[1].bytes = e[2].bytes = UINT64_MAX / 2 + 2; /* their sum is beyond any number */
	l.quota = UINT64_MAX - 1;
	assert_int_equal(preserve_choose(e, 3, &l, 100), 1);
	assert_int_equal(e[2].verdict, PRESERVE_QUOTA);
}

static void test_age_and_count(void **state)
{
	struct preserve_entry e[] = {{"a", 1, 95, 0},
				     {"b", 1, 90, 0},
				     {"a", 1, 85, 0},
				     {"a", 1, 80, 0},
				     {"b", 1, 10, 0}};
	struct preserve_limits l = limits(UINT64_MAX);

	(void)state;
	l.age_s = 20; /* exactly as old stays */
	assert_int_equal(preserve_choose(e, 5, &l, 100), 1);
	assert_int_equal(e[4].verdict, PRESERVE_OLD);
	l.count = 2;
	assert_int_equal(preserve_choose(e, 5, &l, 100), 2);
	assert_int_equal(e[3].verdict, PRESERVE_MANY);
	assert_int_equal(e[2].verdict, PRESERVE_KEEP);
	assert_string_equal(preserve_word(e[3].verdict), "preserve_count");
	/* What is too old does not take the place of one that is not. */
	l.count = 1;
	l.age_s = 12;
	assert_int_equal(preserve_choose(e, 5, &l, 100), 3);
	assert_int_equal(e[1].verdict, PRESERVE_KEEP);
	assert_int_equal(preserve_choose(NULL, 0, &l, 100), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_age_and_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
