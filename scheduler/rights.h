/*
 * rights.h: what a peer of the control socket may do: root and the daemon's own user change,
 * members of the configured group read, others nothing.
 */
#ifndef SPOKESYNC_SCHEDULER_RIGHTS_H
#define SPOKESYNC_SCHEDULER_RIGHTS_H

#include <sys/types.h>

#include "scheduler/command.h"

struct rights_peer {
	uid_t uid;
	bool in_group; /* of the configured control_group */
};

enum command_right rights_of(const struct rights_peer *peer, uid_t daemon_uid);
/* Is the user, whose first group is gid, a member (first or further) of that group? */
bool rights_in_group(uid_t uid, gid_t gid, gid_t wanted);
/* "uid 1000 (anna)" for logs and audits. Returns buf. */
const char *rights_name(uid_t uid, char *buf, size_t size);

#endif
