/*
 * core_zones.h: zone files that were changed under the running daemon, by an update of the system.
 */
#ifndef SPOKESYNC_SCHEDULER_CORE_ZONES_H
#define SPOKESYNC_SCHEDULER_CORE_ZONES_H

#include "scheduler/core.h"

/* Looks at the file of every zone in use (a stat each). What changed counts from the next pass on;
 * returns the name of one that did, valid while it is in use, or NULL. */
const char *core_zones_refresh(struct core *c);

#endif
