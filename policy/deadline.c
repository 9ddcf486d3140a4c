/*
 * deadline.c: see deadline.h. A day is looked at by its local midnight, and the zone's offset at
 * the time itself is found by trying: it differs from the midnight's on two days of a year.
 */
#include "policy/deadline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/build.h"
#include "policy/zone.h"

#define DAY	86400
#define DAYS_ON 9 /* a week, and a day skipped by a zone that moved over the date line */

int deadline_parse(const char *text, struct deadline *ret, struct err *e)
{
	struct deadline d = {0};
	size_t len = strlen(text);
	char days[DEADLINE_TEXT];
	const char *clock;
	unsigned minutes;
	int r;

	if (!strcmp(text, "none")) {
		*ret = d;
		return 0;
	}
	while (len && text[len - 1] != ' ' && text[len - 1] != '\t')
		len--;
	if (!len || len >= sizeof(days))
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not DAYS HH:MM or none, as in: mon-fri 06:00", text);
	clock = text + len;
	snprintf(days, sizeof(days), "%.*s", (int)len, text);
	while (len && (days[len - 1] == ' ' || days[len - 1] == '\t'))
		days[--len] = '\0';
	r = window_days_parse(days, &d.days, e);
	if (!r)
		r = units_parse_clock(clock, &minutes, e);
	if (r)
		return r;
	if (minutes == 1440)
		return err_set(e, -EINVAL,
			       "a deadline is at 23:59 at the latest; 24:00 is 00:00 "
			       "of the next day");
	d.minutes = (uint16_t)minutes;
	*ret = d;
	return 0;
}

const char *deadline_print(const struct deadline *d, char buf[DEADLINE_TEXT])
{
	char days[WINDOW_DAYS_TEXT];

	if (!d->days)
		snprintf(buf, DEADLINE_TEXT, "none");
	else
		snprintf(buf, DEADLINE_TEXT, "%s %02u:%02u", window_days_print(d->days, days),
			 d->minutes / 60u, d->minutes % 60u);
	return buf;
}

static int64_t offset_at(const struct zone *z, int64_t t)
{
	struct local_time l;

	zone_local(z, (struct wall){t}, &l);
	return l.offset;
}

/* When it is that local time. Where the offset changes nearby the earlier reading counts if it is
 * one, else the time does not exist, and the change itself is the answer. */
static int64_t of_local(const struct zone *z, int64_t local)
{
	int64_t before = local - offset_at(z, local - DAY),
		after = local - offset_at(z, local + DAY);

	if (before + offset_at(z, before) == local)
		return after + offset_at(z, after) == local ? MIN(before, after) : before;
	if (after + offset_at(z, after) == local)
		return after;
	return zone_next_change(z, (struct wall){MIN(before, after) - 1}).s;
}

struct wall deadline_after(const struct deadline *d, const struct zone *zone, struct wall t)
{
	struct local_time l;

	if (!d->days)
		return WALL_NEVER;
	zone_local(zone, t, &l);
	for (int64_t i = 0; i < DAYS_ON; i++) {
		int64_t at;

		if (!(d->days & 1u << (l.weekday + i) % 7))
			continue;
		at = of_local(zone, (l.day + i) * DAY + d->minutes * 60);
		if (at > t.s)
			return (struct wall){at};
	}
	return WALL_NEVER;
}
