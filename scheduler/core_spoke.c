/*
 * core_spoke.c: facts about spokes: reached, lost, changed, and where on earth they are. Recorded
 * only; when to greet again is decided in plan_greet.c.
 */
#include "scheduler/core_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/zone.h"

/* Held by a spoke or a policy already: a fleet has few zones, and each is a table of some KiB that
 * takes a millisecond to make. */
static struct zone *zone_known(const struct core *c, const char *name)
{
	const struct spoke_state *s;

	for (size_t i = 0; i < c->cfg->n_policies; i++) {
		struct zone *z = c->cfg->policies[i].zone;

		if (z && !strcmp(zone_name(z), name))
			return zone_ref(z);
	}
	TAILQ_FOREACH (s, &c->spokes, entry)
		if (s->zone && !strcmp(s->zone_name, name))
			return zone_ref(s->zone);
	return zone_new(name);
}

int core_spoke_zone(struct core *c, struct spoke_state *s, const char *zone)
{
	struct zone *z;
	struct lane *l;

	if (!zone || !zone[0] || strlen(zone) >= sizeof(s->zone_name))
		return -EINVAL;
	if (s->zone && !strcmp(zone, s->zone_name))
		return 0;
	z = zone_known(c, zone);
	if (!z)
		return -EINVAL;
	zone_free(s->zone);
	s->zone = z;
	snprintf(s->zone_name, sizeof(s->zone_name), "%s", zone);
	TAILQ_FOREACH (l, &spoke_of(s)->lanes, entry)
		l->chain_valid = false;
	return 0;
}

void core_fact_spoke_up(struct core *c, struct spoke_state *s, const char *zone, struct now now)
{
	struct spoke *in = spoke_of(s);
	bool was = s->up;

	c->facts++;
	c->changes++;
	in->away = false;
	in->away_before_us = 0;
	s->up = s->ever_up = true;
	s->key_refused = false;
	s->text[0] = '\0';
	s->last_seen = now.wall;
	in->greeting = false;
	in->rearm = true;
	/* Where it went down under a push, it must stay up for a while before that is forgotten:
	 * else a spoke that greets well and breaks each push would be tried without pause. */
	if (was || !in->shaky) {
		s->tries = 0;
		in->shaky = false;
	}
	if (zone)
		(void)core_spoke_zone(c, s, zone);
	if (!was) {
		c->deadlines_soon = true;
		core_fact_spoke_changed(c, s);
	}
}

void core_fact_spoke_down(struct core *c, struct spoke_state *s, bool key, const char *text,
			  struct now now)
{
	c->facts++;
	c->changes++;
	if (!spoke_of(s)->away) {
		spoke_of(s)->away = true;
		spoke_of(s)->away_since = now.mono;
	}
	s->up = false;
	s->retry_at = MONO_NEVER; /* not when it would have been greeted; the next pass says when */
	s->key_refused = key;
	if (s->tries++ == 0)
		spoke_of(s)->down_since = now.mono;
	snprintf(s->text, sizeof(s->text), "%s", text ? text : "");
	spoke_of(s)->greeting = false;
	spoke_of(s)->rearm = true;
}

int64_t core_spoke_away_us(const struct spoke_state *s, struct mono now)
{
	const struct spoke *in = container_of(s, const struct spoke, pub);

	return in->away ? in->away_before_us + now.us - in->away_since.us : 0;
}

void core_spoke_was_away(struct spoke_state *s, int64_t us, struct mono now)
{
	spoke_of(s)->away = true;
	spoke_of(s)->away_since = now;
	spoke_of(s)->away_before_us = us;
}

bool core_spoke_awaited(const struct spoke_state *s)
{
	const struct job *j;

	TAILQ_FOREACH (j, &container_of(s, const struct spoke, pub)->held, by_list)
		if (j->hold & (WAIT_SPACE | WAIT_IN_USE))
			return true;
	return false;
}

void core_fact_spoke_changed(struct core *c, struct spoke_state *s)
{
	struct job *j, *next;

	TAILQ_FOREACH_SAFE (j, &spoke_of(s)->held, by_list, next) {
		if (!(j->hold & (WAIT_SPACE | WAIT_IN_USE)))
			continue;
		j->hold = 0;
		job_place(c, j, PLACE_DIRTY);
	}
}
