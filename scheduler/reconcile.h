/*
 * reconcile.h: what the hub has against what a spoke lists: the jobs that are wanted. Idempotent:
 * it may be asked at any time, and adds only what is missing.
 */
#ifndef SPOKESYNC_SCHEDULER_RECONCILE_H
#define SPOKESYNC_SCHEDULER_RECONCILE_H

#include "scheduler/hub_state.h"

/* One version for every spoke of its group. */
void reconcile_version(struct hub_version *hv);
/* Everything of one group for one spoke (its inventory was read, or it is new in the group). */
void reconcile_inventory(struct inventory *s);
/* Deletions that waited for what may replace them. */
void reconcile_deletions(struct inventory *s);
/* A publication at path was refused: where a file has become a directory, or a directory a file,
 * what was deleted there does not wait for what replaces it. */
void reconcile_in_way(struct inventory *s, const char *path);
/* Same for every spoke of a group: something there settled. */
void reconcile_group_deletions(struct hub_group *g);
/* Deletions whose delete_grace is over; returns when the next one is. */
struct mono reconcile_due(struct hub *h, struct now now);

#endif
