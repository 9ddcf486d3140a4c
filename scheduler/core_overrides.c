/*
 * core_overrides.c: the exceptions to the windows that are in force: added, replaced, ended by a
 * command, by time, or because what they were given for is done. Which one governs is policy's
 * (override.h); keeping them over a restart is the driver's.
 */
#include "scheduler/core_impl.h"

#include <stdlib.h>
#include <string.h>

bool scope_has(const char *scope, const char *name)
{
	return !scope || !strcmp(scope, name);
}

static bool scope_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool scope_meets(const char *a, const char *b)
{
	return !a || !b || !strcmp(a, b);
}

void override_done(struct override *o)
{
	free(o->spoke);
	free(o->group);
	free(o->who);
	free(o->why);
}

static struct override take(struct core *c, size_t i)
{
	struct override o = c->overrides[i];

	c->n_overrides--;
	memmove(c->overrides + i, c->overrides + i + 1,
		(c->n_overrides - i) * sizeof(*c->overrides));
	c->gen++;
	c->deadlines_soon = true;
	return o;
}

uint64_t core_override_add(struct core *c, const struct override *o)
{
	struct override *list, gone;

	for (size_t i = 0; i < c->n_overrides; i++) {
		const struct override *old = &c->overrides[i];

		if (old->kind == o->kind && scope_same(old->spoke, o->spoke) &&
		    scope_same(old->group, o->group)) {
			gone = take(c, i);
			override_done(&gone);
			break;
		}
	}
	list = xrealloc(c->overrides, (c->n_overrides + 1) * sizeof(*list));
	c->overrides = list;
	list += c->n_overrides++;
	*list = *o;
	if (!list->id)
		list->id = c->next_override + 1;
	if (list->id > c->next_override)
		c->next_override = list->id;
	/* An end that was not given is none: the other clock's holds. */
	if (list->until.s == 0)
		list->until = WALL_NEVER;
	if (list->until_mono.us == 0)
		list->until_mono = MONO_NEVER;
	c->gen++;
	c->deadlines_soon = true;
	return list->id;
}

unsigned core_override_end(struct core *c, enum override_kind kind, const char *spoke,
			   const char *group, bool overlapping)
{
	unsigned n = 0;

	for (size_t i = c->n_overrides; i-- > 0;) {
		const struct override *o = &c->overrides[i];
		struct override gone;
		bool hit;

		if (overlapping)
			hit = scope_meets(o->spoke, spoke) && scope_meets(o->group, group);
		else
			hit = scope_same(o->spoke, spoke) && scope_same(o->group, group);
		if (o->kind != kind || !hit)
			continue;
		gone = take(c, i);
		override_done(&gone);
		n++;
	}
	return n;
}

bool core_override_hold(struct core *c, uint64_t id, struct mono until, uint64_t up_to)
{
	for (size_t i = 0; i < c->n_overrides; i++) {
		struct override *o = &c->overrides[i];

		if (o->id != id || !o->until_sync_seq)
			continue;
		o->held_until = until;
		o->until_sync_seq = MAX(o->until_sync_seq, up_to);
		return true;
	}
	return false;
}

const struct override *core_overrides(const struct core *c, size_t *ret_n)
{
	*ret_n = c->n_overrides;
	return c->overrides;
}

/* What failed for good or was cancelled does not keep a window open: it will not move by itself. */
static bool is_over(struct core *c, const struct override *o, struct now now)
{
	if (override_ended(o, now))
		return true;
	return o->until_sync_seq && now.mono.us >= o->held_until.us &&
	       !core_unfinished(c, o->spoke, o->group, o->until_sync_seq);
}

void overrides_end_due(struct core *c, struct now now)
{
	for (size_t i = 0; i < c->n_overrides;) {
		struct todo t = {.kind = ACTION_OVERRIDE_ENDED};

		if (!is_over(c, &c->overrides[i], now)) {
			i++;
			continue;
		}
		t.ended = xcalloc(1, sizeof(*t.ended));
		*t.ended = take(c, i);
		plan_todo(c, &t);
	}
}

struct mono overrides_next(const struct core *c, struct now now)
{
	struct mono next = MONO_NEVER;

	for (size_t i = 0; i < c->n_overrides; i++) {
		const struct override *o = &c->overrides[i];
		struct mono edge = plan_edge(o->until, now);

		next.us = MIN(next.us, MIN(edge.us, o->until_mono.us));
		if (o->held_until.us > now.mono.us)
			next.us = MIN(next.us, o->held_until.us);
	}
	return next;
}
