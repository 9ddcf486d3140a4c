/*
 * hub_old.h: the hub's old bytes: where those of a content are, as long as any version has them.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_OLD_H
#define SPOKESYNC_SCHEDULER_HUB_OLD_H

#include "scheduler/hub_state.h"

/* A bundle_base_fn; arg: the hub. 0 and a descriptor, or -ENOENT. */
int hub_old_bytes(void *arg, const struct hash *root, int *ret_fd);

#endif
