/*
 * hub_verify.h: a spoke is asked to read contents of a group again, and looked at until it has: at
 * growing intervals, since it may take hours. Then it is greeted, so that what was found is known
 * here as drift.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_VERIFY_H
#define SPOKESYNC_SCHEDULER_HUB_VERIFY_H

#include "scheduler/hub.h"

struct hub_verify;

/* v NULL: it could not be; text says why. Called once; the object is gone after it. */
typedef void hub_verify_fn(void *arg, const struct wire_verified *v, const char *text);

/* path NULL: all of the group. NULL: there is no such spoke. */
struct hub_verify *hub_verify_start(struct hub *h, const char *spoke, const char *group,
				    const char *path) WARN_UNUSED;
void hub_verify_on_done(struct hub_verify *x, hub_verify_fn *done, void *arg);
/* How far it is, now and then until it is done. rate: bytes/s since it began, 0: not known yet. */
typedef void hub_verify_progress_fn(void *arg, const struct wire_verified *v, uint64_t rate);
void hub_verify_on_progress(struct hub_verify *x, hub_verify_progress_fn *progress);
/* Nobody waits any more: the spoke reads on, and done() is not called. */
void hub_verify_leave(struct hub_verify *x);

/* What drifted is repaired though the configuration only reports it. Returns how many. */
unsigned hub_drift_repair(struct hub *h, const char *spoke, const char *group, const char *path);

#endif
