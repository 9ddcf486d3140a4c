/*
 * recover.h: what was true when the daemon ended, read back: versions, inventories, zones,
 * overrides, unfinished jobs.
 */
#ifndef SPOKESYNC_SCHEDULER_RECOVER_H
#define SPOKESYNC_SCHEDULER_RECOVER_H

#include "scheduler/hub_state.h"

int recover_all(struct hub *h, struct err *e) WARN_UNUSED;

#endif
