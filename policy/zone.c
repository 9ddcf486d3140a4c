/*
 * zone.c: time zones through GLib's GTimeZone, the only file that knows it.
 *
 * A zone is turned into a table of its offsets once, so that a look-up is a binary search in memory
 * of its own: no lock, no reading of zone files later, and a next change without guessing at steps.
 * Zone files change under running programs, by updates of the system: whoever holds a zone asks for
 * zone_refresh() now and then, which looks at the file and makes the table anew.
 */
#include "policy/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "policy/zonefile.h"

#define DAY	   86400
#define TABLE_LAST ((int64_t)4102444800) /* 2100-01-01; later times have the last offset */
#define LOOK_AHEAD ((int64_t)400 * DAY)
#define RULES_FROM ((int64_t)2145916800) /* 2038-01-01: past the tables of the zone files */
#define CALENDAR   ((int64_t)(28 * 365 + 7) * DAY) /* days and dates come round after 28 years */

/* What holds from a time on. */
struct span {
	int64_t from;
	int32_t offset;
	bool dst;
	char abbrev[12];
};

struct zone {
	struct span *spans;
	size_t n;
	char name[ZONEFILE_NAME + 1];
	struct zonefile_stamp stamp;
	unsigned refs;
};

static int interval_at(GTimeZone *tz, int64_t t)
{
	return g_time_zone_find_interval(tz, G_TIME_TYPE_UNIVERSAL, t);
}

static void add_span(struct zone *z, GTimeZone *tz, int64_t from, int interval)
{
	const char *abbrev = g_time_zone_get_abbreviation(tz, interval);
	struct span s = {
		.from = from,
		.offset = g_time_zone_get_offset(tz, interval),
		.dst = g_time_zone_is_dst(tz, interval),
	};

	snprintf(s.abbrev, sizeof(s.abbrev), "%s", abbrev ? abbrev : "");
	z->spans = xrealloc(z->spans, (z->n + 1) * sizeof(*z->spans));
	z->spans[z->n++] = s;
}

/* The intervals are numbered in the order of time, so the end of one is found by halving. */
static void fill_table(struct zone *z, GTimeZone *tz)
{
	int64_t t = 0;
	int now = interval_at(tz, t), last = interval_at(tz, TABLE_LAST);

	add_span(z, tz, INT64_MIN, now);
	while (now != last) {
		int64_t low = t, high = TABLE_LAST;

		while (high - low > 1) {
			int64_t mid = low + (high - low) / 2;

			if (interval_at(tz, mid) == now)
				low = mid;
			else
				high = mid;
		}
		t = high;
		now = interval_at(tz, t);
		add_span(z, tz, t, now);
	}
}

static bool offset_seen(const struct zone *z, size_t n, int32_t offset)
{
	for (size_t i = 0; i < n; i++)
		if (z->spans[i].offset == offset)
			return true;
	return false;
}

/*
 * Past their tables zone files give a rule, and GLib 2.74 misreads one kind: summer time that is
 * behind winter time, as Ireland has it, comes out two hours off from 2038 on. It shows by offsets
 * that the zone never had; the last 28 years are then repeated instead.
 */
static void mend_rule(struct zone *z)
{
	size_t n = 0, first, i;
	bool wrong = false;

	while (n < z->n && z->spans[n].from < RULES_FROM)
		n++;
	for (i = n; i < z->n; i++)
		wrong |= !offset_seen(z, n, z->spans[i].offset);
	if (!wrong)
		return;
	for (first = 0; first < n && z->spans[first].from < RULES_FROM - CALENDAR;)
		first++;
	z->n = n;
	for (i = first; i < z->n && z->spans[i].from + CALENDAR < TABLE_LAST; i++) {
		z->spans = xrealloc(z->spans, (z->n + 1) * sizeof(*z->spans));
		z->spans[z->n] = z->spans[i];
		z->spans[z->n++].from += CALENDAR;
	}
}

static bool fill(struct zone *z, const char *name)
{
	char path[ZONEFILE_PATH];
	GTimeZone *tz;

	if (!zonefile_find(name, path, &z->stamp) || (*path && !zonefile_whole(path)))
		return false;
	/* GLib keeps zones that somebody holds; nobody does, so this one comes from the file. */
	tz = g_time_zone_new_identifier(name);
	if (!tz)
		return false;
	snprintf(z->name, sizeof(z->name), "%s", name);
	fill_table(z, tz);
	mend_rule(z);
	g_time_zone_unref(tz);
	return true;
}

struct zone *zone_new(const char *name)
{
	struct zone *z = xcalloc(1, sizeof(*z));

	z->refs = 1;
	return fill(z, name) ? z : zone_free(z);
}

struct zone *zone_ref(struct zone *z)
{
	if (z)
		z->refs++;
	return z;
}

const char *zone_name(const struct zone *z)
{
	return z->name;
}

static bool same_table(const struct zone *a, const struct zone *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->spans[i].from != b->spans[i].from ||
		    a->spans[i].offset != b->spans[i].offset ||
		    a->spans[i].dst != b->spans[i].dst ||
		    strcmp(a->spans[i].abbrev, b->spans[i].abbrev) != 0)
			return false;
	return true;
}

bool zone_refresh(struct zone *z)
{
	struct zone *fresh, before = *z;
	struct zonefile_stamp stamp;
	char path[ZONEFILE_PATH];
	bool changed;

	if (!zonefile_find(z->name, path, &stamp) || !memcmp(&stamp, &z->stamp, sizeof(stamp)))
		return false;
	fresh = zone_new(before.name);
	if (!fresh)
		return false;
	changed = !same_table(z, fresh);
	before.refs = fresh->refs;
	fresh->refs = z->refs;
	*z = *fresh;
	*fresh = before;
	zone_free(fresh);
	return changed;
}

struct zone *zone_free(struct zone *z)
{
	if (!z || --z->refs)
		return NULL;
	free(z->spans);
	free(z);
	return NULL;
}

static size_t span_at(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (z->spans[mid].from <= t)
			low = mid;
		else
			high = mid;
	}
	return low;
}

void zone_local(const struct zone *z, struct wall t, struct local_time *ret)
{
	const struct span *s = &z->spans[span_at(z, t.s)];
	int64_t local = t.s + s->offset;
	int64_t day = local / DAY, second = local % DAY;

	if (second < 0) {
		second += DAY;
		day--;
	}
	*ret = (struct local_time){
		.day = (int32_t)day,
		/* 1970-01-01 was a thursday */
		.weekday = (unsigned)(((day + 3) % 7 + 7) % 7),
		.second = (unsigned)second,
		.offset = s->offset,
		.dst = s->dst,
	};
	memcpy(ret->abbrev, s->abbrev, sizeof(ret->abbrev));
}

struct wall zone_next_change(const struct zone *z, struct wall t)
{
	size_t at = span_at(z, t.s);

	for (size_t i = at + 1; i < z->n && z->spans[i].from - t.s <= LOOK_AHEAD; i++)
		if (z->spans[i].offset != z->spans[at].offset)
			return (struct wall){z->spans[i].from};
	return WALL_NEVER;
}

const char *zone_print(const struct zone *z, struct wall t, char buf[ZONE_TEXT])
{
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	static struct span utc_span = {.from = INT64_MIN, .abbrev = "UTC"};
	static const struct zone utc = {.spans = &utc_span, .n = 1};
	struct local_time l;
	char seconds[8] = "";
	unsigned month, day;
	int year;

	if (t.s == INT64_MAX) {
		snprintf(buf, ZONE_TEXT, "never");
		return buf;
	}
	zone_local(z ? z : &utc, t, &l);
	zone_civil_from_days(l.day, &year, &month, &day);
	if (l.second % 60)
		snprintf(seconds, sizeof(seconds), ":%02u", l.second % 60);
	snprintf(buf, ZONE_TEXT, "%s %04d-%02u-%02u %02u:%02u%s %s", days[l.weekday], year, month,
		 day, l.second / 3600, l.second / 60 % 60, seconds, l.abbrev);
	return buf;
}

/* The part of a path behind "zoneinfo/", without "posix/" or "right/". */
static const char *name_in_path(const char *path)
{
	const char *p = strstr(path, "zoneinfo/");

	if (!p)
		return NULL;
	p += strlen("zoneinfo/");
	if (!strncmp(p, "posix/", 6) || !strncmp(p, "right/", 6))
		p += 6;
	return p;
}

const char *zone_system_name(char *buf, size_t size)
{
	const char *tz = getenv("TZ"), *name = NULL;
	char link[512], path[ZONEFILE_PATH];
	struct zonefile_stamp stamp;
	ssize_t n;

	if (tz && *tz) {
		tz += *tz == ':';
		name = *tz == '/' ? name_in_path(tz) : tz;
	} else {
		n = readlink("/etc/localtime", link, sizeof(link) - 1);
		if (n > 0) {
			link[n] = '\0';
			name = name_in_path(link);
		}
	}
	if (!name || !zonefile_find(name, path, &stamp) || strlen(name) >= size)
		name = "UTC";
	snprintf(buf, size, "%s", name);
	return buf;
}

/* Civil dates by the count of days since 0000-03-01 in eras of 400 years: leap days come last. */
int32_t zone_days_from_civil(int year, unsigned month, unsigned day)
{
	int y = year - (month <= 2);
	int era = (y >= 0 ? y : y - 399) / 400;
	unsigned year_of_era = (unsigned)(y - era * 400);
	unsigned month_from_march = (month + 9) % 12;
	unsigned day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
	unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + (int)day_of_era - 719468;
}

void zone_civil_from_days(int32_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int64_t z = (int64_t)days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned day_of_era = (unsigned)(z - era * 146097);
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month_from_march = (5 * day_of_year + 2) / 153;
	unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

	*ret_year = (int)(year_of_era + era * 400) + (month <= 2);
	*ret_month = month;
	*ret_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
}
