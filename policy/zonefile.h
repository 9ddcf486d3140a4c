/*
 * zonefile.h: the file of a time zone in the machine's database (TZDIR, else /usr/share/zoneinfo):
 * where it is, in which state, and whether it is whole. What is in it is zone.c's to ask.
 */
#ifndef SPOKESYNC_POLICY_ZONEFILE_H
#define SPOKESYNC_POLICY_ZONEFILE_H

#include "policy/base.h"

#define ZONEFILE_NAME 63
#define ZONEFILE_PATH 512

/* What an update changes. All zeros: no file. */
struct zonefile_stamp {
	uint64_t device, inode, size;
	int64_t s, ns;
};

/* False where there is no zone of that name. "UTC" needs no file: path "". */
bool zonefile_find(const char *name, char path[ZONEFILE_PATH], struct zonefile_stamp *ret);
/* The zone of the database that a wrong name was probably meant to be: "" where none is near. */
const char *zonefile_nearest(const char *wrong, char name[ZONEFILE_NAME + 1]);
/* A TZif file (RFC 8536) as long as its counts say; not one that is just being written. */
bool zonefile_whole(const char *path);

#endif
