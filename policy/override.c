/*
 * override.c: which exception governs a (spoke, group) now.
 *
 * Among pauses the one that ends last is named, because nothing opens before it ends. Among
 * sync-nows the narrowest, then the latest.
 */
#include "policy/override.h"

#include <string.h>

static bool names(const char *scope, const char *name)
{
	return !scope || (name && !strcmp(scope, name));
}

bool override_covers(const struct override *o, const char *spoke, const char *group)
{
	return names(o->spoke, spoke) && names(o->group, group);
}

bool override_ended(const struct override *o, struct now now)
{
	return now.wall.s >= o->until.s || now.mono.us >= o->until_mono.us;
}

struct wall override_end(const struct override *o, struct now now)
{
	int64_t left_us = o->until_mono.us - now.mono.us;
	int64_t left = left_us / SECOND_US + (left_us % SECOND_US > 0);

	if (o->until_mono.us == INT64_MAX)
		return o->until;
	return (struct wall){MIN(o->until.s, now.wall.s + left)};
}

static int narrowness(const struct override *o)
{
	return !!o->spoke + !!o->group;
}

static bool stronger(const struct override *a, const struct override *b, struct now now)
{
	if (a->kind != b->kind)
		return a->kind == OVERRIDE_PAUSE;
	if (a->kind == OVERRIDE_PAUSE) {
		int64_t x = override_end(a, now).s, y = override_end(b, now).s;

		return x != y ? x > y : a->id > b->id;
	}
	if (narrowness(a) != narrowness(b))
		return narrowness(a) > narrowness(b);
	return a->id > b->id;
}

const struct override *override_governing(const struct override *list, size_t n, const char *spoke,
					  const char *group, struct now now)
{
	const struct override *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct override *o = &list[i];

		if (override_covers(o, spoke, group) && !override_ended(o, now) &&
		    (!best || stronger(o, best, now)))
			best = o;
	}
	return best;
}
