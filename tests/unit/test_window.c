/*
 * test_window.c: states and edges, by example and against a reference that knows none of window.c's
 * ideas: it paints a week of minutes and asks the C library for the local time of every minute.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "policy/build.h"
#include "policy/window.h"
#include "policy/zone.h"
#include "tests/unit/temp.h"
#include "tests/unit/zones.h"

#define WEEK	    (7 * 1440)
#define DAY	    86400
#define CASES	    12 /* of each zone */
#define MINUTES	    (16 * 1440)
#define LINES_MOST  12
#define T_2026_1122 ((int64_t)1795305600) /* sunday 2026-11-22 00:00 UTC */

static struct policy policy_of(const char *const *text, size_t n)
{
	struct policy p = {.name = "p", .lines = xcalloc(n, sizeof(*p.lines)), .n_lines = n};

	for (size_t i = 0; i < n; i++) {
		if (strchr(text[i], ':'))
			assert_int_equal(window_line_parse(text[i], &p.lines[i], NULL), 0);
		else
			assert_int_equal(date_line_parse(text[i], &p.lines[i], NULL), 0);
	}
	return p;
}

#define POLICY(...)                                   \
	policy_of((const char *const[]){__VA_ARGS__}, \
		  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void expect(const struct policy *p, const struct zone *z, int64_t t, uint64_t rate,
		   const struct window_line *line)
{
	struct window_state s;

	window_at(p, z, (struct wall){t}, &s);
	assert_int_equal(s.open, rate != RATE_CLOSED);
	assert_int_equal(s.rate, rate);
	assert_ptr_equal(s.line, line);
}

static int64_t edge(const struct policy *p, const struct zone *z, int64_t t)
{
	return window_next_edge(p, z, (struct wall){t}).s;
}

/* An overnight window belongs to the day it starts on: friday's ends on saturday, sunday has none.
 */
static void overnight(void **state)
{
	struct policy p = POLICY("mon-fri 22:00-06:00 8Mbit");
	struct zone *z = zone_new("UTC");
	int64_t sun = T_2026_1122, mon = sun + DAY, fri = sun + 5 * DAY, sat = sun + 6 * DAY;

	(void)state;
	expect(&p, z, sun + 23 * 3600, RATE_CLOSED, NULL);
	expect(&p, z, mon + 1 * 3600, RATE_CLOSED, NULL);
	expect(&p, z, mon + 22 * 3600 - 1, RATE_CLOSED, NULL);
	expect(&p, z, mon + 22 * 3600, 1000000, &p.lines[0]);
	expect(&p, z, fri + 23 * 3600, 1000000, &p.lines[0]);
	expect(&p, z, sat + 6 * 3600 - 1, 1000000, &p.lines[0]);
	expect(&p, z, sat + 6 * 3600, RATE_CLOSED, NULL);
	expect(&p, z, sat + 23 * 3600, RATE_CLOSED, NULL);
	assert_int_equal(edge(&p, z, sun), mon + 22 * 3600);
	assert_int_equal(edge(&p, z, mon + 22 * 3600), mon + 30 * 3600);
	assert_int_equal(edge(&p, z, sat + 6 * 3600), sat + 2 * DAY + 22 * 3600);
	zone_free(z);
	free(p.lines);
}

static void later_line_wins(void **state)
{
	struct policy p = POLICY("daily 00:00-24:00 8Mbit", "mon-fri 08:00-18:00 closed",
				 "daily 12:00-13:00 16Mbit");
	struct zone *z = zone_new("UTC");
	int64_t sun = T_2026_1122, mon = sun + DAY;

	(void)state;
	expect(&p, z, mon + 9 * 3600, RATE_CLOSED, &p.lines[1]);
	expect(&p, z, mon + 12 * 3600, 2000000, &p.lines[2]);
	expect(&p, z, sun + 9 * 3600, 1000000, &p.lines[0]);
	/* A change of rate is an edge too; midnight within one line is none. */
	assert_int_equal(edge(&p, z, sun), sun + 12 * 3600);
	assert_int_equal(edge(&p, z, sun + 13 * 3600), mon + 8 * 3600);
	zone_free(z);
	free(p.lines);
}

static void dates(void **state)
{
	struct policy p = POLICY("2026-11-24..2026-11-25 closed", "daily 22:00-06:00 8Mbit",
				 "2026-11-25 16Mbit");
	struct zone *z = zone_new("UTC");
	int64_t tue = T_2026_1122 + 2 * DAY;

	(void)state;
	/* The tail of monday's window falls into tuesday, which the date governs. */
	expect(&p, z, tue - 1, 1000000, &p.lines[1]);
	expect(&p, z, tue, RATE_CLOSED, &p.lines[0]);
	expect(&p, z, tue + 23 * 3600, RATE_CLOSED, &p.lines[0]);
	/* Of two dates the later line. */
	expect(&p, z, tue + DAY, 2000000, &p.lines[2]);
	/* Thursday is a usual day again, with the tail of wednesday's window. */
	expect(&p, z, tue + 2 * DAY, 1000000, &p.lines[1]);
	assert_int_equal(edge(&p, z, tue - 3600), tue);
	assert_int_equal(edge(&p, z, tue), tue + DAY);
	assert_int_equal(edge(&p, z, tue + DAY), tue + 2 * DAY);
	zone_free(z);
	free(p.lines);
}

static void no_edges(void **state)
{
	struct policy always = POLICY("daily 00:00-24:00 unlimited");
	struct policy round = POLICY("daily 06:00-06:00 unlimited");
	struct policy far = POLICY("daily 00:00-24:00 unlimited", "2027-12-01 closed");
	struct policy later = POLICY("daily 00:00-24:00 unlimited", "2029-12-01 closed");
	struct policy none = {.name = "none"};
	struct zone *z = zone_new("Europe/Berlin");

	(void)state;
	assert_int_equal(edge(&always, z, T_2026_1122), INT64_MAX);
	assert_int_equal(edge(&round, z, T_2026_1122), INT64_MAX);
	assert_int_equal(edge(&none, z, T_2026_1122), INT64_MAX);
	assert_int_equal(edge(&far, z, T_2026_1122), 1827615600);
	assert_int_equal(edge(&later, z, T_2026_1122), INT64_MAX);
	zone_free(z);
	free(always.lines);
	free(round.lines);
	free(far.lines);
	free(later.lines);
}

/* Wall-clock rule: the missing hour shortens a window, the repeated one lengthens it. */
static void daylight_saving(void **state)
{
	struct policy night = POLICY("sat,sun 00:00-06:00 8Mbit");
	struct policy inside = POLICY("sun 02:15-02:45 8Mbit");
	struct zone *z = zone_new("Europe/Berlin");
	int64_t spring = 1774738800; /* 2026-03-29 00:00 CET; 02:00 does not exist */
	int64_t autumn = 1792879200; /* 2026-10-25 00:00 CEST; 02:00 comes twice */

	(void)state;
	assert_int_equal(edge(&night, z, spring) - spring, 5 * 3600);
	assert_int_equal(edge(&night, z, autumn) - autumn, 7 * 3600);
	/* Skipped in spring, twice in autumn. */
	assert_int_equal(edge(&inside, z, spring), spring + 7 * DAY + 75 * 60);
	assert_int_equal(edge(&inside, z, autumn), autumn + 135 * 60);
	assert_int_equal(edge(&inside, z, autumn + 135 * 60), autumn + 165 * 60);
	assert_int_equal(edge(&inside, z, autumn + 165 * 60), autumn + 195 * 60);
	assert_int_equal(edge(&inside, z, autumn + 195 * 60), autumn + 225 * 60);
	zone_free(z);
	free(night.lines);
	free(inside.lines);
}

/* The reference: a week painted line by line, and the days of the date lines. */
struct reference {
	uint64_t week[WEEK];
	const struct policy *p;
};

static void paint(struct reference *r, const struct policy *p)
{
	memset(r, 0, sizeof(*r));
	r->p = p;
	for (size_t i = 0; i < p->n_lines; i++) {
		const struct window_line *l = &p->lines[i];
		int length = (l->to + 1440 - l->from) % 1440;

		for (int day = 0; day < 7 && l->kind == WINDOW_WEEKLY; day++)
			for (int m = 0; l->days & 1 << day && m < (length ? length : 1440); m++)
				r->week[(day * 1440 + l->from + m) % WEEK] = l->rate;
	}
}

static uint64_t reference_rate(const struct reference *r, int64_t t)
{
	time_t tt = t;
	struct tm tm;
	int32_t day;

	localtime_r(&tt, &tm);
	day = (int32_t)((t + tm.tm_gmtoff - (t + tm.tm_gmtoff) % DAY) / DAY);
	for (size_t i = r->p->n_lines; i-- > 0;) {
		const struct window_line *l = &r->p->lines[i];

		if (l->kind == WINDOW_DATE && day >= l->date_from && day <= l->date_to)
			return l->rate;
	}
	return r->week[(tm.tm_wday + 6) % 7 * 1440 + tm.tm_hour * 60 + tm.tm_min];
}

static unsigned pick(uint64_t *seed, unsigned n)
{
	return (unsigned)(temp_random(seed) >> 33) % n;
}

static struct policy random_policy(uint64_t *seed, int32_t today)
{
	static const uint64_t rates[] = {RATE_CLOSED, RATE_CLOSED, 1000, 2000, RATE_UNLIMITED};
	struct policy p = {.name = "random", .n_lines = 1 + pick(seed, LINES_MOST)};

	p.lines = xcalloc(p.n_lines, sizeof(*p.lines));
	for (size_t i = 0; i < p.n_lines; i++) {
		struct window_line *l = &p.lines[i];

		l->rate = rates[pick(seed, ARRAY_LEN(rates))];
		if (!pick(seed, 5)) {
			l->kind = WINDOW_DATE;
			l->date_from = today + (int32_t)pick(seed, 20) - 3;
			l->date_to = l->date_from + (int32_t)pick(seed, 15);
			continue;
		}
		l->days = (uint8_t)(1 + pick(seed, 127));
		l->from = (uint16_t)pick(seed, 1440);
		l->to = (uint16_t)pick(seed, 1441);
		/* Around the hours at which clocks change, and whole days. */
		if (pick(seed, 2)) {
			l->from = (uint16_t)(pick(seed, 16) * 15);
			l->to = (uint16_t)(pick(seed, 97) * 15);
		}
	}
	return p;
}

static void check_case(const struct policy *p, const struct zone *z, int64_t start)
{
	struct reference *r = xcalloc(1, sizeof(*r));
	int64_t next = start;

	paint(r, p);
	for (int64_t t = start; t < start + MINUTES * 60; t += 60) {
		struct window_state s;
		uint64_t rate = reference_rate(r, t);

		window_at(p, z, (struct wall){t}, &s);
		assert_int_equal(s.rate, rate);
		assert_int_equal(s.open, rate != RATE_CLOSED);
		if (t < next) {
			/* No edge was told between. */
			assert_int_equal(rate, reference_rate(r, t - 60));
			continue;
		}
		if (t > start) {
			assert_int_equal(t, next);
			assert_int_not_equal(rate, reference_rate(r, t - 60));
		}
		next = edge(p, z, t);
		/* From within the span the same edge is seen. */
		if (next != INT64_MAX)
			assert_int_equal(edge(p, z, t + (next - t) / 2), next);
	}
	free(r);
}

static void against_reference(void **state)
{
	uint64_t seed = 20261122;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		struct zone *z = zone_new(zones[i]);

		assert_non_null(z);
		setenv("TZ", zones[i], 1);
		tzset();
		for (int k = 0; k < CASES; k++) {
			int64_t t = 1577836800 + (int64_t)pick(&seed, 21 * 366) * DAY;
			struct wall change = zone_next_change(z, (struct wall){t});
			struct policy p;

			if (k % 3 && change.s != INT64_MAX)
				t = change.s - (int64_t)pick(&seed, 12 * 1440) * 60;
			t -= t % 60;
			p = random_policy(&seed, (int32_t)(t / DAY));
			check_case(&p, z, t);
			free(p.lines);
		}
		zone_free(z);
	}
	unsetenv("TZ");
}

/* A day that does not exist. */
static void skipped_day(void **state)
{
	struct zone *z = zone_new("Pacific/Apia");
	uint64_t seed = 5;

	(void)state;
	setenv("TZ", "Pacific/Apia", 1);
	tzset();
	for (int k = 0; k < 20; k++) {
		int64_t t = 1325239200 - (int64_t)pick(&seed, 12 * 1440) * 60;
		struct policy p = random_policy(&seed, (int32_t)(t / DAY));

		check_case(&p, z, t);
		free(p.lines);
	}
	unsetenv("TZ");
	zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overnight),
		cmocka_unit_test(later_line_wins),
		cmocka_unit_test(dates),
		cmocka_unit_test(no_edges),
		cmocka_unit_test(daylight_saving),
		cmocka_unit_test(skipped_day),
		cmocka_unit_test(against_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
