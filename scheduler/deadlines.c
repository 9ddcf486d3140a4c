/*
 * deadlines.c: jobs and the times by which they are to be there. Each minute the forecast says who
 * would be late; those go first from then on, and stay so: else the next forecast, finding them in
 * time, would put them back. Who will be late even so is said at once, while there is still
 * time for a person to act.
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

bool core_misses(const struct job *j, struct wall eta, struct wall deadline, struct now now)
{
	if (deadline.s == WALL_NEVER.s)
		return false;
	/* Not to be foreseen is not late, until it is. */
	return job_over(j) ? eta.s > deadline.s
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
	return core_misses(j, j->eta, core_deadline(c, j), now);
}

/* True where somebody's place in the queue changed. */
static bool put_first(struct core *c, struct now now)
{
	struct spoke_state *s;
	struct job *j, *next;
	bool any = false;

	TAILQ_FOREACH (s, &c->spokes, entry)
		TAILQ_FOREACH_SAFE (j, &s->jobs, by_spoke, next) {
			bool urgent = core_deadline(c, j).s != WALL_NEVER.s &&
				      (j->urgent || late(c, j, now));

			if (urgent == j->urgent)
				continue;
			queue_reorder(c, j, j->priority, urgent);
			any = true;
		}
	return any;
}

void core_deadlines(struct core *c, struct now now)
{
	struct spoke_state *s;
	struct job *j;

	if (!has_deadlines(c) && !c->deadlines)
		return;
	c->deadlines = has_deadlines(c);
	core_forecast(c, now);
	if (put_first(c, now))
		core_forecast(c, now);
	TAILQ_FOREACH (s, &c->spokes, entry)
		TAILQ_FOREACH (j, &s->jobs, by_spoke) {
			const struct todo t = {.kind = ACTION_LATE, .job = j};

			if (j->late == late(c, j, now))
				continue;
			j->late = !j->late;
			plan_todo(c, &t);
		}
}
