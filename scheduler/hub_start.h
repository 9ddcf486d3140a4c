/*
 * hub_start.h: one push of one job: bases are chosen on a worker, the push is started with them,
 * and its end becomes an outcome for the core.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_START_H
#define SPOKESYNC_SCHEDULER_HUB_START_H

#include "scheduler/hub_state.h"

void hub_start_push(struct hub_job *x);	   /* ACTION_START */
void hub_start_prepare(struct hub_job *x); /* bases are chosen (anew); for hub_descent.c */
void hub_start_stop(struct hub_job *x);	   /* ACTION_STOP */
void hub_start_cancel(struct hub_job *x);  /* at once, and the core is not told */

/* Does a job of this spoke, other than `but` (or NULL), bring this content, or build on it? */
bool hub_start_wants(const struct hub_spoke *s, const char *group, const struct hash *root,
		     const struct hub_job *but);
/* The job is over: transfers on the spoke that nobody goes on with are dropped there. */
void hub_start_forget(struct hub_job *x);

/*
 * The zstd level for this rate in force, and the one to fall back to where frames are not made as
 * fast as they are sent (0: none). Of 64 MiB of programs one core makes, as compressed: level 3
 * 600 Mbit/s (two run side by side), 9 105 Mbit/s and 11 % less, 19 4 Mbit/s and 25 % less; so at
 * 10 Mbit/s 19 is for what is small or goes to many.
 */
int hub_start_effort(uint64_t rate, int *ret_short);

#endif
