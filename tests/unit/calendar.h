/*
 * calendar.h: random policies and a reference for them that shares no idea with policy/: a week
 * painted minute by minute from what a line says, and the C library asked for the local time of
 * every minute.
 */
#ifndef SPOKESYNC_TESTS_UNIT_CALENDAR_H
#define SPOKESYNC_TESTS_UNIT_CALENDAR_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/config.h"
#include "policy/dfsr.h"
#include "tests/unit/temp.h"

#define CAL_WEEK  (7 * 1440)
#define CAL_ITEMS 12

/* A line of the file, as its writer means it. */
struct cal_item {
	struct window_line line;
	bool is_dfsr;
	struct dfsr_line dfsr;
};

struct cal_policy {
	struct policy p; /* what is tested */
	struct cal_item items[CAL_ITEMS];
	size_t n;
	uint64_t week[CAL_WEEK];
};

/* A minute by the clock on the wall. */
struct cal_minute {
	int32_t day;
	uint16_t week;
};

static inline unsigned cal_pick(uint64_t *seed, unsigned n)
{
	return (unsigned)(temp_random(seed) >> 33) % n;
}

static inline void cal_local(const char *zone, int64_t start, size_t n, struct cal_minute *ret)
{
	setenv("TZ", zone, 1);
	tzset();
	for (size_t i = 0; i < n; i++) {
		time_t t = start + (int64_t)i * 60;
		struct tm tm;

		localtime_r(&t, &tm);
		ret[i].day = (int32_t)((t + tm.tm_gmtoff) / 86400);
		ret[i].week = (uint16_t)((tm.tm_wday + 6) % 7 * 1440 + tm.tm_hour * 60 + tm.tm_min);
	}
	unsetenv("TZ");
	tzset();
}

static inline void cal_paint(struct cal_policy *c, const struct cal_item *x)
{
	/* kbit, as DFS Replication has them */
	static const uint64_t kbit[] = {0,    16,   64,	   128,	  256,	 512,	 1024,	2048,
					4096, 8192, 16384, 32768, 65536, 131072, 262144};
	const struct window_line *l = &x->line;
	int length = (l->to + 1440 - l->from) % 1440;

	for (int day = 0; day < 7 && x->is_dfsr; day++)
		for (int m = 0; x->dfsr.days & 1 << day && m < 1440; m++) {
			unsigned level = x->dfsr.level[m / 15];

			c->week[day * 1440 + m] = level == 15 ? RATE_UNLIMITED : kbit[level] * 125;
		}
	for (int day = 0; day < 7 && !x->is_dfsr && l->kind == WINDOW_WEEKLY; day++)
		for (int m = 0; l->days & 1 << day && m < (length ? length : 1440); m++)
			c->week[(day * 1440 + l->from + m) % CAL_WEEK] = l->rate;
}

static inline void cal_random_dfsr(uint64_t *seed, struct cal_item *x)
{
	x->is_dfsr = true;
	x->dfsr.days = x->line.days;
	for (int q = 0; q < DFSR_QUARTERS; q++)
		x->dfsr.level[q] = !q || !cal_pick(seed, 12) ? (uint8_t)cal_pick(seed, 16)
							     : x->dfsr.level[q - 1];
}

static inline void cal_random_item(uint64_t *seed, int32_t today, struct cal_item *x)
{
	static const uint64_t rates[] = {RATE_CLOSED, RATE_CLOSED, 1000, 2000, RATE_UNLIMITED};
	struct window_line *l = &x->line;

	l->rate = rates[cal_pick(seed, ARRAY_LEN(rates))];
	l->days = (uint8_t)(1 + cal_pick(seed, 127));
	switch (cal_pick(seed, 6)) {
	case 0:
		l->kind = WINDOW_DATE;
		l->date_from = today + (int32_t)cal_pick(seed, 20) - 3;
		l->date_to = l->date_from + (int32_t)cal_pick(seed, 15);
		break;
	case 1:
		cal_random_dfsr(seed, x);
		break;
	case 2:
	case 3: /* around the hours at which clocks change, and whole days */
		l->from = (uint16_t)(cal_pick(seed, 16) * 15);
		l->to = (uint16_t)(cal_pick(seed, 97) * 15);
		break;
	default:
		l->from = (uint16_t)cal_pick(seed, 1440);
		l->to = (uint16_t)cal_pick(seed, 1441);
	}
}

static inline void cal_random(uint64_t *seed, int32_t today, struct cal_policy *c)
{
	struct window_line *lines = xcalloc(CAL_ITEMS * DFSR_QUARTERS, sizeof(*lines));

	memset(c, 0, sizeof(*c));
	c->p = (struct policy){.name = "random", .lines = lines};
	c->n = 1 + cal_pick(seed, CAL_ITEMS);
	for (size_t i = 0; i < c->n; i++) {
		struct cal_item *x = &c->items[i];

		cal_random_item(seed, today, x);
		cal_paint(c, x);
		if (x->is_dfsr)
			c->p.n_lines += dfsr_line_windows(&x->dfsr, (struct origin){"dfsr", 1},
							  lines + c->p.n_lines);
		else
			lines[c->p.n_lines++] = x->line;
	}
}

static inline uint64_t cal_rate(const struct cal_policy *c, struct cal_minute m)
{
	for (size_t i = c->n; i-- > 0;) {
		const struct window_line *l = &c->items[i].line;

		if (!c->items[i].is_dfsr && l->kind == WINDOW_DATE && m.day >= l->date_from &&
		    m.day <= l->date_to)
			return l->rate;
	}
	return c->week[m.week];
}

#endif
