/*
 * hub_canary.h: the hub's side of a probe's file (canary.h): written, found in the catalog,
 * removed.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_CANARY_H
#define SPOKESYNC_SCHEDULER_HUB_CANARY_H

#include "scheduler/hub.h"
#include "scheduler/scan.h"

/* 0, or -errno with e. */
int hub_canary_put(struct hub *h, const char *group, const char *name, const char *text,
		   struct err *e) WARN_UNUSED;
/* Its version, once it is catalogued; a reference, or NULL. */
struct version *hub_canary_version(struct hub *h, const char *group, const char *name);
void hub_canary_drop(struct hub *h, const char *group, const char *name);
/* Of a scan: one that an earlier run of the daemon left behind goes. */
struct hub_group;
void hub_canary_sweep(struct hub_group *g, const struct scan_entry *e);

#endif
