/*
 * window.c: a policy's state at a time, and when it next differs.
 *
 * Between two changes of the zone's offset, local time is real time plus a constant, so the only
 * times at which anything can change are the ends of lines in local time, and the changes of the
 * offset themselves. The next edge goes from one of these to the next and looks at each; there is
 * no stepping by minutes.
 */
#include "policy/window.h"

#include "policy/zone.h"

#define DAY    86400
#define MINUTE 60

/* A day's weekday, 0 = monday; 1970-01-01 was a thursday. */
static unsigned weekday_of(int64_t day)
{
	return (unsigned)(((day + 3) % 7 + 7) % 7);
}

static bool starts_on(const struct window_line *l, int64_t day)
{
	return l->days & 1u << weekday_of(day);
}

/* Weekly: does a window that starts today or yesterday cover this second of the day? */
static bool weekly_covers(const struct window_line *l, int64_t day, int64_t second)
{
	int64_t from = l->from * MINUTE, to = l->to * MINUTE;

	if (to > from)
		return starts_on(l, day) && second >= from && second < to;
	return (starts_on(l, day) && second >= from) || (starts_on(l, day - 1) && second < to);
}

/* local: seconds since 1970-01-01 00:00 of the zone's own clock. */
static const struct window_line *deciding_line(const struct policy *p, int64_t local)
{
	int64_t second = ((local % DAY) + DAY) % DAY;
	int64_t day = (local - second) / DAY;
	const struct window_line *weekly = NULL;

	for (size_t i = p->n_lines; i-- > 0;) {
		const struct window_line *l = &p->lines[i];

		if (l->kind == WINDOW_DATE) {
			if (day >= l->date_from && day <= l->date_to)
				return l;
		} else if (!weekly && weekly_covers(l, day, second)) {
			weekly = l;
		}
	}
	return weekly;
}

static void state_at_local(const struct policy *p, int64_t local, struct window_state *ret)
{
	const struct window_line *l = deciding_line(p, local);

	*ret = (struct window_state){
		.open = l && l->rate != RATE_CLOSED,
		.rate = l ? l->rate : RATE_CLOSED,
		.line = l,
	};
}

static int64_t offset_at(const struct zone *zone, int64_t t)
{
	struct local_time local;

	zone_local(zone, (struct wall){t}, &local);
	return local.offset;
}

void window_at(const struct policy *p, const struct zone *zone, struct wall t,
	       struct window_state *ret)
{
	state_at_local(p, t.s + offset_at(zone, t.s), ret);
}

/* First local time after this one at which a date line begins or ends; INT64_MAX: none. */
static int64_t next_date(const struct policy *p, int64_t local)
{
	int64_t best = INT64_MAX;

	for (size_t i = 0; i < p->n_lines; i++) {
		const struct window_line *l = &p->lines[i];
		int64_t from = (int64_t)l->date_from * DAY, to = ((int64_t)l->date_to + 1) * DAY;

		if (l->kind != WINDOW_DATE)
			continue;
		if (from > local)
			best = MIN(best, from);
		else if (to > local)
			best = MIN(best, to);
	}
	return best;
}

/* The first of a clock time's occurrences after local; days are looked at elsewhere. */
static int64_t next_clock(int64_t local, unsigned minutes)
{
	int64_t second = ((local % DAY) + DAY) % DAY;
	int64_t t = local - second + (int64_t)minutes * MINUTE;

	return t > local ? t : t + DAY;
}

/* First local time after this one at which any line may begin or end, on whatever day. */
static int64_t next_boundary(const struct policy *p, int64_t local)
{
	int64_t best = next_date(p, local);

	for (size_t i = 0; i < p->n_lines; i++) {
		const struct window_line *l = &p->lines[i];

		if (l->kind != WINDOW_WEEKLY)
			continue;
		best = MIN(best, next_clock(local, l->from));
		best = MIN(best, next_clock(local, l->to % (24 * 60)));
	}
	return best;
}

struct window_look window_next_look(const struct policy *p, const struct zone *zone, struct wall t,
				    bool rare)
{
	int64_t offset = offset_at(zone, t.s);
	int64_t change = zone_next_change(zone, t).s;
	int64_t date = next_date(p, t.s + offset);
	int64_t local = rare ? date : next_boundary(p, t.s + offset);
	int64_t at = MIN(change, local == INT64_MAX ? local : local - offset);

	return (struct window_look){{at}, at == change || local == date};
}

struct wall window_next_edge(const struct policy *p, const struct zone *zone, struct wall t)
{
	struct window_state now, then;
	struct wall still = t; /* since when nothing but weekly lines could have made an edge */
	struct window_look look = {.at = t};

	window_at(p, zone, t, &now);
	for (;;) {
		look = window_next_look(p, zone, look.at, look.at.s - still.s >= WINDOW_TURN);
		if (look.at.s == WALL_NEVER.s || look.at.s - t.s > WINDOW_HORIZON)
			return WALL_NEVER;
		if (look.rare)
			still = look.at;
		window_at(p, zone, look.at, &then);
		if (then.rate != now.rate)
			return look.at;
	}
}
