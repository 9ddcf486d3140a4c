/*
 * limit.c: slots. The hub's limit is looked at first: where it is full, no spoke need be asked.
 */
#include "policy/limit.h"

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
