/*
 * core.c: the core's facts about jobs, commands and look-ups. Each only records, and puts the jobs
 * concerned on the dirty list; plan.c decides. No clock, no I/O, no log.
 */
#include "scheduler/core_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rate reached is taken over so much time of sending; of a longer silence nothing counts. */
#define RATE_SPAN    (5 * SECOND_US)
#define RATE_SILENCE (30 * SECOND_US)

struct core *core_new(struct config *cfg, uint64_t random_seed)
{
	struct core *c = xcalloc(1, sizeof(*c));

	c->random = random_seed;
	TAILQ_INIT(&c->spokes);
	TAILQ_INIT(&c->gone);
	TAILQ_INIT(&c->dirty);
	TAILQ_INIT(&c->indexing);
	TAILQ_INIT(&c->older);
	TAILQ_INIT(&c->ended);
	TAILQ_INIT(&c->sets);
	c->sets_due = MONO_NEVER;
	core_set_config(c, cfg);
	return c;
}

static void free_spokes(struct core *c, struct spoke_list *list)
{
	struct spoke_state *s;
	struct job *j;

	while ((s = TAILQ_FIRST(list))) {
		while ((j = TAILQ_FIRST(&s->jobs))) {
			queue_leave(j);
			due_clear(&c->due, &j->due);
			job_free(j);
		}
		TAILQ_REMOVE(list, s, entry);
		core_spoke_free(c, spoke_of(s));
	}
}

struct core *core_free(struct core *c)
{
	struct job *j;

	if (!c)
		return NULL;
	while ((j = TAILQ_FIRST(&c->ended))) {
		TAILQ_REMOVE(&c->ended, j, by_spoke);
		job_free(j);
	}
	while (!TAILQ_EMPTY(&c->sets))
		core_set_free(c, TAILQ_FIRST(&c->sets));
	free_spokes(c, &c->spokes);
	free_spokes(c, &c->gone);
	for (size_t i = 0; i < c->n_overrides; i++)
		override_done(&c->overrides[i]);
	free(c->overrides);
	free(c->by_name);
	free(c->todo);
	table_done(&c->jobs);
	due_done(&c->due);
	config_unref(c->cfg);
	free(c);
	return NULL;
}

void core_ids_after(struct core *c, uint64_t last_job, uint64_t last_override)
{
	c->next_job = MAX(c->next_job, last_job);
	c->next_override = MAX(c->next_override, last_override);
}

struct config *core_config(struct core *c)
{
	return c->cfg;
}

/* splitmix64: small, and the same everywhere for the same seed. */
uint64_t core_random(struct core *c)
{
	uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct mono mono_after(struct mono t, int64_t us)
{
	return us >= MONO_NEVER.us - t.us ? MONO_NEVER : (struct mono){t.us + us};
}

static void supersede_older(struct core *c, struct job *newest)
{
	for (struct job *o = table_path_older(newest); o; o = table_path_older(o)) {
		if (job_over(o) || o->superseded)
			continue;
		o->superseded = true;
		job_place(c, o, PLACE_DIRTY);
	}
}

struct job *core_add_job(struct core *c, uint64_t id, enum job_kind kind, struct version *v,
			 const char *spoke, struct now now)
{
	struct spoke *s = core_spoke_find(c, spoke);
	struct lane *l = s ? core_lane(c, s, v->group) : NULL;
	struct job *j;

	if (!l)
		return NULL;
	j = table_path(&c->jobs, &s->pub, v->group, v->path);
	if (j && !job_over(j) && j->version->id == v->id && j->kind == kind &&
	    j->wish != WISH_CANCEL)
		return j;
	if (id && (j = table_id(&c->jobs, id)))
		return j;
	if (!id)
		id = c->next_job + 1;
	c->next_job = MAX(c->next_job, id);
	j = job_new(id, kind, v, l, now);
	table_add(&c->jobs, j);
	queue_enter(j);
	job_place(c, j, PLACE_DIRTY);
	c->deadlines_soon = true;
	supersede_older(c, table_path(&c->jobs, &s->pub, v->group, v->path));
	return j;
}

void core_fact_indexed(struct core *c, struct version *v)
{
	v->indexed = true;
	c->indexed = true;
}

/* While the shaper holds it back, what it reached says only that it can do as much. */
static void take_rate(struct spoke *s)
{
	uint64_t r = (uint64_t)((double)s->rate_bytes * (double)SECOND_US / (double)s->rate_span);
	uint64_t *reached = &s->pub.reached_rate;

	if (!s->rate_limited)
		*reached = *reached ? (3 * *reached + r) / 4 : r;
	else if (*reached)
		*reached = MAX(*reached, r);
	s->rate_bytes = 0;
	s->rate_span = 0;
	s->rate_limited = false;
}

/* Only time between two words of progress counts, and none in which nothing was being sent: how
 * long a push took to its first word is unknown, and so its bytes do not count either. */
static void measure(struct spoke *s, uint64_t bytes, bool limited, struct now now)
{
	int64_t span = now.mono.us - s->rate_since.us;
	bool on = s->rate_since.us != 0;

	s->rate_since = now.mono;
	if (!on || span < 0 || span > RATE_SILENCE)
		return;
	s->rate_bytes += bytes;
	s->rate_span += span;
	s->rate_limited |= limited;
	if (s->rate_span >= RATE_SPAN)
		take_rate(s);
}

void core_fact_progress(struct core *c, struct job *j, uint64_t done, uint64_t total,
			struct now now)
{
	struct spoke *s = spoke_of(j->spoke);

	(void)c;
	if (done > j->done_bytes) {
		measure(s, done - j->done_bytes, j->lane->chain.least != RATE_UNLIMITED, now);
		j->tries = 0;
		j->again = 0;
		s->pub.tries = s->pub.up ? 0 : s->pub.tries;
		s->shaky = false;
		s->pub.last_seen = now.wall;
	}
	j->done_bytes = done;
	j->total_bytes = total;
}

void core_fact_ended(struct core *c, struct job *j, enum job_outcome o, const char *text,
		     struct now now)
{
	struct spoke *s = spoke_of(j->spoke);

	if (job_over(j))
		return;
	if (j->running) {
		j->running = false;
		j->lane->running--;
		s->pub.running--;
		c->running--;
		s->large -= !j->small;
		c->large -= !j->small;
		if (!s->pub.running)
			s->rate_since = (struct mono){0};
	}
	if (j->publishing) {
		j->publishing = false;
		s->publishing--;
	}
	j->has_outcome = true;
	j->outcome = (uint8_t)o;
	/* Who cancelled it is the last word, unless it came to an end by itself just then. */
	if (o >= OUTCOME_SUPERSEDED || (j->wish != WISH_CANCEL && j->lane->cfg))
		core_job_note(j, text);
	job_place(c, j, PLACE_DIRTY);
	/* Of many pushes that lose the same peer, the first says so. */
	if ((o == OUTCOME_PEER_DOWN || o == OUTCOME_KEY) && s->pub.up) {
		bool greeting = s->greeting;

		core_fact_spoke_down(c, &s->pub, o == OUTCOME_KEY, text, now);
		s->shaky = true;
		s->greeting = greeting; /* its answer is still to come */
	}
}

void core_job_cancel(struct core *c, struct job *j, const char *who, struct now now)
{
	char text[160];

	(void)now;
	if (job_over(j))
		return;
	snprintf(text, sizeof(text), "cancelled by %s", who ? who : "a user");
	core_job_note(j, text);
	j->wish = WISH_CANCEL;
	job_place(c, j, PLACE_DIRTY);
}

void core_job_unwanted(struct core *c, struct job *j, const char *why)
{
	if (job_over(j))
		return;
	core_job_note(j, why);
	j->superseded = true;
	job_place(c, j, PLACE_DIRTY);
}

void core_job_retry(struct core *c, struct job *j, struct now now)
{
	(void)now;
	if (j->state == JOB_PUBLISHED || j->state == JOB_SUPERSEDED)
		return;
	j->wish = WISH_RETRY;
	job_place(c, j, PLACE_DIRTY);
}

struct spoke_list *core_spokes(struct core *c)
{
	return &c->spokes;
}

struct spoke_state *core_spoke(struct core *c, const char *name)
{
	struct spoke *s = core_spoke_find(c, name);

	return s ? &s->pub : NULL;
}

struct job *core_job(struct core *c, uint64_t id)
{
	return table_id(&c->jobs, id);
}

struct job *core_job_of(struct core *c, const char *spoke, const char *group, const char *path)
{
	struct spoke *s = core_spoke_find(c, spoke);

	return s ? table_path(&c->jobs, &s->pub, group, path) : NULL;
}

struct job_list *core_ended(struct core *c)
{
	return &c->ended;
}

unsigned core_running(const struct core *c)
{
	return c->running;
}

bool core_unfinished(struct core *c, const char *spoke, const char *group, uint64_t up_to)
{
	struct spoke_state *s;
	struct job *j;

	TAILQ_FOREACH (s, &c->spokes, entry) {
		if (!scope_has(spoke, s->name))
			continue;
		TAILQ_FOREACH (j, &s->jobs, by_spoke)
			if (j->version->id <= up_to && scope_has(group, j->version->group))
				return true;
	}
	return false;
}

bool core_job_missing(const struct core *c, const struct job *j)
{
	const struct version *v = j->version;

	return core_job_given_up(j) && j->lane->cfg &&
	       table_path(&c->jobs, j->spoke, v->group, v->path) == j;
}

struct job *core_missing(struct core *c, const char *spoke, const char *group,
			 uint64_t up_to_version)
{
	struct job *j;

	TAILQ_FOREACH (j, &c->ended, by_spoke)
		if (j->version->id <= up_to_version && scope_has(spoke, j->spoke->name) &&
		    scope_has(group, j->version->group) && core_job_missing(c, j))
			return j;
	return NULL;
}

bool core_in_sync(struct core *c, const char *spoke, const char *group, uint64_t up_to_version)
{
	return !core_unfinished(c, spoke, group, up_to_version) &&
	       !core_missing(c, spoke, group, up_to_version);
}

void core_forget_ended(struct core *c, size_t keep, void (*freed)(void *arg, struct job *j),
		       void *arg)
{
	struct job *j, *next;

	TAILQ_FOREACH_SAFE (j, &c->ended, by_spoke, next) {
		if (c->n_ended <= keep)
			break;
		if (j->place != PLACE_ENDED || core_job_missing(c, j))
			continue;
		TAILQ_REMOVE(&c->ended, j, by_spoke);
		c->n_ended--;
		table_remove(&c->jobs, j);
		if (freed)
			freed(arg, j);
		job_free(j);
	}
	config_sweep(c);
}
