/*
 * test_deadline.c: deadlines as they are written, and the next one over weekends and clock changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/deadline.h"
#include "policy/zone.h"

#define MONDAY INT64_C(1795392000) /* 2026-11-23 00:00:00 UTC */
#define HOUR   3600
#define DAY    86400

static struct deadline parsed(const char *text)
{
	struct deadline d;
	struct err e = {0};

	if (deadline_parse(text, &d, &e))
		fail_msg("%s: %s", text, e.text);
	return d;
}

static void both_ways(void **state)
{
	static const char *const bad[] = {"",	    "06:00",	     "mon-fri",	    "mon 24:00",
					  "mon 6",  "moon 06:00",    "mon 06:00 x", "mon 25:00",
					  "mon-fr", "mon\t-fri 1:0", "mon, 06:00"};
	char buf[DEADLINE_TEXT];
	struct deadline d;
	struct err e;

	(void)state;
	d = parsed("mon-fri 06:00");
	assert_int_equal(d.days, 0x1f);
	assert_int_equal(d.minutes, 360);
	assert_string_equal(deadline_print(&d, buf), "mon-fri 06:00");
	d = parsed("sun, monday \t 23:59");
	assert_string_equal(deadline_print(&d, buf), "mon,sun 23:59");
	d = parsed("none");
	assert_int_equal(d.days, 0);
	assert_string_equal(deadline_print(&d, buf), "none");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		e.text[0] = '\0';
		assert_true(deadline_parse(bad[i], &d, &e) < 0);
		assert_true(strlen(e.text) > 0);
	}
}

static void over_the_week(void **state)
{
	struct deadline d = parsed("mon-fri 06:00"), none = {0}, one = parsed("mon 00:00");
	struct zone *utc = zone_new("UTC");
	struct wall t = {MONDAY};

	(void)state;
	assert_int_equal(deadline_after(&d, utc, t).s, MONDAY + 6 * HOUR);
	t.s = MONDAY + 6 * HOUR;
	assert_int_equal(deadline_after(&d, utc, t).s, MONDAY + DAY + 6 * HOUR);
	t.s = MONDAY + 4 * DAY + 15 * HOUR;
	assert_int_equal(deadline_after(&d, utc, t).s, MONDAY + 7 * DAY + 6 * HOUR);
	t.s = MONDAY;
	assert_int_equal(deadline_after(&one, utc, t).s, MONDAY + 7 * DAY);
	assert_int_equal(deadline_after(&none, utc, t).s, WALL_NEVER.s);
	zone_free(utc);
}

static void clock_changes(void **state)
{
	/* Berlin: on 2026-03-29 02:00 is 03:00, at 01:00 UTC; on 2026-10-25 03:00 is 02:00. */
	const int64_t spring = INT64_C(1774746000), autumn = INT64_C(1792890000);
	struct zone *z = zone_new("Europe/Berlin");
	struct deadline d = parsed("daily 02:30");

	(void)state;
	assert_int_equal(deadline_after(&d, z, (struct wall){spring - 12 * HOUR}).s, spring);
	assert_int_equal(deadline_after(&d, z, (struct wall){spring}).s, spring + DAY - HOUR / 2);
	/* The first of the two half past twos. */
	assert_int_equal(deadline_after(&d, z, (struct wall){autumn - 12 * HOUR}).s,
			 autumn - HOUR / 2);
	zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(over_the_week),
		cmocka_unit_test(clock_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
