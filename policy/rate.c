/*
 * rate.c: the chain hub -> spoke -> (spoke, policy), by RULES.md.
 *
 * A pause closes. Else a sync-now opens, in place of the hub's policy and the spoke's or group's.
 * Else both policies must be open. The rate is the least of [daemon] rate, the hub policy's window,
 * [spoke] rate, and the window's or the sync-now's own.
 */
#include "policy/rate.h"

#include "policy/zone.h"

#define STEPS_MOST 1000 /* of looking for the time at which it opens */

/* Who decides, put together once. zone NULL: not known yet. */
struct parties {
	const struct rate_facts *facts;
	const struct spoke_cfg *spoke;
	const struct group_cfg *group;
	const struct policy *hub_policy, *governing;
	const struct zone *zone;
};

static struct parties parties_of(const struct config *c, const struct rate_facts *facts,
				 const struct spoke_cfg *s, const struct group_cfg *g)
{
	struct parties p = {
		.facts = facts,
		.spoke = s,
		.group = g,
		.hub_policy = c->policy,
		.governing = config_policy_of(g, s),
	};

	if (p.governing)
		p.zone = p.governing->zone_kind == ZONE_SPOKE ? facts->spoke_zone
							      : p.governing->zone;
	return p;
}

static const struct override *governing_override(const struct parties *p, struct now now)
{
	return override_governing(p->facts->overrides, p->facts->n_overrides, p->spoke->name,
				  p->group->name, now);
}

/* Both policies at t; a policy that does not exist limits nothing, on the hub's side only. */
static void states_at(const struct parties *p, struct wall t, struct window_state *ret_hub,
		      struct window_state *ret_window)
{
	*ret_hub = (struct window_state){.open = true, .rate = RATE_UNLIMITED};
	*ret_window = (struct window_state){.open = false, .rate = RATE_CLOSED};
	if (p->hub_policy)
		window_at(p->hub_policy, p->hub_policy->zone, t, ret_hub);
	if (p->governing && p->zone)
		window_at(p->governing, p->zone, t, ret_window);
}

static struct wall governing_edge(const struct parties *p, struct wall t)
{
	return p->governing && p->zone ? window_next_edge(p->governing, p->zone, t) : WALL_NEVER;
}

static struct wall hub_edge(const struct parties *p, struct wall t)
{
	return p->hub_policy ? window_next_edge(p->hub_policy, p->hub_policy->zone, t) : WALL_NEVER;
}

static struct now later(struct now now, struct wall t)
{
	int64_t s = t.s - now.wall.s;

	return (struct now){.wall = t, .mono = {now.mono.us + s * SECOND_US}};
}

/* From a closed time: whatever closes it is followed to its end, until nothing does. */
static struct wall opens_after(const struct parties *p, struct now now)
{
	struct window_state hub, window;
	struct now at = now;

	for (unsigned i = 0; i < STEPS_MOST; i++) {
		const struct override *o = governing_override(p, at);
		struct wall next;

		states_at(p, at.wall, &hub, &window);
		if (o && o->kind == OVERRIDE_PAUSE)
			next = override_end(o, at);
		else if (o || (hub.open && window.open))
			return at.wall;
		else if (!window.open)
			next = governing_edge(p, at.wall);
		else
			next = hub_edge(p, at.wall);
		if (next.s == INT64_MAX || next.s <= at.wall.s)
			return WALL_NEVER;
		at = later(now, next);
	}
	return WALL_NEVER;
}

static enum rate_reason reason_of(const struct parties *p, const struct rate_chain *r)
{
	if (r->override)
		return r->override->kind == OVERRIDE_PAUSE ? RATE_PAUSED : RATE_OPEN;
	if (p->governing && !p->zone)
		return RATE_ZONE;
	if (!r->window.open)
		return RATE_WINDOW;
	return r->hub_window.open ? RATE_OPEN : RATE_HUB_WINDOW;
}

static struct wall earliest(struct wall a, struct wall b)
{
	return a.s < b.s ? a : b;
}

void rate_in_force(const struct config *c, const struct rate_facts *facts,
		   const struct spoke_cfg *s, const struct group_cfg *g, struct now now,
		   struct rate_chain *ret)
{
	struct parties p = parties_of(c, facts, s, g);
	struct rate_chain r = {
		.spoke = s->rate,
		.opens = now.wall,
		.hub_policy = p.hub_policy,
		.governing = p.governing,
		.override = governing_override(&p, now),
	};

	states_at(&p, now.wall, &r.hub_window, &r.window);
	r.reason = reason_of(&p, &r);
	r.open = r.reason == RATE_OPEN;
	r.hub = r.override ? c->rate : MIN(c->rate, r.hub_window.rate);
	r.policy = r.override ? r.override->rate : r.window.rate;
	/* Under an override the policies' edges change nothing before its end. */
	r.until = r.override ? override_end(r.override, now)
			     : earliest(governing_edge(&p, now.wall), hub_edge(&p, now.wall));
	if (r.open) {
		r.least = MIN(r.hub, MIN(r.spoke, r.policy));
	} else {
		r.least = r.policy = RATE_CLOSED;
		r.opens = facts->now_only ? WALL_NEVER : opens_after(&p, now);
	}
	*ret = r;
}

const char *rate_reason_word(enum rate_reason r)
{
	static const char *const words[] = {
		[RATE_OPEN] = "open",
		[RATE_WINDOW] = "window",
		[RATE_HUB_WINDOW] = "hub-window",
		[RATE_PAUSED] = "paused",
		[RATE_ZONE] = "zone",
	};

	return words[r];
}
