/*
 * hub_log.h: what the hub writes down of its work: the daemon's messages, and the job log: an event
 * for each step of a job, of a file, a spoke, a group, an override, and one summary a run.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_LOG_H
#define SPOKESYNC_SCHEDULER_HUB_LOG_H

#include "scheduler/hub_state.h"
#include "scheduler/joblog.h"
#include "transfer/descent.h"
#include "transfer/index_build.h"

void hub_log_job(const struct hub_job *x, enum event event);
void hub_log_changed(const struct hub_job *x, const struct action *a); /* by its new state */
/* It will miss its deadline, or no longer will. */
void hub_log_late(const struct hub_job *x, struct wall deadline);
/* The other spokes have published its set, and did not wait for its own, which is down. */
void hub_log_left(const struct hub_job *x);
void hub_log_summary(const struct hub_job *x);
/* What was learned of a content that lies there, at a path, and was not known here. */
void hub_log_descent(const struct hub_job *x, const char *path, const struct hash *base,
		     uint64_t size, const struct descent_stats *s, const char *why);
void hub_log_version(const struct hub_version *hv, enum event event);
void hub_log_indexed(const struct hub_version *hv, const struct index_facts *facts);
void hub_log_group(const struct hub_group *g, enum event event, const char *text);
/* EVENT_DRIFT: what was done there without the hub; EVENT_DRIFT_OVER: it is as it should be. */
void hub_log_drift(struct inventory *inv, const char *path, enum event event, const char *what,
		   const char *why);
void hub_log_spoke(const struct hub_spoke *s, enum event event, const char *text);
/* why: "ended by itself", ... or NULL */
void hub_log_override(struct hub *h, enum event event, const struct override *o, const char *why);

#endif
