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

/* The job is over: transfers on the spoke that nobody goes on with are dropped there. */
void hub_start_forget(struct hub_job *x);

/*
 * The zstd level for this rate in force. fast (3) above 200 Mbit/s: one core makes about 2 Gbit/s
 * of it, level 9 a quarter of that. Below, the network is what is short, and 9 sends 3-5 % less.
 */
int hub_start_effort(uint64_t rate);

#endif
