/*
 * hub_overrides.h: the durable part of the overrides, and what the job log says of them: the core's
 * list is compared with the one on disk, whatever changed it.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_OVERRIDES_H
#define SPOKESYNC_SCHEDULER_HUB_OVERRIDES_H

#include "scheduler/hub_state.h"

/* why: what ended those that are gone, or NULL (a command did). */
void hub_overrides_follow(struct hub *h, const char *why);
int hub_overrides_restore(struct hub *h) WARN_UNUSED;
void hub_overrides_free(struct hub *h);

#endif
