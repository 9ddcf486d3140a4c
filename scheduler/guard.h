/*
 * guard.h: why a file that nobody changes is still not to be taken: somebody has it open for
 * writing, a lock file lies beside it, or its own headers say that it is not whole.
 */
#ifndef SPOKESYNC_SCHEDULER_GUARD_H
#define SPOKESYNC_SCHEDULER_GUARD_H

#include <limits.h>

#include "policy/config.h"

/*
 * NULL, or the guard in words (static). To be asked when the time to settle is over only: the probe
 * for writers takes a lease for a moment, which a writer would have to wait for. A file that cannot
 * be opened is not guarded: what takes it says why it cannot.
 */
const char *guard_objects(int dirfd, const char *path, const struct group_cfg *g);
/* Does one of its lock files lie beside it? ret: its name. */
bool guard_locked(int dirfd, const char *path, const struct lockfiles *l, char ret[NAME_MAX + 1]);

#endif
