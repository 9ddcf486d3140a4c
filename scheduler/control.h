/*
 * control.h: the control socket: who may connect, what they may do, and the way from a request to
 * its handler. Commands are rows of command.h; rights are checked here, before any handler runs.
 */
#ifndef SPOKESYNC_SCHEDULER_CONTROL_H
#define SPOKESYNC_SCHEDULER_CONTROL_H

#include <sys/types.h>

#include "policy/base.h"
#include "scheduler/command.h"

struct control;
struct daemon;

int control_new(struct daemon *d, struct control **ret, struct err *e) WARN_UNUSED;
struct control *control_free(struct control *c);

/* Who connects, as far as rights go. */
struct control_peer {
	uid_t uid;
	bool in_group; /* of the configured control_group */
};
/* What a peer may do: root and the daemon's own user change, the group reads, others nothing. */
enum command_right control_right(const struct control_peer *peer, uid_t daemon_uid);
/* Is the user a member (first or further) of that group? */
bool control_in_group(uid_t uid, gid_t gid, gid_t wanted);

#endif
