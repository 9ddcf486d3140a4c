/*
 * forward.h: the core run forward in virtual time from the queue of now: what will move when, and
 * when each job will be done. A copy of the core is driven as the daemon drives the real one:
 * the same pass, slots, priorities, windows and overrides; transfers are straight lines at the
 * rates in force, shared by weight as the shaper shares them. A job of a set ends with the last
 * that its set waits for.
 *
 * What cannot be foreseen is left out: spokes that are down stay down, nothing new appears, what
 * waits for a change at its spoke goes on waiting. The real core is not touched.
 *
 * A run over a very large queue takes seconds: it goes in steps of at most some milliseconds, so
 * that a loop can do other things in between. The queue is that of the first step; what ends or is
 * forgotten while the copy is being made is left out.
 */
#ifndef SPOKESYNC_SCHEDULER_FORWARD_H
#define SPOKESYNC_SCHEDULER_FORWARD_H

#include "scheduler/core.h"

/* A job of the real core, as it was when it was copied: it may be gone by now. */
struct forward_who {
	uint64_t id;
	struct version *version; /* borrowed */
	const char *spoke;
	enum job_kind kind;
	uint64_t total; /* bytes, as far as known */
	unsigned waits;
	bool up; /* its spoke */
};

/* One transfer without a break, of some bytes or some time. */
struct forward_move {
	const struct forward_who *job;
	struct wall from, to;
	struct wall opened; /* since when it was open there; the time of the run's start at most */
	uint64_t bytes;
	bool done; /* all of it is there */
};

/* How a job fares. */
struct forward_end {
	const struct forward_who *job;
	struct wall eta; /* WALL_NEVER: its window does not open in time; {0}: not to be foreseen */
	struct wall deadline; /* WALL_NEVER: none */
	bool late, known;     /* known: the configuration of the run has its spoke and group */
	bool held;	      /* its set is, on the hub */
	bool unknown;	      /* no rate is known at which it would go */
	/* A file and its spoke: its set waits for that, and eta is its; NULL: for none. During the
	 * call-back only. */
	const char *after, *after_spoke;
	unsigned windows; /* that it uses from now on */
	uint64_t done;	  /* bytes, at the end of the run */
};

struct forward_run {
	struct config *cfg; /* another configuration; NULL: that in force */
	struct wall until;  /* the run's end; {0}: when nothing is left to do, or 400 days on */
	uint64_t steps;	    /* passes at most; 0: no limit but time */
	void (*move)(void *arg, const struct forward_move *m); /* or NULL */
	void (*end)(void *arg, const struct forward_end *e);   /* once for each unfinished job */
	void *arg;
};

#define FORWARD_DAYS	  400 /* how far a run goes at most */
#define FORWARD_DAYS_TEXT "400 days"
#define FORWARD_STEP_JOBS 500 /* copied, or told the end of, in one step */

struct forward;
/* c has to stay until the copy is whole; *run is copied. */
struct forward *forward_new(const struct core *c, const struct forward_run *run,
			    struct now now) WARN_UNUSED;
/* 1: not done yet; 0: done, all was told; -EOVERFLOW: the passes did not suffice, no end was told.
 * One step is one pass of the copy at most. */
int forward_step(struct forward *f) WARN_UNUSED;
struct forward *forward_free(struct forward *f);
/* All steps at once: 0 or -EOVERFLOW. */
int forward_run(const struct core *c, const struct forward_run *run, struct now now) WARN_UNUSED;

#endif
