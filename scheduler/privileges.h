/*
 * privileges.h: what a daemon that root started gives up before it does anything else. Under the
 * systemd unit, which leaves it less than this, there is nothing to give up.
 */
#ifndef SPOKESYNC_SCHEDULER_PRIVILEGES_H
#define SPOKESYNC_SCHEDULER_PRIVILEGES_H

#include "policy/base.h"

/*
 * For this process and all that it starts: no program gives new rights (set-user-ID, file
 * capabilities), and of root's capabilities remain those that replication uses. Before the first
 * thread. 0; -errno: some of it is still there, and e says what.
 */
int privileges_drop(struct err *e) WARN_UNUSED;

#endif
