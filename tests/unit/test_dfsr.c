/*
 * test_dfsr.c: day strings of DFS Replication: into windows, back again, in the configuration, and
 * what is said of policies that do not fit.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/build.h"
#include "policy/dfsr.h"
#include "policy/window.h"
#include "policy/zone.h"
#include "tests/unit/ini.h"

#define CASES  60
#define MONDAY ((int64_t)4 * 86400) /* 1970-01-05 */

static const char hex[] = "0123456789ABCDEF";

/* As the protocol's document has them, in kbit. */
static void levels(void **state)
{
	static const uint64_t kbit[] = {16,   64,   128,   256,	  512,	 1024,	 2048,
					4096, 8192, 16384, 32768, 65536, 131072, 262144};

	(void)state;
	assert_int_equal(dfsr_rate(0), RATE_CLOSED);
	assert_int_equal(dfsr_rate(15), RATE_UNLIMITED);
	for (unsigned i = 0; i < ARRAY_LEN(kbit); i++) {
		assert_int_equal(dfsr_rate(i + 1) * 8, kbit[i] * 1000);
		assert_int_equal(dfsr_level(dfsr_rate(i + 1)), i + 1);
		assert_int_equal(dfsr_level(dfsr_rate(i + 1) - 1), i);
		assert_int_equal(dfsr_level(dfsr_rate(i + 1) + 1), i + 1);
	}
	assert_int_equal(dfsr_level(0), 0);
	assert_int_equal(dfsr_level(RATE_UNLIMITED - 1), 14);
	assert_int_equal(dfsr_level(RATE_UNLIMITED), 15);
}

static void refused(const char *text, const char *why)
{
	struct dfsr_line l;
	struct err e;

	assert_int_equal(dfsr_line_parse(text, &l, &e), -EINVAL);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say: %s", e.text, why);
}

static void mistakes(void **state)
{
	char text[400];

	(void)state;
	refused("", "is not DAYS and 96 hex digits");
	refused("monday", "is not DAYS and 96 hex digits");
	refused(" FFFF", "is not DAYS and 96 hex digits");
	refused("monday FFFF", "has 4 digits instead of 96");
	snprintf(text, sizeof(text), "monday %097d", 0);
	refused(text, "has 97 digits");
	snprintf(text, sizeof(text), "monday %050dG%045d", 0, 0);
	refused(text, "character 51 of the day string, \"G\", is no hex digit");
	snprintf(text, sizeof(text), "moonday %096d", 0);
	refused(text, "\"moonday\" is not a day");
}

static void random_day(uint64_t *seed, char text[DFSR_QUARTERS + 1])
{
	unsigned level = 0;

	for (int q = 0; q < DFSR_QUARTERS; q++) {
		if (!q || temp_random(seed) >> 62 == 0)
			level = (unsigned)(temp_random(seed) >> 60);
		text[q] = hex[level];
	}
	text[DFSR_QUARTERS] = '\0';
}

/* String -> windows -> string is the same string, and each quarter of the windows is its digit. */
static void there_and_back(void **state)
{
	struct zone *utc = zone_new("UTC");
	uint64_t seed = 7;

	(void)state;
	for (int k = 0; k < CASES; k++) {
		char day[7][DFSR_QUARTERS + 1];
		struct window_line lines[7 * DFSR_QUARTERS];
		struct policy p = {.lines = lines};
		struct dfsr_week back;

		for (int d = 0; d < 7; d++) {
			static const char *const names[] = {"Monday", "tue", "WEDNESDAY", "thu",
							    "friday", "sat", "Sunday"};
			struct dfsr_line l;
			char *text, *again;

			random_day(&seed, day[d]);
			text = xasprintf("%s %s", names[d], day[d]);
			assert_int_equal(dfsr_line_parse(text, &l, NULL), 0);
			assert_int_equal(l.days, 1 << d);
			again = dfsr_line_print(&l);
			assert_string_equal(again + 4, day[d]);
			p.n_lines +=
				dfsr_line_windows(&l, (struct origin){"x", 1}, lines + p.n_lines);
			free(text);
			free(again);
		}
		dfsr_week_of(&p, &back);
		assert_int_equal(back.n_lost + back.cut + back.dates, 0);
		for (int d = 0; d < 7; d++)
			assert_string_equal(back.day[d], day[d]);
		for (int minute = 0; minute < 7 * 1440; minute++) {
			char digit = day[minute / 1440][minute % 1440 / 15];
			struct window_state s;

			window_at(&p, utc, (struct wall){MONDAY + minute * 60}, &s);
			assert_int_equal(s.rate, dfsr_rate((unsigned)(strchr(hex, digit) - hex)));
		}
	}
	zone_free(utc);
}

static struct config *loaded(const char *lines)
{
	char *text = xasprintf(
		"[daemon]\nrole = hub\n[policy p]\n%s\n[group g]\npath = /srv/g\n"
		"spokes = b\npolicy = p\n[spoke b]\nurl = https://b\nkey = " INI_PIN_A "\n",
		lines);
	struct config *c = ini_good(text);

	free(text);
	assert_non_null(c);
	return c;
}

static const struct policy *policy_p(const struct config *c)
{
	return config_group(c, "g")->policy;
}

/* What does not fit becomes the lower level, and each loss is told. */
static void losses(void **state)
{
	struct config *c =
		loaded("window = mon-fri 22:00-06:07 20Mbit\n"
		       "window = sat 00:00-24:00 unlimited\nwindow = sun 10:00-11:00 9kbit\n"
		       "date = 2026-12-24 closed");
	struct dfsr_week w;

	(void)state;
	dfsr_week_of(policy_p(c), &w);
	assert_memory_equal(w.day[0], "000000000000000000000000000000", 30);
	assert_string_equal(w.day[0] + 87, "0AAAAAAAA");
	assert_memory_equal(w.day[1], "AAAAAAAAAAAAAAAAAAAAAAAA0000", 28);
	/* Saturday is open all day by a later line; sunday's hour is below the lowest level. */
	assert_memory_equal(w.day[5], "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 30);
	assert_null(strpbrk(w.day[6], "123456789ABCDEF"));
	assert_int_equal(w.dates, 1);
	/* 06:00-06:15 of tuesday to friday. */
	assert_int_equal(w.cut, 4);
	assert_int_equal(w.n_lost, 2);
	assert_int_equal(w.lost[0].rate, 2500000);
	assert_int_equal(w.lost[0].level, 10);
	assert_int_equal(w.lost[0].quarters, 5 * 8 + 4 * 24);
	assert_int_equal(w.lost[1].level, 0);
	assert_int_equal(w.lost[1].quarters, 4);
	config_unref(c);
}

/* More rates than are told one by one. */
static void many_losses(void **state)
{
	struct window_line lines[40];
	struct policy p = {.lines = lines, .n_lines = 40};
	struct dfsr_week w;
	unsigned all = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		lines[i] = (struct window_line){.kind = WINDOW_WEEKLY,
						.days = 1,
						.from = (uint16_t)(i * 15),
						.to = (uint16_t)(i * 15 + 15),
						.rate = 2001 + i};
	dfsr_week_of(&p, &w);
	assert_int_equal(w.n_lost, DFSR_LOSSES);
	for (size_t i = 0; i < w.n_lost; i++)
		all += w.lost[i].quarters;
	assert_int_equal(all, 40);
}

#define NIGHT \
	"AAAAAAAAAAAAAAAAAAAAAAAA0000000000000000000000000000000000000000000000000000000000000000AAAAAAAA"

struct seen {
	char value[200];
	unsigned n;
};

static void see(void *arg, const char *section, const char *name, const char *key,
		const char *value, struct origin at)
{
	struct seen *s = arg;

	(void)section, (void)name;
	if (strcmp(key, "dfsr"))
		return;
	snprintf(s->value, sizeof(s->value), "%s @%u", value, at.line);
	s->n++;
}

/* A line of the file: its windows carry its number, and later lines win over it as over any. */
static void in_a_file(void **state)
{
	struct config *c =
		loaded("dfsr = Monday,tue-friday " NIGHT "\nwindow = wed 23:00-24:00 closed");
	const struct policy *p = policy_p(c);
	struct zone *utc = zone_new("UTC");
	struct window_state s;
	struct seen seen = {.n = 0};
	char *errors;

	(void)state;
	window_at(p, utc, (struct wall){MONDAY + 22 * 3600}, &s);
	assert_int_equal(s.rate, 2048000);
	assert_int_equal(s.line->origin.line, 4);
	window_at(p, utc, (struct wall){MONDAY + 12 * 3600}, &s);
	assert_false(s.open);
	assert_int_equal(s.line->origin.line, 4);
	window_at(p, utc, (struct wall){MONDAY + (2 * 24 + 23) * 3600}, &s);
	assert_false(s.open);
	assert_int_equal(s.line->origin.line, 5);
	/* Saturday has no string: friday's ends at midnight, unlike an overnight window. */
	window_at(p, utc, (struct wall){MONDAY + 5 * 86400}, &s);
	assert_false(s.open);
	assert_null(s.line);
	config_each_value(c, see, &seen);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.value, "mon-fri " NIGHT " @4");
	zone_free(utc);
	config_unref(c);
	errors = ini_errors(INI_HUB("", "dfsr = monday 00FF\n", ""));
	assert_non_null(strstr(errors, "x.ini:6: dfsr: the day string has 4 digits instead of 96"));
	free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),	  cmocka_unit_test(mistakes),
		cmocka_unit_test(there_and_back), cmocka_unit_test(losses),
		cmocka_unit_test(many_losses),	  cmocka_unit_test(in_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
