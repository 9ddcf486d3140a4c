/*
 * greetings.h: whose greeting may begin. So many at a time, as of hundreds that begin at once a
 * busy machine brings none to an end in time. A spoke that is gone holds its place until it times
 * out: those that did not answer the last time never have all places, and within each kind they
 * come in the order in which they asked. So however many are gone, the others are greeted, and
 * those too.
 */
#ifndef SPOKESYNC_SCHEDULER_GREETINGS_H
#define SPOKESYNC_SCHEDULER_GREETINGS_H

#include <sys/queue.h>

#include "policy/base.h"

#define GREETINGS_MAX	 64u
#define GREETINGS_SILENT 48u /* of these, to spokes that did not answer the last time */

/* Embedded in a spoke; zero: neither waits nor is greeted. */
struct greet_turn {
	enum { TURN_NONE, TURN_WAITS, TURN_RUNS } state;
	bool silent;
	TAILQ_ENTRY(greet_turn) entry;
};
TAILQ_HEAD(greet_turns, greet_turn);

struct greetings {
	unsigned running, silent;
	struct greet_turns waiting, waiting_silent;
};

void greetings_init(struct greetings *g);
/* Nothing where it waits or runs already. */
void greetings_ask(struct greetings *g, struct greet_turn *t, bool silent);
/* Who begins now, or NULL. To be asked until nobody does. */
struct greet_turn *greetings_next(struct greetings *g);
/* Came to an end, or is not wanted any more. */
void greetings_end(struct greetings *g, struct greet_turn *t);

#endif
