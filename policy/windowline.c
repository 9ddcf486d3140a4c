/*
 * windowline.c: window = and date = lines, both ways.
 *
 *	DAYS HH:MM-HH:MM RATE		mon-fri 22:00-06:00 20Mbit
 *	DATE[..DATE] RATE		2026-12-24..2026-12-26 closed
 *
 * DAYS are names and ranges with commas; a range may pass sunday (fri-mon). Days given in any order
 * make the same line, so the printed form is one.
 */
#include "policy/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/zone.h"

#define ALL_DAYS 0x7f
#define TOKEN	 64

static const char *const day_names[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const day_long[7] = {"monday", "tuesday",  "wednesday", "thursday",
					"friday", "saturday", "sunday"};

static int day_number(const char *s, size_t len)
{
	for (int i = 0; i < 7; i++)
		if ((len == 3 && !strncmp(s, day_names[i], 3)) ||
		    (len == strlen(day_long[i]) && !strncmp(s, day_long[i], len)))
			return i;
	return -1;
}

/* One day, or a range that may pass sunday, as bits; 0: neither. */
static unsigned day_range(const char *s, size_t len)
{
	const char *dash = memchr(s, '-', len);
	unsigned bits = 0;
	int from, to;

	if (len == 5 && !strncmp(s, "daily", 5))
		return ALL_DAYS;
	from = day_number(s, dash ? (size_t)(dash - s) : len);
	to = dash ? day_number(dash + 1, len - (size_t)(dash - s) - 1) : from;
	if (from < 0 || to < 0)
		return 0;
	for (int i = from;; i = (i + 1) % 7) {
		bits |= 1u << i;
		if (i == to)
			return bits;
	}
}

int window_days_parse(const char *s, uint8_t *ret, struct err *e)
{
	unsigned days = 0, bits;
	size_t len;

	for (;; s += len + 1) {
		s += strspn(s, " \t");
		len = strcspn(s, ", \t");
		bits = day_range(s, len);
		if (!bits)
			return err_set(
				e, -EINVAL,
				"\"%.*s\" is not a day: mon tue wed thu fri sat sun, a range "
				"as mon-fri, several with commas, or daily",
				(int)MIN(len, (size_t)TOKEN), s);
		days |= bits;
		len += strspn(s + len, " \t");
		if (!s[len])
			break;
		if (s[len] != ',')
			return err_set(e, -EINVAL, "days are separated by commas: mon,wed-fri");
	}
	*ret = (uint8_t)days;
	return 0;
}

static int parse_clocks(const char *s, struct window_line *ret, struct err *e)
{
	const char *dash = strchr(s, '-');
	unsigned from, to;
	char first[8];
	int r;

	if (!dash || dash - s >= (ptrdiff_t)sizeof(first))
		return err_set(e, -EINVAL, "\"%s\" is not a span of time: HH:MM-HH:MM", s);
	snprintf(first, sizeof(first), "%.*s", (int)(dash - s), s);
	r = units_parse_clock(first, &from, e);
	if (!r)
		r = units_parse_clock(dash + 1, &to, e);
	if (r)
		return r;
	if (from == 1440)
		return err_set(e, -EINVAL,
			       "a window begins at 23:59 at the latest; 24:00 is an end");
	ret->from = (uint16_t)from;
	ret->to = (uint16_t)to;
	return 0;
}

/* Cuts the last word off s into out. */
static bool last_word(char *s, char out[TOKEN])
{
	size_t n = strlen(s), start;

	while (n && strchr(" \t", s[n - 1]))
		n--;
	start = n;
	while (start && !strchr(" \t", s[start - 1]))
		start--;
	if (start == n || n - start >= TOKEN)
		return false;
	memcpy(out, s + start, n - start);
	out[n - start] = '\0';
	s[start] = '\0';
	return true;
}

int window_line_parse(const char *text, struct window_line *ret, struct err *e)
{
	struct window_line l = {.kind = WINDOW_WEEKLY};
	char rate[TOKEN] = "", clocks[TOKEN] = "";
	char *days = xstrdup(text);
	int r;

	if (last_word(days, rate) && strchr(rate, ':')) {
		r = err_set(e, -EINVAL,
			    "a rate must follow the times: 20Mbit, unlimited or closed");
		goto cleanup;
	}
	if (!last_word(days, clocks) || !days[strspn(days, " \t")]) {
		r = err_set(e, -EINVAL,
			    "\"%.80s\" is not DAYS HH:MM-HH:MM RATE, as in: "
			    "mon-fri 22:00-06:00 20Mbit",
			    text);
		goto cleanup;
	}
	r = window_days_parse(days, &l.days, e);
	if (!r)
		r = parse_clocks(clocks, &l, e);
	if (!r)
		r = units_parse_rate(rate, true, &l.rate, e);
	if (!r)
		*ret = l;
cleanup:
	free(days);
	return r;
}

static int parse_date(const char *s, size_t len, int32_t *ret, struct err *e)
{
	static const char form[] = "dddd-dd-dd";
	unsigned month, day, m;
	int year, y;
	unsigned d;

	if (len != strlen(form))
		goto bad;
	for (size_t i = 0; i < len; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			goto bad;
	year = atoi(s);
	month = (unsigned)atoi(s + 5);
	day = (unsigned)atoi(s + 8);
	if (year < 1970 || year > 2199)
		return err_set(e, -ERANGE, "the year %d is not within 1970 .. 2199", year);
	if (month < 1 || month > 12 || day < 1)
		goto bad;
	*ret = zone_days_from_civil(year, month, day);
	zone_civil_from_days(*ret, &y, &m, &d);
	if (m == month && d == day)
		return 0;
bad:
	return err_set(e, -EINVAL, "\"%.*s\" is not a day of the calendar: YYYY-MM-DD",
		       (int)MIN(len, (size_t)TOKEN), s);
}

int date_line_parse(const char *text, struct window_line *ret, struct err *e)
{
	struct window_line l = {.kind = WINDOW_DATE};
	size_t len = strcspn(text, " \t");
	const char *rate = text + len + strspn(text + len, " \t");
	const char *dots = strstr(text, "..");
	size_t first = dots && dots < text + len ? (size_t)(dots - text) : len;
	int r;

	if (!*rate)
		return err_set(e, -EINVAL,
			       "\"%.80s\" is not DATE RATE or DATE..DATE RATE, as in: "
			       "2026-12-24..2026-12-26 closed",
			       text);
	r = parse_date(text, first, &l.date_from, e);
	l.date_to = l.date_from;
	if (!r && first < len)
		r = parse_date(text + first + 2, len - first - 2, &l.date_to, e);
	if (!r && l.date_to < l.date_from)
		r = err_set(e, -EINVAL, "the last day is before the first");
	if (!r)
		r = units_parse_rate(rate, true, &l.rate, e);
	if (!r)
		*ret = l;
	return r;
}

/* "mon-fri,sun" */
const char *window_days_print(unsigned days, char buf[WINDOW_DAYS_TEXT])
{
	size_t size = WINDOW_DAYS_TEXT, n = 0;

	if (days == ALL_DAYS) {
		snprintf(buf, size, "daily");
		return buf;
	}
	buf[0] = '\0';
	for (int i = 0; i < 7; i++) {
		int last = i;

		if (!(days & 1u << i))
			continue;
		while (last < 6 && days & 1u << (last + 1))
			last++;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "," : "", day_names[i]);
		if (last > i)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", last > i + 1 ? "-" : ",",
					      day_names[last]);
		i = last;
	}
	return buf;
}

static char *print_date_line(const struct window_line *l, const char *rate)
{
	unsigned m1, d1, m2, d2;
	int y1, y2;

	zone_civil_from_days(l->date_from, &y1, &m1, &d1);
	zone_civil_from_days(l->date_to, &y2, &m2, &d2);
	if (l->date_from == l->date_to)
		return xasprintf("%04d-%02u-%02u %s", y1, m1, d1, rate);
	return xasprintf("%04d-%02u-%02u..%04d-%02u-%02u %s", y1, m1, d1, y2, m2, d2, rate);
}

char *window_line_print(const struct window_line *l)
{
	char days[WINDOW_DAYS_TEXT], rate[UNITS_TEXT];

	units_rate_exact(l->rate, rate);
	if (l->kind == WINDOW_DATE)
		return print_date_line(l, rate);
	return xasprintf("%s %02u:%02u-%02u:%02u %s", window_days_print(l->days, days),
			 l->from / 60u, l->from % 60u, l->to / 60u, l->to % 60u, rate);
}
