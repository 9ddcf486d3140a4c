/*
 * windows_json.c: see windows_json.h. Times are RFC 3339 in UTC, and beside them the clock on the
 * wall of the policy's zone; rates bytes a second, null where unlimited, 0 while closed.
 */
#include "scheduler/windows_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/dfsr.h"
#include "scheduler/facts.h"
#include "scheduler/timetext.h"

#define WEEK_DAYS 7

static json_t *rate_json(uint64_t rate)
{
	return rate == RATE_CLOSED ? json_integer(0) : facts_rate(rate);
}

static void add_state(json_t *o, const struct timetable *tt, const struct timetable_state *s)
{
	static const char *const by[] = {
		[BY_POLICY] = "policy",
		[BY_HUB_POLICY] = "hub-policy",
		[BY_SPOKE_RATE] = "spoke-rate",
		[BY_HUB_RATE] = "hub-rate",
	};
	char *text = timetable_text(tt, s);

	json_object_set_new(o, "open", json_boolean(s->open));
	json_object_set_new(o, "rate", rate_json(s->rate));
	json_object_set_new(o, "by", json_string(by[s->by]));
	json_object_set_new(o, "line", facts_line(&s->origin));
	json_object_set_new(o, "text", facts_text(text));
	free(text);
}

void windows_json_state(json_t *o, const struct timetable *tt, struct wall t)
{
	struct timetable_state s;

	timetable_at(tt, t, &s);
	add_state(o, tt, &s);
}

static void add_shift(json_t *o, const struct zone *z, struct wall from, struct wall to)
{
	struct clock_shift shift;
	char text[TIMETEXT_MAX];
	json_t *s;

	if (!timetable_shift(z, from, to, &shift)) {
		json_object_set_new(o, "clock_change", json_null());
		return;
	}
	s = json_pack("{s:o, s:i, s:s}", "at", facts_time(shift.at), "seconds", shift.seconds,
		      "before", timetext_in_zone(z, (struct wall){shift.at.s - 1}, text));
	json_object_set_new(s, "after", json_string(timetext_in_zone(z, shift.at, text)));
	json_object_set_new(o, "clock_change", s);
}

json_t *windows_json_edges(const struct timetable *tt, struct wall t, uint64_t n)
{
	json_t *list = json_array(), *o;
	char text[TIMETEXT_MAX];

	for (uint64_t i = 0; i < n; i++) {
		struct wall edge = timetable_next(tt, t);

		if (edge.s == WALL_NEVER.s)
			break;
		o = json_pack("{s:o, s:s, s:I}", "at", facts_time(edge), "local",
			      timetext_in_zone(tt->zone, edge, text), "after_s",
			      (json_int_t)(edge.s - t.s));
		windows_json_state(o, tt, edge);
		add_shift(o, tt->zone, t, edge);
		json_array_append_new(list, o);
		t = edge;
	}
	return list;
}

struct week {
	const struct timetable *tt;
	json_t *days, *spans; /* spans: of the last day */
	int32_t last;
};

static void new_day(struct week *w, const struct timetable_span *span)
{
	static const char *const weekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	char date[40];
	unsigned month, day;
	int year;
	json_t *o;

	zone_civil_from_days(span->day, &year, &month, &day);
	snprintf(date, sizeof(date), "%04d-%02u-%02u", year, month, day);
	w->spans = json_array();
	o = json_pack("{s:s, s:s, s:o, s:i, s:o}", "date", date, "weekday",
		      weekdays[((span->day + 3) % 7 + 7) % 7], "at", facts_time(span->at),
		      "seconds", 0, "spans", w->spans);
	json_array_append_new(w->days, o);
	w->last = span->day;
}

static void clock_text(char buf[16], int64_t second)
{
	int n = snprintf(buf, 16, "%02u:%02u", (unsigned)(second / 3600),
			 (unsigned)(second / 60 % 60));

	if (second % 60)
		snprintf(buf + n, 16 - (size_t)n, ":%02u", (unsigned)(second % 60));
}

static void add_span(void *arg, const struct timetable_span *span)
{
	struct week *w = arg;
	char from[16], to[16];
	int64_t begin, end;
	json_t *o, *day;

	if (!w->spans || span->day > w->last)
		new_day(w, span);
	clock_text(from, span->from);
	clock_text(to, span->from + span->seconds);
	o = json_pack("{s:s, s:s, s:o, s:I}", "from", from, "to", to, "at", facts_time(span->at),
		      "seconds", (json_int_t)span->seconds);
	add_state(o, w->tt, &span->state);
	json_array_append_new(w->spans, o);
	day = json_array_get(w->days, json_array_size(w->days) - 1);
	json_object_set_new(
		day, "seconds",
		json_integer(json_integer_value(json_object_get(day, "seconds")) + span->seconds));
	/* One at the very beginning (a midnight that was skipped) is the day's as well. */
	end = span->at.s + span->seconds;
	begin = end - json_integer_value(json_object_get(day, "seconds"));
	add_shift(day, w->tt->zone, (struct wall){begin - 1}, (struct wall){end - 1});
}

json_t *windows_json_week(const struct timetable *tt, struct wall t)
{
	struct week w = {.tt = tt, .days = json_array()};

	timetable_days(tt, t, WEEK_DAYS, add_span, &w);
	return w.days;
}

json_t *windows_json_dfsr(const struct policy *p)
{
	static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
					    "friday", "saturday", "sunday"};
	json_t *days = json_array(), *lost = json_array();
	struct dfsr_week w;

	dfsr_week_of(p, &w);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_array_append_new(days,
				      json_pack("{s:s, s:s}", "day", names[i], "levels", w.day[i]));
	for (size_t i = 0; i < w.n_lost; i++) {
		char level[2] = {"0123456789ABCDEF"[w.lost[i].level], '\0'};

		json_array_append_new(lost,
				      json_pack("{s:o, s:s, s:o, s:i}", "rate",
						rate_json(w.lost[i].rate), "level", level,
						"becomes", rate_json(dfsr_rate(w.lost[i].level)),
						"quarters", (int)w.lost[i].quarters));
	}
	return json_pack("{s:o, s:o, s:i, s:i}", "days", days, "lost", lost, "cut", (int)w.cut,
			 "dates", (int)w.dates);
}
