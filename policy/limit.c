/*
 * limit.c: slots. The hub's limit is looked at first: where it is full, no spoke need be asked.
 */
#include "policy/limit.h"

#include <stdio.h>

#include "policy/units.h"

unsigned limit_most(unsigned max, unsigned large)
{
	return max == 1 && large == 1 ? 2 : max;
}

static bool full(unsigned n, unsigned large, unsigned max, bool small)
{
	if (small)
		return n >= limit_most(max, large);
	return n >= max || (max >= 2 && large >= max - 1);
}

enum limit_hit limit_check(const struct limit_use *u)
{
	if (full(u->hub, u->hub_large, u->hub_max, u->small))
		return LIMIT_HUB;
	if (full(u->spoke, u->spoke_large, u->spoke_max, u->small))
		return LIMIT_SPOKE;
	return LIMIT_NONE;
}

const char *limit_text(const struct limit_use *u, const char *spoke, uint64_t small,
		       char buf[LIMIT_TEXT])
{
	enum limit_hit hit = limit_check(u);
	bool hub = hit == LIMIT_HUB;
	unsigned n = hub ? u->hub : u->spoke, max = hub ? u->hub_max : u->spoke_max;
	const char *who = hub ? "the hub" : spoke;
	char size[UNITS_TEXT];

	buf[0] = '\0';
	if (hit == LIMIT_NONE)
		return buf;
	if (n < max)
		snprintf(buf, LIMIT_TEXT,
			 "%.80s runs %u of %u transfers, and the last slot is kept for files of "
			 "which at most %s are left to send",
			 who, n, max, units_size(small, size));
	else
		snprintf(buf, LIMIT_TEXT, "%.80s runs %u of %u transfers", who, n, max);
	return buf;
}
