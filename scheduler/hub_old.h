/*
 * hub_old.h: the hub's old bytes: where those of a content are, and former versions that are kept
 * for them. A generation outlives its version as long as a spoke lists that content, so that the
 * next one under the same name can be compared with it byte by byte. All that is kept, together, is
 * held below `generations_max`; the oldest goes first.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_OLD_H
#define SPOKESYNC_SCHEDULER_HUB_OLD_H

#include "scheduler/hub_state.h"

/* A bundle_base_fn; arg: the hub. 0 and a descriptor, or -ENOENT. */
int hub_old_bytes(void *arg, const struct hash *root, int *ret_fd);
/* hv, which newer has replaced, is kept where it has a generation; takes a reference. */
void hub_old_keep(struct hub_version *hv, const struct hub_version *newer);
/* Lets go of those that needed() does not want any more. */
void hub_old_sweep(struct hub_group *g, bool (*needed)(void *arg, const struct hash *root),
		   void *arg);
void hub_old_each(struct hub_group *g, void (*fn)(void *arg, struct hub_version *hv), void *arg);
void hub_old_drop(struct hub_group *g); /* all of a group */

#endif
