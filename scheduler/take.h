/*
 * take.h: files that have settled become versions: due times, the probe for writers, indexing, and
 * what comes back from it. Deletions as well, behind a guard.
 */
#ifndef SPOKESYNC_SCHEDULER_TAKE_H
#define SPOKESYNC_SCHEDULER_TAKE_H

#include "scheduler/hub_state.h"

/* Takes what is due, and says when to look again. */
struct mono take_due(struct hub *h, struct now now);

#endif
