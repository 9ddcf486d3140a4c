/*
 * spoke_local.h: what happens in a spoke's group directory without the hub: noticed (inotify as a
 * hint, the scan as the truth, a scrub for bytes that changed by themselves), compared with what
 * the hub published, told in the inventory, the job log and status.
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_LOCAL_H
#define SPOKESYNC_SCHEDULER_SPOKE_LOCAL_H

#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"

/* A file was hashed: f has its path, root, identity and mode. Recorded as what lies there. */
int spoke_local_found(struct spoke_group *g, struct spoke_file *f) WARN_UNUSED;
/* What was there is gone, or cannot be read. */
int spoke_local_lost(struct spoke_group *g, const char *path, enum wire_local why) WARN_UNUSED;
/* Is this path in the hands of a publication right now? Then it is that one's to record. */
bool spoke_publishing(const struct spoke_group *g, const char *path);

/* Watches the directories of the last scan; begins or ends as the group does. */
void spoke_local_watch(struct spoke_group *g, char *const *dirs, size_t n);
void spoke_local_unwatch(struct spoke_group *g);

#endif
