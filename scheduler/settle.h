/*
 * settle.h: is a file whole? Pure: what was seen of it and now in, a verdict out.
 *
 * A file has settled when size, mtime and ctime (its identity) did not change for the group's
 * `settle`, and at the end of that time no guard objected (guard.h). A path that is gone settles
 * too: a name that is missing for a moment, as while another file is renamed over it, is no
 * deletion.
 *
 * What a guard holds is looked at again after `settle`, then after twice that, and so on up to
 * SETTLE_RELOOK: an image may be in use for days. A hint that something happened brings the next
 * look forward, but never to less than `settle` after the last.
 */
#ifndef SPOKESYNC_SCHEDULER_SETTLE_H
#define SPOKESYNC_SCHEDULER_SETTLE_H

#include "scheduler/guard.h"
#include "transfer/source.h"

#define SETTLE_RELOOK (300 * SECOND_US)

enum settle_verdict {
	SETTLE_CHANGING, /* it differs from what was seen before: the time starts anew */
	SETTLE_WAITING,	 /* unchanged, but not yet for long enough */
	SETTLE_HELD,	 /* for long enough, but a guard objects: the time starts anew */
	SETTLE_DONE,
};

struct settle {
	bool any;		  /* something was seen at all */
	bool gone;		  /* that it is not there */
	const struct guard *held; /* where the last look at the guards said so */
	unsigned times;		  /* in a row */
	struct identity seen;
	struct mono since; /* unchanged since */
};

/* What one look at the path brought. */
struct settle_look {
	bool gone;
	struct identity identity;
	bool asked;		   /* the guards, which is done when the time is over only */
	const struct guard *guard; /* what they say; NULL: nothing objects */
};

/* *ret_due: when to look again (DONE: now). */
enum settle_verdict settle_look(struct settle *s, const struct settle_look *look, int64_t settle_us,
				struct mono now, struct mono *ret_due);
/* Would the time be over, if nothing changed? Then the caller asks the guards first. */
bool settle_due(const struct settle *s, int64_t settle_us, struct mono now);
/* Starts the time anew, whatever was seen (the file changed while it was read). */
void settle_restart(struct settle *s, struct mono now);
const char *settle_words(const struct settle *s); /* why it is not taken yet */

#endif
