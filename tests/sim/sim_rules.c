/*
 * sim_rules.c: the rules of time and rates, told from the windows, overrides and limits themselves:
 * whether a (spoke, group) is open and at which numbers. Each segment is held against them:
 * no byte while it is closed, and no sum over a limit of hub -> spoke -> (spoke, policy).
 *
 * What it catches, each tried by breaking the core so: an edge looked for 40 s late in plan_edge(),
 * or overrides left out of the next look (it sent while it was closed); no ACTION_RATES, also with
 * the check that each push knows its numbers taken out of sim_check.c, and the hub policy's rate
 * left out of rate.c (more than the limit of the hub).
 */
#include <string.h>

#include "policy/window.h"
#include "tests/sim/sim.h"

#define LOOK (61 * SECOND_US) /* the core looks at the calendar once a minute */
#define NEAR 1.000001	      /* sums of doubles */

void sim_forget(struct sim *s)
{
	const struct config *cfg = core_config(s->core);

	memset(s->memo, 0, sizeof(s->memo));
	s->instant++;
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		char name[8] = {'g', (char)('0' + g), 0};

		s->groups[g] = config_group(cfg, name);
		for (unsigned i = 0; i < s->n_spokes; i++) {
			struct sim_spoke *p = &s->spokes[i];

			p->cfg = config_spoke(cfg, p->name);
			p->member[g] =
				p->cfg && s->groups[g] && group_has_spoke(s->groups[g], p->name);
		}
	}
}

uint64_t sim_key(const struct override *o, const struct policy *p)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	if (o)
		return o->id;
	for (const char *c = p->name; *c; c++)
		h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	return h;
}

static const struct sim_memo *state_at(struct sim *s, const struct policy *p,
				       const struct zone *zone, struct wall t)
{
	int64_t minute = t.s / 60 - (t.s % 60 < 0);
	size_t slot = ((uintptr_t)p / 16 * 31 + (uintptr_t)zone / 16 + (size_t)minute % 2 * 257) %
		      ARRAY_LEN(s->memo);
	struct sim_memo *m = &s->memo[slot];
	struct window_state w;

	if (m->policy != p || m->zone != zone || m->minute != minute) {
		window_at(p, zone, t, &w);
		*m = (struct sim_memo){p, zone, minute, w.open, w.rate};
	}
	return m;
}

static struct sim_rates rates_of(struct sim *s, unsigned spoke, unsigned group, struct now now)
{
	const struct config *cfg = core_config(s->core);
	const struct sim_spoke *p = &s->spokes[spoke];
	const struct policy *own = config_policy_of(s->groups[group], p->cfg);
	const struct zone *zone = own->zone_kind == ZONE_SPOKE ? p->zone : own->zone;
	struct sim_rates r = {.why = RATE_OPEN, .hub = cfg->rate, .spoke = p->cfg->rate};
	const struct sim_memo *m;
	const struct override *o;
	size_t n;

	o = core_overrides(s->core, &n);
	o = n ? override_governing(o, n, p->name, s->groups[group]->name, now) : NULL;
	if (o) {
		r.by_person = r.open = o->kind != OVERRIDE_PAUSE;
		r.why = r.open ? RATE_OPEN : RATE_PAUSED;
		r.policy = o->rate;
		r.key = sim_key(o, NULL);
		return r;
	}
	r.key = sim_key(NULL, own);
	if (cfg->policy) {
		m = state_at(s, cfg->policy, cfg->policy->zone, now.wall);
		r.hub = MIN(r.hub, m->rate);
		if (!m->open)
			r.why = RATE_HUB_WINDOW;
	}
	m = zone ? state_at(s, own, zone, now.wall) : NULL;
	r.policy = m ? m->rate : 0;
	if (!m || !m->open)
		r.why = m ? RATE_WINDOW : RATE_ZONE;
	r.open = r.why == RATE_OPEN;
	return r;
}

struct sim_rates sim_rules_at(struct sim *s, const struct sim_job *k, int64_t ago)
{
	int64_t wall = s->wall_us - ago;
	struct now now = {.wall = {wall / SECOND_US},
			  .wall_us = (uint32_t)(wall % SECOND_US),
			  .mono = {s->now.mono.us - ago}};

	return rates_of(s, k->spoke, k->group, now);
}

static struct sim_lane *lane_now(struct sim *s, unsigned spoke, unsigned group)
{
	struct sim_lane *l = &s->lanes[spoke][group];

	if (l->instant != s->instant) {
		l->r = rates_of(s, spoke, group, s->now);
		l->instant = s->instant;
		if (!l->r.open)
			s->closed_at[spoke][group] = s->now.mono.us;
	}
	return l;
}

const struct sim_rates *sim_rules(struct sim *s, const struct sim_job *k)
{
	return &lane_now(s, k->spoke, k->group)->r;
}

bool sim_closed_to(struct sim *s, unsigned spoke)
{
	bool closed = true;

	for (unsigned g = 0; g < SIM_GROUPS; g++)
		if (s->spokes[spoke].member[g] && lane_now(s, spoke, g)->r.open)
			closed = false;
	return closed;
}

/* At its end, at each full minute, and where an override may have ended: nothing else closes. */
static void check_open(struct sim *s, const struct sim_job *k, int64_t us)
{
	size_t n;
	const struct override *o = core_overrides(s->core, &n);

	if (us > LOOK)
		sim_bad(s, k, "nobody looked at the calendar for a minute");
	if (!sim_rules_at(s, k, 1).open)
		sim_bad(s, k, "it sent while it was closed");
	for (int64_t ago = s->wall_us % (60 * SECOND_US); ago < us; ago += 60 * SECOND_US)
		if (ago > 0 && !sim_rules_at(s, k, ago).open)
			sim_bad(s, k, "it sent in a closed minute");
	for (size_t i = 0; i < n; i++) {
		int64_t ago = s->wall_us - o[i].until.s * SECOND_US;

		if (o[i].until.s != WALL_NEVER.s && ago > 0 && ago < us &&
		    !sim_rules_at(s, k, ago).open)
			sim_bad(s, k, "it sent after its override");
		ago = s->now.mono.us - o[i].until_mono.us;
		if (ago > 0 && ago < us && !sim_rules_at(s, k, ago).open)
			sim_bad(s, k, "it sent after its override's time");
	}
}

/* Bytes moved for so long, up to now: the core must not have slept over an edge. */
void sim_check_segment(struct sim *s, int64_t us)
{
	s->instant++;
	/* A calendar that was set is found out at the next look, within a minute. */
	if (s->jumped) {
		if (s->n_live && s->now.mono.us - s->jumped_at > LOOK)
			sim_fail(s, "the calendar was set and nobody looked for a minute");
		return;
	}
	for (size_t i = 0; i < s->n_busy; i++) {
		const struct sim_job *k = s->busy[i];

		if (!k->push || k->stopping || us <= 1)
			continue;
		check_open(s, k, us);
		s->count[COUNT_CHECK_SEGMENTS]++;
	}
}

static void within(const struct sim *s, const struct sim_job *k, double sum, uint64_t limit,
		   const char *what)
{
	if (limit != RATE_UNLIMITED && sum > (double)limit * NEAR)
		sim_fail(s,
			 "job %llu and those beside it send %.0f a second, more than the limit "
			 "of %s, %llu",
			 (unsigned long long)k->id, sum, what, (unsigned long long)limit);
}

/* All that run beside k under each limit of its chain, now: the limits are those of the rules, the
 * rates are what the pushes do with the numbers that they were told. */
static void check_sums(struct sim *s, const struct sim_job *k, const struct sim_rates *r)
{
	double all = 0, planned = 0, spoke = 0, policy = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < s->n_busy; i++) {
		const struct sim_job *o = s->busy[i];
		const struct sim_rates *theirs;

		if (o->rate <= 0)
			continue;
		theirs = sim_rules(s, o);
		all += o->rate;
		most = MAX(most, theirs->hub);
		planned += theirs->by_person ? 0 : o->rate;
		if (o->spoke != k->spoke)
			continue;
		spoke += o->rate;
		policy += theirs->key == r->key ? o->rate : 0;
	}
	/* A sync-now stands in place of the hub's policy: the others keep to that together. */
	within(s, k, all, most, "the hub");
	if (!r->by_person)
		within(s, k, planned, r->hub, "the hub's policy");
	within(s, k, spoke, r->spoke, "the spoke");
	within(s, k, policy, r->policy, "the policy");
	within(s, k, k->rate, MIN(r->hub, MIN(r->spoke, r->policy)), "its chain");
}

void sim_check_sums(struct sim *s)
{
	if (s->jumped)
		return;
	for (size_t i = 0; i < s->n_busy; i++) {
		const struct sim_job *k = s->busy[i];

		if (k->rate <= 0)
			continue;
		check_sums(s, k, sim_rules(s, k));
		s->count[COUNT_CHECK_SUMS]++;
	}
}
