/*
 * core_config.c: spokes and lanes follow the configuration. A spoke that is taken out keeps its
 * record (and the configuration that it had) while jobs still name it; its unfinished jobs are
 * cancelled by the next pass. Put back, it is the same spoke again.
 */
#include "scheduler/core_impl.h"

#include <stdlib.h>
#include <string.h>

#include "policy/zone.h"

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct spoke *const *)a)->pub.name, (*(struct spoke *const *)b)->pub.name);
}

struct spoke *core_spoke_find(struct core *c, const char *name)
{
	size_t low = 0, high = c->n_spokes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, c->by_name[mid]->pub.name);

		if (order == 0)
			return c->by_name[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static struct spoke *spoke_new(const char *name)
{
	struct spoke *s = xcalloc(1, sizeof(*s));

	s->pub.name = xstrdup(name);
	TAILQ_INIT(&s->pub.jobs);
	TAILQ_INIT(&s->lanes);
	TAILQ_INIT(&s->active);
	TAILQ_INIT(&s->words);
	TAILQ_INIT(&s->held);
	s->greet.kind = DUE_SPOKE;
	s->greet_due = true;
	return s;
}

struct spoke *core_spoke_free(struct core *c, struct spoke *s)
{
	struct lane *l;

	while ((l = TAILQ_FIRST(&s->lanes))) {
		TAILQ_REMOVE(&s->lanes, l, entry);
		due_clear(&c->due, &l->start);
		free(l->group);
		free(l);
	}
	due_clear(&c->due, &s->greet);
	zone_free(s->pub.zone);
	config_unref(s->gone_config);
	free((char *)s->pub.name);
	free(s);
	return NULL;
}

static const struct group_cfg *lane_cfg(const struct core *c, const struct spoke *s,
					const char *group)
{
	const struct group_cfg *g = config_group(c->cfg, group);

	return g && !s->gone && group_has_spoke(g, s->pub.name) ? g : NULL;
}

struct lane *core_lane(struct core *c, struct spoke *s, const char *group)
{
	const struct group_cfg *g;
	struct lane *l;

	TAILQ_FOREACH (l, &s->lanes, entry)
		if (!strcmp(l->group, group))
			return l->cfg ? l : NULL;
	g = lane_cfg(c, s, group);
	if (!g)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->spoke = s;
	l->group = xstrdup(group);
	l->cfg = g;
	l->start.kind = DUE_LANE;
	for (unsigned i = 0; i < ARRAY_LEN(l->ready); i++) {
		TAILQ_INIT(&l->fresh[i]);
		TAILQ_INIT(&l->ready[i]);
	}
	TAILQ_INSERT_TAIL(&s->lanes, l, entry);
	return l;
}

/* Looks all of a spoke's lanes up again; jobs of those that went are looked at by the next pass. */
static void follow_groups(struct core *c, struct spoke *s)
{
	struct job *j, *next;
	struct lane *l;

	TAILQ_FOREACH (l, &s->lanes, entry) {
		l->cfg = lane_cfg(c, s, l->group);
		/* Put back, it is not one that opens just then. */
		if (!l->cfg)
			l->known = false;
	}
	TAILQ_FOREACH_SAFE (j, &s->pub.jobs, by_spoke, next) {
		if (!j->lane->cfg) {
			core_job_note(j, s->gone ? "its spoke was taken out of the configuration"
						 : "its group no longer goes to this spoke");
			job_place(c, j, PLACE_DIRTY);
		} else {
			queue_reorder(c, j, j->lane->cfg->priority, j->urgent);
		}
	}
}

static void leave(struct core *c, struct spoke *s, struct config *old)
{
	s->gone = true;
	s->gone_config = config_ref(old);
	s->pub.up = false;
	due_clear(&c->due, &s->greet);
	TAILQ_REMOVE(&c->spokes, &s->pub, entry);
	TAILQ_INSERT_TAIL(&c->gone, &s->pub, entry);
	follow_groups(c, s);
}

static struct spoke *gone_find(struct core *c, const char *name)
{
	struct spoke_state *s;

	TAILQ_FOREACH (s, &c->gone, entry)
		if (!strcmp(s->name, name))
			return spoke_of(s);
	return NULL;
}

static void enter(struct core *c, const struct spoke_cfg *cfg)
{
	struct spoke *s = gone_find(c, cfg->name);

	if (s) {
		TAILQ_REMOVE(&c->gone, &s->pub, entry);
		s->gone = false;
		s->gone_config = config_unref(s->gone_config);
		s->pub.cfg = NULL;
		s->greeting = false;
		s->greet_force = true;
	} else {
		s = spoke_new(cfg->name);
	}
	TAILQ_INSERT_TAIL(&c->spokes, &s->pub, entry);
}

static void index_names(struct core *c)
{
	struct spoke_state *s;

	c->by_name = xrealloc(c->by_name, (c->cfg->n_spokes + 1) * sizeof(*c->by_name));
	c->n_spokes = 0;
	TAILQ_FOREACH (s, &c->spokes, entry)
		c->by_name[c->n_spokes++] = spoke_of(s);
	qsort(c->by_name, c->n_spokes, sizeof(*c->by_name), by_name);
}

/* An address or key that changed, or a key that was refused, is worth a greeting now. */
static bool worth_greeting(const struct spoke *s, const struct spoke_cfg *cfg)
{
	const struct spoke_cfg *old = s->pub.cfg;

	return s->pub.key_refused || !old || strcmp(old->url, cfg->url) ||
	       old->n_pins != cfg->n_pins ||
	       memcmp(old->pins, cfg->pins, cfg->n_pins * sizeof(cfg->pins[0])) != 0;
}

void core_set_config(struct core *c, struct config *cfg)
{
	struct config *old = c->cfg;
	struct spoke_state *s, *next;

	c->cfg = config_ref(cfg);
	c->gen++;
	c->deadlines_soon = true;
	c->changes++;
	TAILQ_FOREACH_SAFE (s, &c->spokes, entry, next)
		if (!config_spoke(cfg, s->name))
			leave(c, spoke_of(s), old);
	for (size_t i = 0; i < cfg->n_spokes; i++) {
		const struct spoke *known = core_spoke_find(c, cfg->spokes[i].name);

		if (!known || known->gone)
			enter(c, &cfg->spokes[i]);
	}
	index_names(c);
	TAILQ_FOREACH (s, &c->spokes, entry) {
		const struct spoke_cfg *now = config_spoke(cfg, s->name);

		if (worth_greeting(spoke_of(s), now))
			spoke_of(s)->greet_force = true;
		s->cfg = now;
		follow_groups(c, spoke_of(s));
	}
	config_unref(old);
}

void config_sweep(struct core *c)
{
	struct spoke_state *s, *next;
	struct lane *l;

	TAILQ_FOREACH_SAFE (s, &c->gone, entry, next) {
		unsigned jobs = 0;

		TAILQ_FOREACH (l, &spoke_of(s)->lanes, entry)
			jobs += l->n_jobs;
		if (jobs == 0) {
			TAILQ_REMOVE(&c->gone, s, entry);
			core_spoke_free(c, spoke_of(s));
		}
	}
}
