/*
 * hub_sweep.h: what nobody needs any more goes: indexes of contents that no version, inventory or
 * unfinished transfer names, generations without a version, tombstones that no spoke lists,
 * history.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_SWEEP_H
#define SPOKESYNC_SCHEDULER_HUB_SWEEP_H

#include "scheduler/hub_state.h"

void hub_sweep(struct hub *h);			 /* at start, and once an hour */
void hub_sweep_generations(struct hub_group *g); /* once its directory is open */

#endif
