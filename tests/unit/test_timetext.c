/*
 * test_timetext.c: times as text, both ways. The zone of the process is set by the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "policy/zone.h"
#include "scheduler/timetext.h"

#define NOW 1795359600 /* Sun 2026-11-22 15:00 UTC, 16:00 in Berlin */

static void utc(void **state)
{
	char buf[TIMETEXT_MAX];

	(void)state;
	assert_string_equal(timetext_utc((struct wall){NOW}, buf), "2026-11-22T15:00:00Z");
	assert_string_equal(timetext_utc_ms((struct wall){NOW}, 7, buf),
			    "2026-11-22T15:00:00.007Z");
	assert_string_equal(timetext_utc(WALL_NEVER, buf), "never");
	assert_string_equal(timetext_utc((struct wall){-1}, buf), "1969-12-31T23:59:59Z");
}

static void in_zone(void **state)
{
	struct zone *z = zone_new("Europe/Berlin");
	char buf[TIMETEXT_MAX];

	(void)state;
	assert_string_equal(timetext_in_zone(z, (struct wall){NOW}, buf),
			    "Sun 2026-11-22 16:00 CET");
	assert_string_equal(timetext_in_zone(z, (struct wall){NOW + 5}, buf),
			    "Sun 2026-11-22 16:00:05 CET");
	assert_string_equal(timetext_in_zone(NULL, (struct wall){NOW}, buf),
			    "Sun 2026-11-22 15:00 UTC");
	assert_string_equal(timetext_in_zone(NULL, (struct wall){-1}, buf),
			    "Wed 1969-12-31 23:59:59 UTC");
	assert_string_equal(timetext_in_zone(z, WALL_NEVER, buf), "never");
	zone_free(z);
}

static void parsed_utc(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} good[] = {
		{"2026-11-22T15:00:00Z", NOW},	    {"2026-11-22 15:00Z", NOW},
		{"2026-11-22T15:00:00.999Z", NOW},  {"2026-11-22T16:00:00+01:00", NOW},
		{"2026-11-22T09:30:00-05:30", NOW}, {"1970-01-01T00:00:00Z", 0},
	};
	static const char *const bad[] = {
		"",
		"now",
		"2026-11-22",
		"2026-11-22T15:00:00",
		"2026-11-22T25:00:00Z",
		"2026-13-22T15:00:00Z",
		"2026-11-22T15:00:00Zx",
		"2026-11-22T15:00:00+1",
		"2026-11-22T15:60:00Z",
		"x2026-11-22T15:00:00Z",
		/* Days that are none, and what is not written in digits. */
		"2026-11-31T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026- 1- 1T00:00:00Z",
		"2026-01-01T 1:00:00Z",
		"2026-01-01T01:00:+1Z",
		"2026-01-01T01:00:00+ 1:00",
	};
	struct wall t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(timetext_parse_utc(good[i].text, &t, NULL), 0);
		assert_int_equal(t.s, good[i].s);
	}
	t.s = 42;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (!timetext_parse_utc(bad[i], &t, NULL))
			fail_msg("'%s' is taken", bad[i]);
	}
	assert_int_equal(t.s, 42);
}

static int64_t typed(const char *text, bool forward)
{
	struct err e = {0};
	struct wall t;

	if (timetext_parse_typed(text, (struct wall){NOW}, forward, &t, &e) < 0)
		fail_msg("%s", e.text);
	return t.s;
}

static void parsed_typed(void **state)
{
	struct wall t = {42};

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	assert_int_equal(typed("now", true), NOW);
	assert_int_equal(typed("90m", true), NOW + 5400);
	assert_int_equal(typed("90m", false), NOW - 5400);
	assert_int_equal(typed("2026-11-22T15:00:00Z", true), NOW);
	assert_int_equal(typed("2026-11-22 16:00", true), NOW);
	assert_int_equal(typed("2026-11-22T16:00:30", true), NOW + 30);
	assert_int_equal(typed("2026-11-22", true), NOW - 16 * 3600);
	/* It is 16:00: the next 18:00 is today, the next 12:00 tomorrow; the last ones otherwise.
	 */
	assert_int_equal(typed("18:00", true), NOW + 2 * 3600);
	assert_int_equal(typed("12:00", true), NOW + 20 * 3600);
	assert_int_equal(typed("18:00", false), NOW - 22 * 3600);
	assert_int_equal(typed("12:00", false), NOW - 4 * 3600);
	assert_true(timetext_parse_typed("tomorrow", (struct wall){NOW}, true, &t, NULL) < 0);
	assert_true(timetext_parse_typed("", (struct wall){NOW}, true, &t, NULL) < 0);
	assert_int_equal(t.s, 42);
}

static void no_such_date(void **state)
{
	static const char *const bad[] = {
		"2026-11-31", "2026-02-30", "2027-02-29 12:00", "2026- 1- 1", "2026-01-01  1:00",
	};
	struct wall t = {42};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!timetext_parse_typed(bad[i], (struct wall){NOW}, true, &t, NULL))
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(t.s, 42);
	assert_int_equal(timetext_parse_typed("2028-02-29", (struct wall){NOW}, true, &t, NULL), 0);
}

/* Where the clock is set a time of day is shown twice, or on no day but the next. */
static void clock_changes(void **state)
{
	static const struct {
		const char *zone, *now, *text, *next, *last;
	} cases[] = {
		/* 2027-03-14 02:00 EST is 03:00 EDT. */
		{"America/New_York", "2027-03-14T16:00:00Z", "02:30", "2027-03-15T06:30:00Z",
		 "2027-03-13T07:30:00Z"},
		{"America/New_York", "2027-03-14T06:00:00Z", "02:30", "2027-03-15T06:30:00Z",
		 "2027-03-13T07:30:00Z"},
		{"America/New_York", "2027-03-13T16:00:00Z", "02:30", "2027-03-15T06:30:00Z",
		 "2027-03-13T07:30:00Z"},
		/* 2026-11-01 02:00 EDT is 01:00 EST: 01:15 EST, 01:45 EDT, 00:50 EDT, 01:45 EST. */
		{"America/New_York", "2026-11-01T06:15:00Z", "01:30", "2026-11-01T06:30:00Z",
		 "2026-11-01T05:30:00Z"},
		{"America/New_York", "2026-11-01T05:45:00Z", "01:30", "2026-11-01T06:30:00Z",
		 "2026-11-01T05:30:00Z"},
		{"America/New_York", "2026-11-01T04:50:00Z", "01:30", "2026-11-01T05:30:00Z",
		 "2026-10-31T05:30:00Z"},
		{"America/New_York", "2026-11-01T06:45:00Z", "01:30", "2026-11-02T06:30:00Z",
		 "2026-11-01T06:30:00Z"},
		/* With the date. */
		{"America/New_York", "2026-11-01T06:15:00Z", "2026-11-01 01:30",
		 "2026-11-01T06:30:00Z", "2026-11-01T05:30:00Z"},
		{"America/New_York", "2026-10-01T00:00:00Z", "2026-11-01 01:30",
		 "2026-11-01T05:30:00Z", "2026-11-01T05:30:00Z"},
		/* No midnight: the day begins at one o'clock. No 2011-12-30 at all. */
		{"Asia/Beirut", "2026-03-01T00:00:00Z", "2026-03-29", "2026-03-28T22:00:00Z",
		 "2026-03-28T22:00:00Z"},
		{"America/New_York", "2027-03-01T00:00:00Z", "2027-03-14 02:30", NULL, NULL},
		{"Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-30", NULL, NULL},
	};
	char buf[TIMETEXT_MAX];
	struct wall now, t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		setenv("TZ", cases[i].zone, 1);
		tzset();
		assert_int_equal(timetext_parse_utc(cases[i].now, &now, NULL), 0);
		for (int forward = 0; forward < 2; forward++) {
			const char *want = forward ? cases[i].next : cases[i].last;
			int r = timetext_parse_typed(cases[i].text, now, forward, &t, NULL);

			if ((r == 0) != (want != NULL))
				fail_msg("case %zu: %d", i, r);
			if (want)
				assert_string_equal(timetext_utc(t, buf), want);
		}
	}
}

static void local(void **state)
{
	char buf[TIMETEXT_MAX];

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	setenv("LC_ALL", "C", 1);
	assert_string_equal(timetext_local((struct wall){NOW}, (struct wall){NOW}, buf),
			    "Sun 16:00:00");
	assert_string_equal(
		timetext_local((struct wall){NOW + 30 * 86400}, (struct wall){NOW}, buf),
		"2026-12-22 16:00");
	assert_string_equal(timetext_local(WALL_NEVER, (struct wall){NOW}, buf), "never");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utc),		cmocka_unit_test(in_zone),
		cmocka_unit_test(parsed_utc),	cmocka_unit_test(parsed_typed),
		cmocka_unit_test(no_such_date), cmocka_unit_test(clock_changes),
		cmocka_unit_test(local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
