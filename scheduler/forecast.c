/*
 * forecast.c: when will each unfinished job be done? The core is run forward (forward.h) where that
 * takes some milliseconds. For the queues of very large fleets, where it would hold up the loop, an
 * estimate does: each spoke's queue is walked in virtual time:
 * the best job of the lanes that are open then moves at the rate in force then, until it is done or
 * an edge comes; closed time passes by. A hub-wide limit is shared by weight between the spokes
 * that have something to move, for the whole walk: an estimate from above once some of them are
 * done. Of such a queue some spokes are reckoned at a time, and the rest in the passes that follow
 * at once; what was reckoned is good for some seconds.
 *
 * The walk reckons each file by itself, whatever its set waits for.
 *
 * What waits for a fact that nobody can foresee (a spoke down, no space, no known rate) has no ETA.
 * Time and memory are bounded: a walk ends after 400 days or FORECAST_STEPS steps.
 */
#include "scheduler/core_impl.h"
#include "scheduler/forward.h"

#include <math.h>
#include <stdlib.h>

#define FORECAST_DAYS  400
#define FORECAST_STEPS 20000  /* of one spoke, besides one per job */
#define FORWARD_COST   400000 /* about ten milliseconds */
#define HORIZON	       ((double)FORECAST_DAYS * 86400)

/* A lane during the walk. Times are seconds from now. */
struct track {
	struct lane *lane;
	struct job *next; /* NULL: nothing left */
	bool others;	  /* its running jobs are through */
	double left;	  /* bytes of next */
	struct rate_chain chain;
	double until; /* the chain holds till then */
};

struct walk {
	struct core *c;
	struct spoke *s;
	struct now now;
	double t;
	double share; /* of the hub's rate */
	struct track *tracks;
	size_t n;
	unsigned steps;
};

static bool moves(const struct job *j)
{
	return j->kind == JOB_PUT && !j->staged && !(j->hold & (WAIT_SPACE | WAIT_IN_USE)) &&
	       j->wish != WISH_CANCEL && !j->superseded;
}

/* The next job of the track: what runs goes on first, the rest follows in order. */
static void advance(struct track *k)
{
	struct job *j =
		k->next ? TAILQ_NEXT(k->next, by_spoke) : TAILQ_FIRST(&k->lane->spoke->pub.jobs);

	for (;;) {
		while (j && (j->lane != k->lane || !moves(j) || j->running == k->others))
			j = TAILQ_NEXT(j, by_spoke);
		if (j || k->others)
			break;
		k->others = true;
		j = TAILQ_FIRST(&k->lane->spoke->pub.jobs);
	}
	k->next = j;
	k->left = j ? (double)job_left(j) : 0;
}

static struct wall wall_at(const struct walk *w, double t)
{
	return (struct wall){w->now.wall.s + (int64_t)(t + 1e-6)};
}

static void refresh(struct walk *w, struct track *k)
{
	struct now then = {.wall = wall_at(w, w->t),
			   .mono = mono_after(w->now.mono, (int64_t)(w->t * SECOND_US))};
	struct wall edge;

	core_rates(w->c, &w->s->pub, k->lane->cfg, then, &k->chain);
	/* While closed, nothing but its opening matters; policy has looked that far already. */
	edge = k->chain.open ? k->chain.until : k->chain.opens;
	k->until = INFINITY;
	if (edge.s != WALL_NEVER.s)
		k->until = MAX((double)(edge.s - w->now.wall.s), w->t + 1);
}

/* The rest of a track's jobs get the same answer. */
static void give_up(struct track *k, struct wall eta)
{
	for (; k->next; advance(k))
		k->next->eta = eta;
}

/* Bytes a second, or 0 where nothing limits it and nothing was measured yet. */
static double rate_of(const struct walk *w, const struct rate_chain *ch)
{
	double rate = (double)MIN(ch->spoke, ch->policy);

	if (ch->least == RATE_UNLIMITED)
		return (double)w->s->pub.reached_rate;
	if (ch->hub != RATE_UNLIMITED)
		rate = MIN(rate, (double)ch->hub * w->share);
	return rate;
}

/* The track to serve at w->t, or NULL where all are closed; *ret_edge: the next change of any. */
static struct track *choose(struct walk *w, double *ret_edge)
{
	struct track *best = NULL;

	*ret_edge = INFINITY;
	for (size_t i = 0; i < w->n; i++) {
		struct track *k = &w->tracks[i];

		if (!k->next)
			continue;
		if (w->t + 1e-6 >= k->until)
			refresh(w, k);
		*ret_edge = MIN(*ret_edge, k->until);
		if (!k->chain.open)
			continue;
		if (!best || k->next->running > best->next->running ||
		    (k->next->running == best->next->running && job_before(k->next, best->next)))
			best = k;
	}
	return best;
}

static void serve(struct walk *w, struct track *k, double edge)
{
	double rate = rate_of(w, &k->chain), need, late = 0;
	struct job *j = k->next;

	if (rate <= 0) {
		give_up(k, (struct wall){0});
		return;
	}
	need = k->left / rate;
	if (w->t + need > edge) {
		k->left -= (edge - w->t) * rate;
		w->t = edge;
		w->steps++;
		return;
	}
	w->t += need;
	/* One that backs off is later by that, but does not hold up the others. */
	if (j->hold & WAIT_RETRY)
		late = (double)(j->due.at.us - w->now.mono.us) / SECOND_US + need - w->t;
	j->eta = set_held(j) ? (struct wall){0} : wall_at(w, w->t + MAX(late, 0) + 1);
	advance(k);
}

static void walk_spoke(struct walk *w)
{
	for (;;) {
		double edge;
		struct track *k = choose(w, &edge);

		if (k) {
			serve(w, k, edge);
		} else {
			w->steps++;
			w->t = edge;
		}
		if (w->t > HORIZON || w->steps > FORECAST_STEPS)
			break;
	}
	for (size_t i = 0; i < w->n; i++)
		give_up(&w->tracks[i],
			w->tracks[i].chain.reason == RATE_ZONE ? (struct wall){0} : WALL_NEVER);
}

static void forecast_spoke(struct core *c, struct spoke *s, double share, struct now now)
{
	struct walk w = {.c = c, .s = s, .now = now, .share = share};
	struct lane *l;
	struct job *j;

	/* Publications take no time worth saying; what is not walked below is not known. */
	TAILQ_FOREACH (j, &s->pub.jobs, by_spoke)
		j->eta = s->pub.up && !moves(j) && !j->hold && !set_held(j) ? now.wall
									    : (struct wall){0};
	if (!s->pub.up)
		return;
	TAILQ_FOREACH (l, &s->lanes, entry)
		w.n += l->n_live > 0 && l->cfg;
	w.tracks = xcalloc(w.n, sizeof(*w.tracks));
	w.n = 0;
	TAILQ_FOREACH (l, &s->lanes, entry) {
		if (!l->n_live || !l->cfg)
			continue;
		w.tracks[w.n].lane = l;
		advance(&w.tracks[w.n++]);
	}
	walk_spoke(&w);
	free(w.tracks);
}

static unsigned weight_of(const struct spoke_state *s)
{
	return s->n_jobs && s->up ? MAX(s->cfg->weight, 1u) : 0;
}

void forecast_some(struct core *c, struct now now)
{
	struct spoke_state *s;
	uint64_t weights = 0, jobs = 0;

	TAILQ_FOREACH (s, &c->spokes, entry)
		weights += weight_of(s);
	c->forecast_due = false;
	TAILQ_FOREACH (s, &c->spokes, entry) {
		double share = weights ? (double)weight_of(s) / (double)weights : 1;
		struct spoke *in = spoke_of(s);

		if (!in->forecast_due)
			continue;
		if (jobs >= FORECAST_JOBS) {
			c->forecast_due = true;
			return;
		}
		jobs += s->n_jobs;
		in->forecast_due = false;
		in->forecast_at = now.mono;
		forecast_spoke(c, in, share, now);
		if (!in->deadlines_due)
			continue;
		in->deadlines_due = false;
		jobs += s->n_jobs;
		if (deadlines_first(c, s, now))
			forecast_spoke(c, in, share, now);
		deadlines_mark(c, s, now);
	}
}

/* What cannot move by itself has no ETA; the others get theirs below. */
static void forget_etas(struct core *c)
{
	struct spoke_state *s;
	struct job *j;

	TAILQ_FOREACH (s, &c->spokes, entry)
		TAILQ_FOREACH (j, &s->jobs, by_spoke)
			j->eta = (struct wall){0};
}

static void take_eta(void *arg, const struct forward_end *e)
{
	struct job *j = core_job(arg, e->job->id);

	if (j)
		j->eta = e->eta;
}

/* In passes times lanes, which is what it costs. */
static uint64_t cost_of(const struct core *c, uint64_t *ret_jobs)
{
	const struct spoke_state *s;
	const struct lane *l;
	uint64_t jobs = 0, lanes = 20;

	TAILQ_FOREACH (s, &c->spokes, entry) {
		jobs += s->n_jobs;
		TAILQ_FOREACH (l, &spoke_of(s)->lanes, entry)
			lanes += l->n_live > 0;
	}
	*ret_jobs = jobs;
	return jobs * lanes;
}

bool forecast_cheap(const struct core *c)
{
	uint64_t jobs;

	return cost_of(c, &jobs) <= FORWARD_COST;
}

bool forecast_now(struct core *c, struct now now)
{
	struct forward_run run = {.end = take_eta, .arg = c};
	uint64_t jobs, cost = cost_of(c, &jobs);

	if (!jobs)
		return true;
	if (cost > FORWARD_COST || c->forward)
		return false;
	run.steps = 1000 + 10 * jobs;
	forget_etas(c);
	return forward_run(c, &run, now) == 0;
}

void core_forecast(struct core *c, struct now now)
{
	struct spoke_state *s;

	if (forecast_now(c, now))
		return;
	TAILQ_FOREACH (s, &c->spokes, entry) {
		struct spoke *in = spoke_of(s);

		if (in->forecast_at.us && now.mono.us - in->forecast_at.us < FORECAST_FRESH)
			continue;
		in->forecast_due = c->forecast_due = true;
	}
	if (c->forecast_due)
		forecast_some(c, now);
}
