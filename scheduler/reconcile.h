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
/* Deletions wait for what may replace them, and for the rest of their set: that may be over, and is
 * looked at in this turn (reconcile_turn). */
void reconcile_deletions(struct inventory *s);
/* A publication at path was refused: where a file has become a directory, or a directory a file,
 * what was deleted there does not wait for what replaces it. */
void reconcile_in_way(struct inventory *s, const char *path);
/* May what was found gone disappear there, since a file of its content takes its place? */
bool reconcile_may_rename(const struct inventory *s, const struct hub_version *gone);
/* Same for every spoke of a group: something there settled. */
void reconcile_group_deletions(struct hub_group *g);
/* Once a turn, when it is known what is a set: the deletions that may go now. Returns when the next
 * delete_grace is over. */
struct mono reconcile_turn(struct hub *h, struct now now);

#endif
