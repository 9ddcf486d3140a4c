/*
 * hub_descent.h: before a push: what a spoke holds and the hub does not know (put there by hand,
 * drifted, or published before the hub lost its state) is asked for where it is the best base for
 * the job, so that only what differs is sent. What was learned is an index in part, which the
 * choice of bases and the planner find beside the others.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_DESCENT_H
#define SPOKESYNC_SCHEDULER_HUB_DESCENT_H

#include "scheduler/hub_state.h"

/*
 * Each: true: the spoke is being asked, inside the window and at its rate; hub_start_prepare()
 * follows, or the job's run ends with what the spoke said.
 */
/* Nothing lies at the path as far as is known, but the spoke still hashes: what is it? */
bool hub_descent_look(struct hub_job *x);
/* Bases were looked for, and they contain about so many percent of the content. */
bool hub_descent_begin(struct hub_job *x, unsigned covered);

/* What was found at the path beyond the inventory; NULL: nothing. */
const struct hash *hub_descent_found(const struct hub_job *x);
bool hub_descent_running(const struct hub_job *x);
void hub_descent_stop(struct hub_job *x); /* no byte from now on; what was learned stays */
void hub_descent_free(struct hub_job *x);
void hub_descent_reparent(struct hub_job *x, struct shaper_node *parent);
/* Its bytes so far join the job's. */
void hub_descent_account(struct hub_job *x);
/* "asking berlin what its copy of x.vhdx holds, 40 %"; "" while nothing is asked. */
const char *hub_descent_words(const struct hub_job *x, char *buf, size_t size);

#endif
