/*
 * trust.h: may the extents of a volume be believed? They say which blocks of a new file need not be
 * read since they lie where an older version's lie (transfer/extents.h). Part of what is taken on
 * that ground is read all the same, at random places. One block that is another than it should be
 * ends the trust for its whole volume: a filesystem that lied once is not asked again.
 *
 * The end of trust is a file, .spokesync/distrust-extents, in each group on that volume. It
 * outlives the daemon, its state and reboots; whoever has found the cause (a kernel, a disk)
 * removes it.
 *
 * And trust does not last: what is taken from a base is as old as the last time that all of it was
 * read, through however many bases. After a week a file is read whole again.
 */
#ifndef SPOKESYNC_SCHEDULER_TRUST_H
#define SPOKESYNC_SCHEDULER_TRUST_H

#include "scheduler/hub_state.h"

#define TRUST_MARK "distrust-extents"

/* Reads the mark of the group's directory, which is open. */
void trust_load(struct hub_group *g);
/* NULL: they may; else why not. Any group on the same volume counts. */
const char *trust_refused(const struct hub_group *g);
/* what: which block of which file. Logs it and marks all groups on the volume. */
void trust_lost(struct hub_group *g, const char *what);
/* Was all of it read lately? Not if that was in what is the future now. */
bool trust_lasts(struct wall read, struct wall now);

#endif
