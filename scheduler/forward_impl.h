/*
 * forward_impl.h: the inside of the run forward, shared by forward.c (the run), forward_copy.c (the
 * copy of the core), forward_rate.c (who gets how much) and forward_sets.c (who waits for whom).
 */
#ifndef SPOKESYNC_SCHEDULER_FORWARD_IMPL_H
#define SPOKESYNC_SCHEDULER_FORWARD_IMPL_H

#include "scheduler/core_impl.h"
#include "scheduler/forward.h"
#include "scheduler/strmap.h"

struct forward_job {
	struct forward_who who;
	struct job *job;     /* of the copy; NULL: it does not move by itself */
	double left, before; /* bytes: still to send; that were left when this move began */
	double rate;	     /* bytes a second, now */
	uint64_t had, moved; /* bytes there at the beginning, and since */
	struct wall from, done, deadline; /* deadline: where it does not move */
	bool held; /* with its set, on the hub: sent, and published nobody knows when */
	/* What of its set it goes with, or NULL; and when its spoke will be left behind. */
	struct forward_set *files, *deletions, *everywhere;
	struct wall left_at;
	bool unknown, known; /* no rate is known; the configuration has a place for it */
};

enum forward_phase { FORWARD_COPY, FORWARD_DEADLINES, FORWARD_DRIVE, FORWARD_GATHER, FORWARD_TELL };

struct forward {
	struct forward_run run;
	enum forward_phase phase;
	const struct core *real; /* while it is being copied */
	struct config *base;	 /* the real one's; a reference */
	struct core *core;
	struct now now;
	struct mono stop;
	struct forward_job *jobs;
	uint64_t *ids;	     /* to be copied */
	size_t n_ids, next;  /* next: of ids, then of jobs to be told */
	size_t n_jobs, left; /* left: not published yet */
	unsigned spins;
	struct strmap sets; /* forward_sets.c */
	struct forward_job **active;
	size_t n_active;
	uint64_t steps;
};

void forward_copy_begin(struct forward *f);		      /* all but the jobs that wait */
bool forward_copy_some(struct forward *f);		      /* false: all are there */
void forward_begin(struct forward *f, struct forward_job *x); /* its transfer runs from now on */
void forward_rates(struct forward *f); /* of all that run; 0: nothing limits, nothing is known */

/* forward_sets.c: while they are copied; what is known of each; what follows for each; the end. */
void forward_set_join(struct forward *f, struct forward_job *x, const struct job *real);
void forward_set_gather(struct forward_job *x, const struct forward_end *e);
void forward_set_put_off(const struct forward *f, const struct forward_job *x,
			 struct forward_end *e);
void forward_sets_free(struct forward *f);

#endif
