/*
 * guard.h: why a file that nobody changes is still not to be taken: somebody has it open for
 * writing, a lock file lies beside it, or its own headers say that it is not whole. Each guard has
 * a name, what it saw, and what to do about it.
 */
#ifndef SPOKESYNC_SCHEDULER_GUARD_H
#define SPOKESYNC_SCHEDULER_GUARD_H

#include <limits.h>

#include "policy/config.h"
#include "transfer/container.h"

struct guard {
	const char *word;   /* "lock" */
	const char *says;   /* of guard_says() alone */
	const char *advice; /* a sentence or two */
};

/* Of an earlier look. */
struct guard_mark {
	bool blind; /* whether somebody has it open for writing could not be told */
	bool has;   /* what container_mark() read; false before there was one */
	uint8_t mark[CONTAINER_MARK];
};

/*
 * NULL, or the guard (static). To be asked when the time to settle is over only: the probe
 * for writers takes a lease for a moment, which a writer would have to wait for. A file that cannot
 * be opened is not guarded: what takes it says why it cannot. mark: of the look before; left as it
 * is now. ret_lock: the lock file's name, or "".
 */
const struct guard *guard_objects(int dirfd, const char *path, const struct group_cfg *g,
				  struct guard_mark *mark, char ret_lock[NAME_MAX + 1]);
/* Takes the mark anew, as a file begins to settle. */
void guard_mark_take(int dirfd, const char *path, struct guard_mark *ret);
/* Does one of its lock files lie beside it? ret: its name. */
bool guard_locked(int dirfd, const char *path, const struct lockfiles *l, char ret[NAME_MAX + 1]);
/* Where mark->blind: what that means, and what to do about it; sentences. */
extern const char guard_blind_text[];
const char *guard_says(const struct guard *g);		    /* "a lock file lies beside it" */
const struct guard *guard_of_fault(enum container_fault f); /* NULL: sound */

#endif
