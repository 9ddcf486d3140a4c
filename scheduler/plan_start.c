/*
 * plan_start.c: slots. While one is free, the best of all that may run gets it (policy/order.h);
 * where a reload left fewer than are in use, the last of the order are paused.
 */
#include "scheduler/core_impl.h"

#include "policy/limit.h"
#include "policy/order.h"

static struct job *better(struct job *a, struct job *b)
{
	if (!a || !b)
		return a ? a : b;
	return job_before(a, b) ? a : b;
}

static struct job *lane_head(const struct lane *l, bool large)
{
	struct job *best;

	if (l->block || !l->cfg)
		return NULL;
	best = better(TAILQ_FIRST(&l->fresh[1]), TAILQ_FIRST(&l->ready[1]));
	if (large)
		best = better(best, better(TAILQ_FIRST(&l->fresh[0]), TAILQ_FIRST(&l->ready[0])));
	return best;
}

static struct job *spoke_head(const struct spoke *s, bool large)
{
	struct job *best = NULL;
	const struct lane *l;

	TAILQ_FOREACH (l, &s->lanes, entry)
		best = better(best, lane_head(l, large));
	return best;
}

static struct order_key key_of(const struct job *j)
{
	return (struct order_key){.urgent = j->urgent,
				  .priority = j->priority,
				  .running = j->spoke->running,
				  .weight = MAX(j->spoke->cfg->weight, 1u),
				  .size = job_left(j),
				  .age = j->id};
}

static struct limit_use slots(const struct core *c, const struct spoke_state *s, bool small)
{
	return (struct limit_use){.hub = c->running,
				  .hub_large = c->large,
				  .hub_max = c->cfg->transfers,
				  .spoke = s->running,
				  .spoke_large = spoke_of(s)->large,
				  .spoke_max = s->cfg->transfers,
				  .small = small};
}

static enum limit_hit limits(const struct core *c, const struct spoke_state *s, bool small)
{
	const struct limit_use use = slots(c, s, small);

	return limit_check(&use);
}

void core_slots(const struct core *c, const struct job *j, struct limit_use *ret)
{
	*ret = slots(c, j->spoke, j->small);
}

/* The best that may start now, or NULL. */
static struct job *next_start(struct core *c)
{
	struct job *best = NULL;
	struct order_key best_key = {0};
	struct spoke_state *s;

	TAILQ_FOREACH (s, &c->spokes, entry) {
		enum limit_hit hit = limits(c, s, true);
		struct order_key key;
		struct job *j;

		if (hit == LIMIT_HUB)
			return NULL;
		j = hit == LIMIT_NONE ? spoke_head(spoke_of(s), !limits(c, s, false)) : NULL;
		if (!j)
			continue;
		key = key_of(j);
		if (!best || order_before(&key, &best_key)) {
			best = j;
			best_key = key;
		}
	}
	return best;
}

void plan_begin(struct core *c, struct job *j, struct now now)
{
	struct lane *l = j->lane;

	job_place(c, j, PLACE_ACTIVE);
	j->running = true;
	j->stopping = false;
	c->running++;
	j->spoke->running++;
	c->large += !j->small;
	spoke_of(j->spoke)->large += !j->small;
	if (l->running++ == 0)
		lane_told(l);
	if (j->opening != l->openings) {
		j->opening = l->openings;
		j->windows_used++;
	}
	core_job_note(j, ""); /* what held it before holds it no longer */
	job_set_state(c, j, JOB_SENDING, 0, now);
}

static void start(struct core *c, struct job *j, struct now now)
{
	const struct todo t = {.kind = ACTION_START, .job = j};

	plan_begin(c, j, now);
	plan_todo(c, &t);
}

/* Pauses the last of the order while more of a spoke's (only), or of all, are to go on than may. */
static void shed(struct core *c, struct spoke_state *only, unsigned max, struct now now)
{
	for (;;) {
		struct job *last = NULL, *j;
		struct spoke_state *s;
		unsigned n = 0, large = 0;

		TAILQ_FOREACH (s, &c->spokes, entry) {
			if (only && s != only)
				continue;
			TAILQ_FOREACH (j, &spoke_of(s)->active, by_list) {
				if (!j->running || j->stopping)
					continue;
				n++;
				large += !j->small;
				if (!last || job_before(last, j))
					last = j;
			}
		}
		if (n <= limit_most(max, large))
			return;
		plan_stop(c, last, WAIT_SLOT, now);
	}
}

void plan_starts(struct core *c, struct now now)
{
	struct spoke_state *s;
	struct job *j;

	TAILQ_FOREACH (s, &c->spokes, entry)
		if (s->running > s->cfg->transfers)
			shed(c, s, s->cfg->transfers, now);
	if (c->running > c->cfg->transfers)
		shed(c, NULL, c->cfg->transfers, now);
	while ((j = next_start(c))) {
		if (!job_twin_at_work(j)) {
			start(c, j, now);
			continue;
		}
		/* It waits for its set, perhaps for this one: what is staged there serves both. */
		if (set_needed(j) && job_twin_staged(j)) {
			j->staged = true;
			job_place(c, j, PLACE_WORDS);
			job_set_state(c, j, JOB_STAGED, 0, now);
			continue;
		}
		job_place(c, j, PLACE_OLDER);
		job_set_state(c, j, job_idle_state(j), WAIT_TWIN, now);
	}
}
