/*
 * hub_rates.h: the shaper's tree as the policies want it: the hub's rate at the root, a node for
 * each spoke, and below it one for each policy (or override) under which something goes there; and
 * beside the tree the hub's own policy, for all but what goes under an override.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_RATES_H
#define SPOKESYNC_SCHEDULER_HUB_RATES_H

#include "scheduler/hub_state.h"

/* The node under which the push of x belongs now, with its rate set; kept until detached. */
struct shaper_node *hub_rates_attach(struct hub_job *x);
void hub_rates_detach(struct hub_job *x);
/* ACTION_RATES; NULL: of everything (a new configuration). */
void hub_rates_changed(struct hub *h, const struct spoke_state *s, const struct group_cfg *g);
void hub_rates_sweep(struct hub *h); /* nodes that nothing uses: at the end of a turn */
void hub_rates_drop(struct hub_spoke *s);

#endif
