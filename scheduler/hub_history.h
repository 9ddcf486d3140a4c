/*
 * hub_history.h: what the hub counts and what it remembers of what went wrong, for `report`.
 * Written in the transaction of the step that is counted, so that a crash counts nothing twice.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_HISTORY_H
#define SPOKESYNC_SCHEDULER_HUB_HISTORY_H

#include "scheduler/db_history.h"
#include "scheduler/hub_state.h"

/* With the job's row: what its counters have grown by since the last one. */
void hub_history_progress(struct hub_job *x, const struct job_counters *c);
void hub_history_ended(struct hub_job *x);   /* the run is over */
void hub_history_started(struct hub_job *x); /* a push: in a window that was not used yet? */
/* path, spoke, group: NULL where it has none. */
void hub_history_mishap(struct hub *h, const struct mishap *m);
void hub_history_over(struct hub *h, const char *what, const char *spoke, const char *group);

#endif
