/*
 * rights.c: see rights.h.
 */
#include "scheduler/rights.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define GROUPS_MAX 256

enum command_right rights_of(const struct rights_peer *peer, uid_t daemon_uid)
{
	if (peer->uid == 0 || peer->uid == daemon_uid)
		return RIGHT_CHANGE;
	return peer->in_group ? RIGHT_READ : RIGHT_NONE;
}

bool rights_in_group(uid_t uid, gid_t gid, gid_t wanted)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;
	struct passwd *pw;

	if (gid == wanted)
		return true;
	pw = getpwuid(uid);
	if (!pw || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++) {
		if (groups[i] == wanted)
			return true;
	}
	return false;
}

const char *rights_name(uid_t uid, char *buf, size_t size)
{
	struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(buf, size, "uid %u (%.64s)", (unsigned)uid, pw->pw_name);
	else
		snprintf(buf, size, "uid %u", (unsigned)uid);
	return buf;
}
