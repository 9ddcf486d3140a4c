/*
 * core_zones.c: see core_zones.h. Zones belong to the configuration's policies and to the spokes
 * that reported one; all are refreshed in place, and then no chain of rates that was reckoned with
 * them is valid any more.
 */
#include "scheduler/core_zones.h"

#include "policy/zone.h"
#include "scheduler/core_impl.h"

const char *core_zones_refresh(struct core *c)
{
	const char *changed = NULL;
	struct spoke_state *s;

	for (size_t i = 0; i < c->cfg->n_policies; i++) {
		struct zone *z = c->cfg->policies[i].zone;

		if (z && zone_refresh(z))
			changed = zone_name(z);
	}
	TAILQ_FOREACH (s, &c->spokes, entry)
		if (s->zone && zone_refresh(s->zone))
			changed = zone_name(s->zone);
	TAILQ_FOREACH (s, &c->gone, entry)
		if (s->zone && zone_refresh(s->zone))
			changed = zone_name(s->zone);
	if (changed) {
		c->gen++;
		c->deadlines_soon = true;
	}
	return changed;
}
