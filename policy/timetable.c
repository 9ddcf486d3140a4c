/*
 * timetable.c: see timetable.h. All of it is asked of window_at() and window_next_look() again and
 * again; nothing is kept, and there is no second idea of what a window is.
 */
#include "policy/timetable.h"

#include <stdlib.h>

#include "policy/build.h"

#define DAY 86400

static const struct policy *hub_policy(const struct timetable *tt)
{
	return tt->config ? tt->config->policy : NULL;
}

static void by_window(struct timetable_state *s, enum timetable_by by, const struct policy *p,
		      const struct window_state *w)
{
	*s = (struct timetable_state){
		.open = w->open,
		.rate = w->rate,
		.by = by,
		.policy = p,
		.line = w->line,
		.origin = w->line ? w->line->origin : p->origin,
	};
}

static void by_rate(struct timetable_state *s, enum timetable_by by, uint64_t rate,
		    struct origin at)
{
	if (rate >= s->rate)
		return;
	*s = (struct timetable_state){.open = true, .rate = rate, .by = by, .origin = at};
}

void timetable_at(const struct timetable *tt, struct wall t, struct timetable_state *ret)
{
	const struct policy *hub = hub_policy(tt);
	struct window_state w;

	window_at(tt->policy, tt->zone, t, &w);
	by_window(ret, BY_POLICY, tt->policy, &w);
	if (!ret->open)
		return;
	if (tt->spoke)
		by_rate(ret, BY_SPOKE_RATE, tt->spoke->rate, tt->spoke->rate_origin);
	if (hub) {
		window_at(hub, hub->zone, t, &w);
		if (!w.open || w.rate < ret->rate)
			by_window(ret, BY_HUB_POLICY, hub, &w);
	}
	if (ret->open && tt->config)
		by_rate(ret, BY_HUB_RATE, tt->config->rate, tt->config->rate_origin);
}

/*
 * As window_next_edge(), for both policies together: both turn weekly, so a week in which the whole
 * chain stayed as it is stays so until something rare. What one limit hides of another is not
 * walked through edge by edge.
 */
struct wall timetable_next(const struct timetable *tt, struct wall t)
{
	const struct policy *hub = hub_policy(tt);
	struct timetable_state now, then;
	struct wall at = t, still = t;

	timetable_at(tt, t, &now);
	for (;;) {
		bool turned = at.s - still.s >= WINDOW_TURN;
		struct window_look own = window_next_look(tt->policy, tt->zone, at, turned);
		struct window_look hubs = {WALL_NEVER, false};

		if (hub)
			hubs = window_next_look(hub, hub->zone, at, turned);
		at = own.at.s < hubs.at.s ? own.at : hubs.at;
		if (at.s == WALL_NEVER.s || at.s - t.s > WINDOW_HORIZON)
			return WALL_NEVER;
		if ((own.rare && own.at.s == at.s) || (hubs.rare && hubs.at.s == at.s))
			still = at;
		timetable_at(tt, at, &then);
		if (then.rate != now.rate)
			return at;
	}
}

char *timetable_text(const struct timetable *tt, const struct timetable_state *s)
{
	char rate[UNITS_TEXT];

	switch (s->by) {
	case BY_POLICY:
	case BY_HUB_POLICY:
		break;
	case BY_SPOKE_RATE:
		return xasprintf("[spoke %s] rate = %s", tt->spoke->name,
				 units_rate_exact(s->rate, rate));
	case BY_HUB_RATE:
		return xasprintf("[daemon] rate = %s", units_rate_exact(s->rate, rate));
	}
	if (!s->line)
		return xstrdup("no line covers this time");
	return window_line_print(s->line);
}

static int32_t offset_at(const struct zone *z, struct wall t)
{
	struct local_time l;

	zone_local(z, t, &l);
	return l.offset;
}

bool timetable_shift(const struct zone *z, struct wall from, struct wall to,
		     struct clock_shift *ret)
{
	struct wall change = zone_next_change(z, from);

	if (change.s == WALL_NEVER.s || change.s > to.s)
		return false;
	ret->at = change;
	ret->seconds = offset_at(z, change) - offset_at(z, (struct wall){change.s - 1});
	return true;
}

/* When the local day of t began; where midnight was skipped, when it was. */
static struct wall day_start(const struct zone *z, struct wall t)
{
	struct local_time now, then;
	struct wall start, change;

	zone_local(z, t, &now);
	start = (struct wall){t.s - now.second};
	zone_local(z, start, &then);
	if (then.offset == now.offset)
		return start;
	change = zone_next_change(z, start);
	start.s = (int64_t)now.day * DAY - then.offset;
	return start.s < change.s ? start : change;
}

void timetable_days(const struct timetable *tt, struct wall t, unsigned days, timetable_fn *fn,
		    void *arg)
{
	struct wall at = day_start(tt->zone, t), edge = at, change = at;
	int32_t last = INT32_MIN;
	struct local_time local;

	for (;;) {
		struct timetable_span span = {.at = at};
		int64_t end;

		zone_local(tt->zone, at, &local);
		if (local.day > last && days-- == 0)
			return;
		last = MAX(last, local.day);
		if (edge.s <= at.s)
			edge = timetable_next(tt, at);
		if (change.s <= at.s)
			change = zone_next_change(tt->zone, at);
		end = MIN(at.s + DAY - (int64_t)local.second, MIN(edge.s, change.s));
		span.seconds = end - at.s;
		span.day = local.day;
		span.from = local.second;
		timetable_at(tt, at, &span.state);
		fn(arg, &span);
		at.s = end;
	}
}
