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

/* Date and clock of "YYYY-MM-DD[T HH:MM[:SS[.f]]]". Returns where it ended, or NULL. */
static const char *parse_civil(const char *s, struct tm *ret, bool *ret_clock)
{
	struct tm tm = {0};
	int n = 0, used = 0;

	if (sscanf(s, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &n) != 3 || n != 10)
		return NULL;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31)
		return NULL;
	s += n;
	*ret_clock = false;
	if ((*s == 'T' || *s == 't' || *s == ' ') && s[1]) {
		if (sscanf(s + 1, "%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &used) != 2 || used != 5)
			return NULL;
		s += 1 + used;
		if (*s == ':') {
			if (sscanf(s, ":%2d%n", &tm.tm_sec, &used) != 1 || used != 3)
				return NULL;
			s += used;
			if (*s == '.')
				s += 1 + strspn(s + 1, "0123456789");
		}
		if (tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 ||
		    tm.tm_sec < 0 || tm.tm_sec > 60)
			return NULL;
		*ret_clock = true;
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
	int hours, minutes, n = 0;
	const char *rest;
	struct tm tm;
	bool clock;
	char sign;

	rest = parse_civil(s, &tm, &clock);
	if (!rest || !clock)
		goto bad;
	if ((*rest == 'Z' || *rest == 'z') && !rest[1]) {
		ret->s = utc_seconds(&tm);
		return 0;
	}
	if (sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &n) != 3 || rest[n] ||
	    (sign != '+' && sign != '-') || hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
		goto bad;
	ret->s = utc_seconds(&tm) - (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return 0;
bad:
	return err_set(e, -EINVAL, "'%.64s' is not a time such as 2026-11-22T15:00:00Z", s);
}

/* "HH:MM": the next or the last time that the local clock shows it. */
static int parse_clock(const char *s, struct wall now, bool forward, struct wall *ret)
{
	time_t now_s = (time_t)now.s, t;
	unsigned minutes;
	struct tm tm;

	if (units_parse_clock(s, &minutes, NULL) < 0)
		return -EINVAL;
	localtime_r(&now_s, &tm);
	tm.tm_hour = (int)minutes / 60;
	tm.tm_min = (int)minutes % 60;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	if (forward && t <= now_s)
		tm.tm_mday += 1;
	else if (!forward && t > now_s)
		tm.tm_mday -= 1;
	tm.tm_isdst = -1;
	ret->s = mktime(&tm);
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
	if (!timetext_parse_utc(s, ret, NULL) || !parse_clock(s, now, forward, ret))
		return 0;
	rest = parse_civil(s, &tm, &clock);
	if (rest && !*rest) {
		tm.tm_isdst = -1;
		ret->s = mktime(&tm);
		return 0;
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
