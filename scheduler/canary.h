/*
 * canary.h: the name of a probe's file. It passes the filters and settles at once, its deletion
 * waits for nothing and leaves nothing in preserved/, and no hook is told of it. It belongs to no
 * set, and waits for no other spoke.
 */
#ifndef SPOKESYNC_SCHEDULER_CANARY_H
#define SPOKESYNC_SCHEDULER_CANARY_H

#include <string.h>

#include "policy/base.h"

#define CANARY_PREFIX ".spokesync-probe-"

static inline bool canary_is(const char *path)
{
	return !strncmp(path, CANARY_PREFIX, strlen(CANARY_PREFIX)) && !strchr(path, '/');
}

#endif
