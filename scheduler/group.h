/*
 * group.h: a group's directory on the hub: opened and checked by its mark, and watched. A directory
 * that is missing, empty without its mark, or on another device than before stops the group with a
 * reason; nothing is ever deleted on that ground.
 */
#ifndef SPOKESYNC_SCHEDULER_GROUP_H
#define SPOKESYNC_SCHEDULER_GROUP_H

#include "scheduler/hub_state.h"

/* Makes it known; nothing on disk is looked at before group_begin(). */
struct hub_group *group_new(struct hub *h, const struct group_cfg *cfg);
/* It is no group any more; versions that jobs still hold keep the bare structure. */
void group_remove(struct hub_group *g);
void group_cancel(struct hub_group *g); /* the daemon stops: scan and indexing end soon */
void group_ref(struct hub_group *g);
void group_unref(struct hub_group *g);
void group_begin(struct hub_group *g); /* opens, watches, scans for the first time */
/* A new configuration: other filter, times, path. */
void group_update(struct hub_group *g, const struct group_cfg *cfg);
/* Its directory is open, and is the one that was catalogued; or -ENXIO, and problem says why. */
int group_ready(struct hub_group *g) WARN_UNUSED;
/* The path leads elsewhere than our descriptor: unmounted, mounted over, or exchanged. */
bool group_moved(const struct hub_group *g);
void group_close(struct hub_group *g);
void group_stop(struct hub_group *g, const char *why); /* said once */
void group_go_on(struct hub_group *g);
/* It is no group any more; versions that jobs still hold keep the bare structure. */
void group_remove(struct hub_group *g);
void group_cancel(struct hub_group *g); /* the daemon stops: scan and indexing end soon */
void group_ref(struct hub_group *g);
void group_unref(struct hub_group *g);
void group_begin(struct hub_group *g); /* opens, watches, scans for the first time */
/* A new configuration: other filter, times, path. */
void group_update(struct hub_group *g, const struct group_cfg *cfg);

#endif
