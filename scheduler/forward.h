/*
 * forward.h: the core run forward in virtual time from the queue of now: what will move when, and
 * when each job will be done. A copy of the core is driven as the daemon drives the real one:
 * the same pass, slots, priorities, windows and overrides; transfers are straight lines at the
 * rates in force, shared by weight as the shaper shares them.
 *
 * What cannot be foreseen is left out: spokes that are down stay down, nothing new appears, what
 * waits for a change at its spoke goes on waiting. The real core is not touched.
 */
#ifndef SPOKESYNC_SCHEDULER_FORWARD_H
#define SPOKESYNC_SCHEDULER_FORWARD_H

#include "scheduler/core.h"

/* One transfer without a break, of a job of the real core. */
struct forward_move {
	const struct job *job;
	struct wall from, to;
	struct wall opened; /* since when it was open there; the time of the run's start at most */
	uint64_t bytes;
	bool done; /* all of it is there */
};

/* How a job of the real core fares. */
struct forward_end {
	struct job *job;
	struct wall eta;      /* WALL_NEVER: its window never opens; {0}: not to be foreseen */
	struct wall deadline; /* WALL_NEVER: none */
	bool late, known;     /* known: the configuration of the run has its spoke and group */
	unsigned windows;     /* that it uses from now on */
	uint64_t done;	      /* bytes, at the end of the run */
};

struct forward_run {
	struct config *cfg; /* another configuration; NULL: that in force */
	struct wall until;  /* the run's end; {0}: when nothing is left to do, or 400 days on */
	uint64_t steps;	    /* passes at most; 0: no limit but time */
	void (*move)(void *arg, const struct forward_move *m); /* or NULL */
	void (*end)(void *arg, const struct forward_end *e);   /* once for each unfinished job */
	void *arg;
};

/* 0, or -EOVERFLOW where the steps did not suffice (then no end was told). */
int forward_run(const struct core *c, const struct forward_run *run, struct now now) WARN_UNUSED;

#endif
