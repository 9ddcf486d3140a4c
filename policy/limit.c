/*
 * limit.c: slots. The hub's limit is looked at first: where it is full, no spoke need be asked.
 */
#include "policy/limit.h"

enum limit_hit limit_check(const struct limit_use *u)
{
	if (u->hub >= u->hub_max)
		return LIMIT_HUB;
	if (u->spoke >= u->spoke_max)
		return LIMIT_SPOKE;
	return LIMIT_NONE;
}
