/*
 * deadlines.c: jobs and the times by which they are to be there. Each minute, and soon after what
 * may change it, the forecast says who would be late; those go first from then on, the earliest
 * deadline before the others, and stay so: else the next forecast, finding them in time, would put
 * them back. Who will be late even so is said at once, while there is still time for a person to
 * act.
 */
#include "scheduler/core_impl.h"

struct wall core_deadline(const struct core *c, const struct job *j)
{
	const struct group_cfg *g = j->lane->cfg;
	const struct policy *p;
	const struct zone *z;

	(void)c;
	if (!g || !g->deadline.days)
		return WALL_NEVER;
	p = config_policy_of(g, j->spoke->cfg);
	z = !p ? NULL : p->zone_kind == ZONE_SPOKE ? j->spoke->zone : p->zone;
	return z ? deadline_after(&g->deadline, z, j->created) : WALL_NEVER;
}

bool core_misses(bool over, struct wall eta, struct wall deadline, struct now now)
{
	if (deadline.s == WALL_NEVER.s)
		return false;
	/* Not to be foreseen is not late, until it is. */
	return over ? eta.s > deadline.s
		    : now.wall.s >= deadline.s || (eta.s && eta.s > deadline.s);
}

static bool has_deadlines(const struct core *c)
{
	for (size_t i = 0; i < c->cfg->n_groups; i++)
		if (c->cfg->groups[i].deadline.days)
			return true;
	return false;
}

static bool late(struct core *c, const struct job *j, struct now now)
{
	return core_misses(job_over(j), j->eta, core_deadline(c, j), now);
}

/* Its deadline in minutes, where it would miss that in its turn or has been put first before. */
static uint32_t urgency(struct core *c, const struct job *j, struct now now)
{
	struct wall deadline = core_deadline(c, j);

	if (deadline.s == WALL_NEVER.s ||
	    !(j->urgent || core_misses(job_over(j), j->eta, deadline, now)))
		return 0;
	return (uint32_t)MIN(MAX(deadline.s / 60, 1), UINT32_MAX);
}

bool deadlines_first(struct core *c, struct spoke_state *s, struct now now)
{
	struct job *j, *next;
	bool any = false;

	TAILQ_FOREACH_SAFE (j, &s->jobs, by_spoke, next) {
		uint32_t urgent = urgency(c, j, now);

		if (urgent == j->urgent)
			continue;
		queue_reorder(c, j, j->priority, urgent);
		any = true;
	}
	return any;
}

void deadlines_mark(struct core *c, struct spoke_state *s, struct now now)
{
	struct job *j;

	TAILQ_FOREACH (j, &s->jobs, by_spoke) {
		const struct todo t = {.kind = ACTION_LATE, .job = j};

		if (j->late == late(c, j, now))
			continue;
		j->late = !j->late;
		plan_todo(c, &t);
	}
}

void core_deadlines(struct core *c, struct now now)
{
	struct spoke_state *s;
	bool any = false;

	c->deadlines_soon = false;
	if (!has_deadlines(c) && !c->deadlines)
		return;
	c->deadlines = has_deadlines(c);
	if (!forecast_now(c, now)) {
		TAILQ_FOREACH (s, &c->spokes, entry)
			spoke_of(s)->forecast_due = spoke_of(s)->deadlines_due = true;
		forecast_some(c, now);
		return;
	}
	TAILQ_FOREACH (s, &c->spokes, entry)
		any |= deadlines_first(c, s, now);
	if (any)
		core_forecast(c, now);
	TAILQ_FOREACH (s, &c->spokes, entry)
		deadlines_mark(c, s, now);
}

bool core_deadlines_soon(struct core *c, struct now now)
{
	if (!c->deadlines_soon || !forecast_cheap(c))
		return false;
	core_deadlines(c, now);
	return true;
}
