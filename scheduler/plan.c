/*
 * plan.c: the pass: facts and now in, actions out. It looks at what changed (dirty jobs, due times,
 * lanes whose chain has run out), decides, and only when all is decided performs; so nothing that
 * perform() calls can meet a half-made decision. Idempotent: a second pass at the same now does
 * nothing.
 *
 * A pass is bounded: where very much changed at once it does a part and asks to be called again at
 * once, so that a daemon's sockets are served in between.
 *
 * Calendar edges are not trusted to timers: while anything waits or runs on them the pass wants to
 * come back within a minute, and each time takes the state of the windows from now.wall alone.
 */
#include "scheduler/core_impl.h"

#include <stdlib.h>

struct mono core_minute(struct mono t)
{
	int64_t over = t.us % CORE_CALENDAR;

	return over ? mono_after(t, CORE_CALENDAR - over) : t;
}

void plan_todo(struct core *c, const struct todo *t)
{
	if (c->n_todo == c->cap_todo) {
		c->cap_todo = c->cap_todo ? 2 * c->cap_todo : 64;
		c->todo = xrealloc(c->todo, c->cap_todo * sizeof(*c->todo));
	}
	c->todo[c->n_todo++] = *t;
}

/* When to look for a calendar edge; an edge that is over (the clock jumped): at once. */
struct mono plan_edge(struct wall edge, struct now now)
{
	int64_t away;

	if (edge.s == WALL_NEVER.s)
		return MONO_NEVER;
	away = edge.s - now.wall.s;
	if (away <= 0)
		return now.mono;
	/* Further ones are bounded by the minute anyway; this keeps the product in range. */
	if (away > INT32_MAX)
		return MONO_NEVER;
	return mono_after(now.mono, away * SECOND_US - now.wall_us);
}

static void take_due(struct core *c, struct now now)
{
	struct due *d;

	while ((d = due_first(&c->due)) && d->at.us <= now.mono.us) {
		due_clear(&c->due, d);
		if (d->kind == DUE_JOB) {
			struct job *j = container_of(d, struct job, due);

			j->hold = 0;
			job_place(c, j, PLACE_DIRTY);
		} else if (d->kind == DUE_SPOKE) {
			container_of(d, struct spoke, greet)->greet_due = true;
		}
		/* A lane's jitter is over by not being in the heap. */
	}
}

static void take_indexed(struct core *c)
{
	struct job *j, *next;

	if (!c->indexed)
		return;
	c->indexed = false;
	TAILQ_FOREACH_SAFE (j, &c->indexing, by_list, next)
		if (j->version->indexed)
			job_place(c, j, PLACE_DIRTY);
}

static void take_dirty(struct core *c, struct now now)
{
	struct job *j;

	/* A job that ends may wake the next of its file: that one joins the end of this list. */
	while ((j = TAILQ_FIRST(&c->dirty)) && c->budget) {
		c->budget--;
		plan_job(c, j, now);
	}
	c->more = j;
}

static void look_at_lanes(struct core *c, struct now now)
{
	struct spoke_state *s;
	struct lane *l;

	TAILQ_FOREACH (s, &c->spokes, entry)
		TAILQ_FOREACH (l, &spoke_of(s)->lanes, entry)
			lane_look(c, l, now);
}

static void rest(struct core *c, struct now now)
{
	struct spoke_state *s;
	struct lane *l;

	TAILQ_FOREACH (s, &c->spokes, entry) {
		TAILQ_FOREACH (l, &spoke_of(s)->lanes, entry)
			lane_apply_waits(c, l, now);
		plan_words(c, spoke_of(s), now);
		plan_greet(c, spoke_of(s), now);
	}
}

static struct mono next_look(struct core *c, struct now now)
{
	struct mono next = overrides_next(c, now), minute = core_minute(mono_after(now.mono, 1));
	const struct due *d = due_first(&c->due);
	struct spoke_state *s;
	struct lane *l;

	next.us = MIN(next.us, c->sets_due.us);
	if (d)
		next.us = MIN(next.us, d->at.us);
	TAILQ_FOREACH (s, &c->spokes, entry)
		TAILQ_FOREACH (l, &spoke_of(s)->lanes, entry) {
			struct mono edge;

			/* One that went is not looked at, however old its edges are. */
			if (!l->n_live || !l->cfg || !l->chain_valid)
				continue;
			edge = plan_edge(l->chain.until, now);
			next.us = MIN(next.us, c->forward ? edge.us : MIN(edge.us, minute.us));
		}
	/* An override ends by the calendar as well. */
	if (c->n_overrides && !c->forward)
		next.us = MIN(next.us, minute.us);
	return next;
}

static void perform_all(struct core *c, core_perform_fn *perform, void *arg)
{
	for (size_t i = 0; i < c->n_todo; i++) {
		const struct todo *t = &c->todo[i];
		struct action a = {.kind = t->kind,
				   .job = t->job,
				   .old_state = t->old_state,
				   .old_waits = t->old_waits};

		if (t->ended)
			a.override = *t->ended;
		else if (t->kind == ACTION_RATES)
			a.spoke = &t->lane->spoke->pub, a.group = t->lane->cfg;
		else
			a.spoke = t->job ? t->job->spoke : &t->spoke->pub;
		perform(arg, &a);
	}
	for (size_t i = 0; i < c->n_todo; i++)
		if (c->todo[i].ended) {
			override_done(c->todo[i].ended);
			free(c->todo[i].ended);
		}
	c->n_todo = 0;
}

struct mono core_plan(struct core *c, struct now now, core_perform_fn *perform, void *arg)
{
	struct mono next;
	uint64_t facts;

	c->budget = CORE_PASS_JOBS;
	c->sets_due = MONO_NEVER;
	take_due(c, now);
	take_indexed(c);
	take_dirty(c, now);
	overrides_end_due(c, now);
	look_at_lanes(c, now);
	/* Nothing starts before all that came is in its place; what closed ends at once. */
	if (!c->more) {
		plan_starts(c, now);
		rest(c, now);
	}
	if (c->forecast_due && !c->more)
		forecast_some(c, now);
	next = next_look(c, now);
	facts = c->facts;
	perform_all(c, perform, arg);
	if (!TAILQ_EMPTY(&c->dirty) || c->indexed || c->more || c->forecast_due ||
	    c->facts != facts)
		return now.mono;
	return next;
}

void core_rates(struct core *c, const struct spoke_state *s, const struct group_cfg *g,
		struct now now, struct rate_chain *ret)
{
	const struct rate_facts facts = {
		.spoke_zone = s->zone, .overrides = c->overrides, .n_overrides = c->n_overrides};

	rate_in_force(c->cfg, &facts, s->cfg, g, now, ret);
}
