/*
 * explain.c: rate chains and filter verdicts in words.
 *
 *	vdisks -> berlin: open at 20 Mbit/s until mon 2026-11-23 06:00 CET
 *	  hub       200 Mbit/s   /etc/spokesync/hub.ini:9
 *	  spoke     50 Mbit/s    /etc/spokesync/hub.ini:41
 *	  policy    20 Mbit/s    /etc/spokesync/hub.ini:18  branch (of the group): mon-fri ...
 */
#include "policy/explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/build.h"
#include "policy/zone.h"

#define LINE 600

struct out {
	const struct explain_rate *x;
	const struct rate_chain *r;
	const struct zone *zone;
	explain_fn *fn;
	void *arg;
};

static void PRINTF(2, 3) say(const struct out *o, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	o->fn(o->arg, line);
}

static void limit(const struct out *o, const char *what, uint64_t rate, struct origin at,
		  const char *more)
{
	char text[UNITS_TEXT], where[300];

	say(o, "  %-11s %-12s %s%s%s", what, units_rate(rate, text),
	    origin_print(at, where, sizeof(where)), *more ? "  " : "", more);
}

static const char *const closed_words[] = {
	[RATE_OPEN] = "open",
	[RATE_WINDOW] = "closed: no window is open",
	[RATE_HUB_WINDOW] = "closed: the hub's own policy is closed",
	[RATE_PAUSED] = "closed: paused",
	[RATE_ZONE] = "closed: the spoke's time zone is not known",
};

static void headline(const struct out *o)
{
	const struct rate_chain *r = o->r;
	char rate[UNITS_TEXT], until[ZONE_TEXT];

	if (r->open)
		say(o, "%s -> %s: open at %s until %s", o->x->group->name, o->x->spoke->name,
		    units_rate(r->least, rate), zone_print(o->zone, r->until, until));
	else if (r->opens.s == INT64_MAX)
		say(o, "%s -> %s: %s; when it opens cannot be foreseen", o->x->group->name,
		    o->x->spoke->name, closed_words[r->reason]);
	else
		say(o, "%s -> %s: %s; opens %s", o->x->group->name, o->x->spoke->name,
		    closed_words[r->reason], zone_print(o->zone, r->opens, until));
}

/* A policy's state and the line that makes it. ours: by whose wish it governs. */
static void policy_line(const struct out *o, const char *what, const struct policy *p,
			const struct window_state *s, const char *ours)
{
	bool no_zone = p->zone_kind == ZONE_SPOKE && !o->zone;
	char *line = s->line ? window_line_print(s->line)
			     : xstrdup(no_zone ? "without a time zone no line can be read"
					       : "no line covers this time");
	char *more = xasprintf("%s%s: %s", p->name, ours, line);

	limit(o, what, s->rate, s->line ? s->line->origin : p->origin, more);
	free(more);
	free(line);
}

static void override_line(const struct out *o, const struct override *v)
{
	char rate[UNITS_TEXT], until[ZONE_TEXT];
	bool pause = v->kind == OVERRIDE_PAUSE;

	say(o, "  %-11s %-12s until %s, by %s%s%s", pause ? "pause" : "sync-now",
	    units_rate(pause ? RATE_CLOSED : v->rate, rate),
	    zone_print(o->zone, override_end(v, o->x->now), until), v->who ? v->who : "?",
	    v->why ? ": " : "", v->why ? v->why : "");
	say(o, "              the policies below do not count while it lasts");
}

void explain_rate(const struct explain_rate *x, explain_fn *fn, void *arg)
{
	const struct policy *p = config_policy_of(x->group, x->spoke);
	struct out o = {.x = x, .fn = fn, .arg = arg};
	struct rate_chain r;

	rate_in_force(x->config, x->facts, x->spoke, x->group, x->now, &r);
	o.r = &r;
	if (p)
		o.zone = p->zone_kind == ZONE_SPOKE ? x->facts->spoke_zone : p->zone;
	headline(&o);
	if (r.override)
		override_line(&o, r.override);
	limit(&o, "hub", x->config->rate, x->config->rate_origin, "[daemon] rate");
	limit(&o, "spoke", x->spoke->rate, x->spoke->rate_origin, "[spoke] rate");
	if (r.hub_policy)
		policy_line(&o, "hub policy", r.hub_policy, &r.hub_window, "");
	if (r.governing)
		policy_line(&o, "policy", r.governing, &r.window,
			    x->spoke->policy ? " (of the spoke)" : " (of the group)");
}

void explain_path(const struct group_cfg *g, const char *path, explain_fn *fn, void *arg)
{
	struct out o = {.fn = fn, .arg = arg};
	struct filter_verdict v;
	char where[300];

	filter_path(g->filter, path, &v);
	if (!v.pattern) {
		say(&o, "%s in %s: %s", path, g->name,
		    v.in ? "replicated: there are no include lines"
			 : "not replicated: no include line matches");
		return;
	}
	origin_print(v.origin, where, sizeof(where));
	say(&o, "%s in %s: %s by %s  %s%s", path, g->name, v.in ? "replicated" : "not replicated",
	    where, v.pattern,
	    v.limit_hit ? "  (the pattern needs more steps than allowed: taken as excluded)" : "");
}
