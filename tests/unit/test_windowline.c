/*
 * test_windowline.c: window = and date = lines, both ways.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/build.h"
#include "policy/zone.h"

static void windows(void **state)
{
	static const struct {
		const char *text, *printed;
	} good[] = {
		{"mon-fri 22:00-06:00 20Mbit", "mon-fri 22:00-06:00 20Mbit"},
		{"sat,sun 00:00-24:00 unlimited", "sat,sun 00:00-24:00 unlimited"},
		{"mon,wed-fri 12:00-13:00 closed", "mon,wed-fri 12:00-13:00 closed"},
		{"fri-mon 01:00-02:00 2MiB", "mon,fri-sun 01:00-02:00 2MiB"},
		{"sun,mon\t01:00-02:00   2MiB", "mon,sun 01:00-02:00 2MiB"},
		{"monday, tuesday-thursday 01:00-02:00 8kbit", "mon-thu 01:00-02:00 8kbit"},
		{"mon-sun 23:59-00:00 8000kbit", "daily 23:59-00:00 8Mbit"},
		{"daily 06:00-06:00 1.5Mbit", "daily 06:00-06:00 1500kbit"},
	};
	static const char *const bad[] = {
		"",
		"mon",
		"mon-fri",
		"mon-fri 22:00-06:00",
		"mon, tue 22:00-06:00",
		"22:00-06:00 20Mbit",
		"mon-fri 20Mbit",
		"mon-fry 22:00-06:00 20Mbit",
		"mon- 22:00-06:00 20Mbit",
		"mon fri 22:00-06:00 20Mbit",
		"mon,,fri 22:00-06:00 20Mbit",
		"mon, 22:00-06:00 20Mbit",
		"mon 22:00-25:00 20Mbit",
		"mon 22:00-06:60 20Mbit",
		"mon 24:00-06:00 20Mbit",
		"mon 22:00 06:00 20Mbit",
		"mon 22:00-06:00 20",
		"mon 22:00-06:00 0Mbit",
		"mon 22:00-06:00 20Mbit x",
		"mon 22:00:00-06:00 20Mbit",
	};
	struct window_line l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char *s;

		assert_int_equal(window_line_parse(good[i].text, &l, &e), 0);
		s = window_line_print(&l);
		assert_string_equal(s, good[i].printed);
		free(s);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		e.text[0] = '\0';
		assert_true(window_line_parse(bad[i], &l, &e) < 0);
		assert_true(e.text[0] != '\0');
	}
}

static void every_set_of_days(void **state)
{
	struct window_line l = {.kind = WINDOW_WEEKLY, .from = 60, .to = 120, .rate = 1000}, back;

	(void)state;
	for (unsigned days = 1; days < 128; days++) {
		char *s;

		l.days = (uint8_t)days;
		s = window_line_print(&l);
		assert_int_equal(window_line_parse(s, &back, NULL), 0);
		assert_int_equal(back.days, days);
		free(s);
	}
}

static void dates(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-12-24",
		"2026-12-24..2026-12-26",
		"2026-12-26..2026-12-24 closed",
		"2026-13-01 closed",
		"2026-02-29 closed",
		"2026-00-10 closed",
		"2026-01-00 closed",
		"1969-01-01 closed",
		"2200-01-01 closed",
		"26-12-24 closed",
		"2026-12-24...2026-12-26 closed",
		"2026-12-24..26 closed",
		"2026-12-24 open",
		"2026-12-24 closed x",
	};
	struct window_line l;
	char *s;

	(void)state;
	assert_int_equal(date_line_parse("2026-12-24..2026-12-26 closed", &l, NULL), 0);
	assert_int_equal(l.date_from, zone_days_from_civil(2026, 12, 24));
	assert_int_equal(l.date_to - l.date_from, 2);
	s = window_line_print(&l);
	assert_string_equal(s, "2026-12-24..2026-12-26 closed");
	free(s);
	assert_int_equal(date_line_parse("2028-02-29\t 8Mbit", &l, NULL), 0);
	s = window_line_print(&l);
	assert_string_equal(s, "2028-02-29 8Mbit");
	free(s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(date_line_parse(bad[i], &l, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),
		cmocka_unit_test(every_set_of_days),
		cmocka_unit_test(dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
