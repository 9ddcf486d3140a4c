/*
 * forward_impl.h: the inside of the run forward, shared by forward.c (the run), forward_copy.c (the
 * copy of the core) and forward_rate.c (who gets how much).
 */
#ifndef SPOKESYNC_SCHEDULER_FORWARD_IMPL_H
#define SPOKESYNC_SCHEDULER_FORWARD_IMPL_H

#include "scheduler/core_impl.h"
#include "scheduler/forward.h"

struct forward_job {
	struct job *real, *job; /* job: of the copy; NULL: it does not move by itself */
	double left, before;	/* bytes: still to send; that were left when this move began */
	double rate;		/* bytes a second, now */
	uint64_t moved;
	struct wall from, done;
	bool unknown, known; /* no rate is known; the configuration has a place for it */
};

struct forward {
	const struct forward_run *run;
	struct core *core;
	struct now now;
	struct forward_job *jobs;
	size_t n_jobs, left; /* left: not published yet */
	struct forward_job **active;
	size_t n_active;
	uint64_t steps;
};

void forward_copy(struct forward *f, const struct core *c);
void forward_free(struct forward *f);
void forward_begin(struct forward *f, struct forward_job *x); /* its transfer runs from now on */
void forward_rates(struct forward *f); /* of all that run; 0: nothing limits, nothing is known */

#endif
