/*
 * timetext.c: see timetext.h. Machines get RFC 3339 in UTC everywhere; people get a weekday,
 * because windows are weekly, and a zone, because hub and spoke rarely share one.
 */
#include "scheduler/timetext.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/units.h"
#include "policy/zone.h"

#define DAY_S 86400

static const char *const weekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

/* Years that four digits can show; what lies outside is printed as never. */
static bool printable(struct wall t)
{
	return t.s >= -62135596800 && t.s <= 253402300799;
}

const char *timetext_utc(struct wall t, char buf[TIMETEXT_MAX])
{
	time_t s = (time_t)t.s;
	struct tm tm;

	if (!printable(t) || !gmtime_r(&s, &tm))
		snprintf(buf, TIMETEXT_MAX, "never");
	else
		strftime(buf, TIMETEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

const char *timetext_utc_ms(struct wall t, unsigned ms, char buf[TIMETEXT_MAX])
{
	size_t len;

	timetext_utc(t, buf);
	len = strlen(buf);
	if (len && buf[len - 1] == 'Z')
		snprintf(buf + len - 1, TIMETEXT_MAX - len + 1, ".%03uZ", ms % 1000);
	return buf;
}

const char *timetext_in_zone(const struct zone *z, struct wall t, char buf[TIMETEXT_MAX])
{
	struct local_time l = {.abbrev = "UTC"};
	unsigned month, day;
	int year, n;

	if (!printable(t)) {
		snprintf(buf, TIMETEXT_MAX, "never");
		return buf;
	}
	if (z) {
		zone_local(z, t, &l);
	} else {
		l.day = (int32_t)(t.s / DAY_S - (t.s % DAY_S < 0));
		l.second = (unsigned)(t.s - (int64_t)l.day * DAY_S);
		l.weekday = (unsigned)(((l.day + 3) % 7 + 7) % 7);
	}
	zone_civil_from_days(l.day, &year, &month, &day);
	n = snprintf(buf, TIMETEXT_MAX, "%s %04d-%02u-%02u %02u:%02u", weekdays[l.weekday % 7],
		     year, month, day, l.second / 3600, l.second / 60 % 60);
	if (l.second % 60)
		n += snprintf(buf + n, TIMETEXT_MAX - (size_t)n, ":%02u", l.second % 60);
	snprintf(buf + n, TIMETEXT_MAX - (size_t)n, " %s", l.abbrev);
	return buf;
}

const char *timetext_local(struct wall t, struct wall now, char buf[TIMETEXT_MAX])
{
	time_t s = (time_t)t.s;
	struct tm tm;

	if (!printable(t) || !localtime_r(&s, &tm))
		snprintf(buf, TIMETEXT_MAX, "never");
	else if (t.s > now.s - 6 * DAY_S && t.s < now.s + 6 * DAY_S)
		strftime(buf, TIMETEXT_MAX, "%a %H:%M:%S", &tm);
	else
		strftime(buf, TIMETEXT_MAX, "%Y-%m-%d %H:%M", &tm);
	return buf;
}

/* Exactly n digits; sscanf() would also take blanks and signs. Moves *s behind them. */
static bool take_digits(const char **s, unsigned n, int *ret)
{
	int v = 0;

	for (unsigned i = 0; i < n; i++) {
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return false;
		v = 10 * v + ((*s)[i] - '0');
	}
	*s += n;
	*ret = v;
	return true;
}

static bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

/* Of this calendar: the day of a date that does not exist is another date's. */
static bool date_exists(int year, int month, int day)
{
	unsigned m, d;
	int y;

	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	zone_civil_from_days(zone_days_from_civil(year, (unsigned)month, (unsigned)day), &y, &m,
			     &d);
	return m == (unsigned)month && d == (unsigned)day;
}

/* "HH:MM[:SS[.f]]" */
static bool take_clock(const char **s, struct tm *tm)
{
	if (!take_digits(s, 2, &tm->tm_hour) || !take_char(s, ':') ||
	    !take_digits(s, 2, &tm->tm_min))
		return false;
	if (take_char(s, ':')) {
		if (!take_digits(s, 2, &tm->tm_sec))
			return false;
		if (take_char(s, '.'))
			*s += strspn(*s, "0123456789");
	}
	return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60;
}

/* Date and clock of "YYYY-MM-DD[T HH:MM[:SS[.f]]]". Returns where it ended, or NULL. */
static const char *parse_civil(const char *s, struct tm *ret, bool *ret_clock)
{
	struct tm tm = {0};

	if (!take_digits(&s, 4, &tm.tm_year) || !take_char(&s, '-') ||
	    !take_digits(&s, 2, &tm.tm_mon) || !take_char(&s, '-') ||
	    !take_digits(&s, 2, &tm.tm_mday) || !date_exists(tm.tm_year, tm.tm_mon, tm.tm_mday))
		return NULL;
	*ret_clock = (*s == 'T' || *s == 't' || *s == ' ') && s[1];
	if (*ret_clock) {
		s++;
		if (!take_clock(&s, &tm))
			return NULL;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret = tm;
	return s;
}

static int64_t utc_seconds(const struct tm *tm)
{
	int64_t days = zone_days_from_civil(tm->tm_year + 1900, (unsigned)tm->tm_mon + 1,
					    (unsigned)tm->tm_mday);

	return days * DAY_S + tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

int timetext_parse_utc(const char *s, struct wall *ret, struct err *e)
{
	int hours, minutes, sign;
	const char *rest;
	struct tm tm;
	bool clock;

	rest = parse_civil(s, &tm, &clock);
	if (!rest || !clock)
		goto bad;
	if ((*rest == 'Z' || *rest == 'z') && !rest[1]) {
		ret->s = utc_seconds(&tm);
		return 0;
	}
	sign = *rest == '-' ? -1 : 1;
	if ((*rest != '+' && *rest != '-') || (rest++, !take_digits(&rest, 2, &hours)) ||
	    !take_char(&rest, ':') || !take_digits(&rest, 2, &minutes) || *rest || hours > 14 ||
	    minutes > 59)
		goto bad;
	ret->s = utc_seconds(&tm) - sign * (hours * 3600 + minutes * 60);
	return 0;
bad:
	return err_set(e, -EINVAL, "'%.64s' is not a time such as 2026-11-22T15:00:00Z", s);
}

static int64_t local_offset(int64_t t)
{
	time_t s = (time_t)t;
	struct tm tm;

	return localtime_r(&s, &tm) ? tm.tm_gmtoff : 0;
}

/*
 * When the local clock shows this (seconds since 1970-01-01 00:00 by that clock): twice where it
 * is set back, never where it is set forward. A change of it has one offset a day before and the
 * other a day after; mktime() would tell one of two times, and one where there is none.
 */
static unsigned shown_at(int64_t local, int64_t ret[2])
{
	const int64_t offsets[] = {local_offset(local - DAY_S), local_offset(local + DAY_S)};
	unsigned n = 0;

	/* The same offset on both sides is one time. */
	for (unsigned i = offsets[0] == offsets[1]; i < 2; i++) {
		int64_t t = local - offsets[i];

		if (local_offset(t) == offsets[i])
			ret[n++] = t;
	}
	return n;
}

/* Forward: the first of these behind now; else the last that is not behind it. */
static bool nearer(int64_t t, int64_t than, struct wall now, bool forward)
{
	if (forward)
		return t > now.s && t < than;
	return t <= now.s && t > than;
}

/* "HH:MM": the next or the last time that the local clock shows it. */
static int parse_clock(const char *s, struct wall now, bool forward, struct wall *ret)
{
	int64_t local = now.s + local_offset(now.s), none = forward ? INT64_MAX : INT64_MIN;
	int64_t best = none, t[2];
	unsigned minutes;

	if (units_parse_clock(s, &minutes, NULL) < 0)
		return -EINVAL;
	local -= local % DAY_S;
	/* The day next to this one may lack it; and the one before may not be over. */
	for (int day = -2; day <= 2; day++) {
		unsigned n = shown_at(local + day * DAY_S + (int64_t)minutes * 60, t);

		for (unsigned i = 0; i < n; i++)
			if (nearer(t[i], best, now, forward))
				best = t[i];
	}
	if (best == none)
		return -EINVAL;
	ret->s = best;
	return 0;
}

/* A date and clock of the local zone. Of two times that which lies where it is looked for, else
 * the first. A day whose midnight is skipped begins when the clock was set. */
static int from_civil(const struct tm *tm, bool clock, struct wall now, bool forward,
		      struct wall *ret)
{
	int64_t local = utc_seconds(tm), t[2];
	unsigned n = shown_at(local, t);

	if (!n && !clock) {
		t[0] = local - local_offset(local - DAY_S);
		n = (t[0] + local_offset(t[0])) / DAY_S == local / DAY_S;
	}
	if (!n)
		return -ERANGE;
	ret->s = n == 2 && (forward ? t[0] <= now.s : t[1] <= now.s) ? t[1] : t[0];
	return 0;
}

int timetext_parse_typed(const char *s, struct wall now, bool forward, struct wall *ret,
			 struct err *e)
{
	const char *rest;
	int64_t span_us;
	struct tm tm;
	bool clock;

	if (!strcmp(s, "now")) {
		*ret = now;
		return 0;
	}
	tzset();
	if (!timetext_parse_utc(s, ret, NULL) || !parse_clock(s, now, forward, ret))
		return 0;
	rest = parse_civil(s, &tm, &clock);
	if (rest && !*rest) {
		if (!from_civil(&tm, clock, now, forward, ret))
			return 0;
		return err_set(e, -EINVAL, "'%.64s' is not a time: the local clock skips it", s);
	}
	if (!units_parse_duration(s, &span_us, NULL)) {
		ret->s = now.s + (forward ? 1 : -1) * (span_us / SECOND_US);
		return 0;
	}
	return err_set(
		e, -EINVAL,
		"'%.64s' is not a time: write 22:00, 2026-11-22 22:00, 2026-11-22T22:00:00Z, "
		"or a duration such as 90m",
		s);
}
