/*
 * override.h: a time-boxed exception to the windows, as a value; and which one governs.
 *
 * Scopes: all (spoke and group NULL), a spoke, a group, a spoke x group. A pause that covers a
 * (spoke, group) closes it; else a sync-now that covers it opens it and stands in place of the
 * hub's and the spoke's or group's policy; the narrowest, then the latest, decides its rate.
 */
#ifndef SPOKESYNC_POLICY_OVERRIDE_H
#define SPOKESYNC_POLICY_OVERRIDE_H

#include "policy/base.h"

enum override_kind { OVERRIDE_SYNC_NOW, OVERRIDE_PAUSE };

struct override {
	uint64_t id; /* grows: a later one on the same scope replaces the earlier */
	enum override_kind kind;
	char *spoke, *group; /* NULL: any */
	uint64_t rate;	     /* sync-now: bytes/s, RATE_UNLIMITED: the spoke's and hub's only */
	struct wall since;
	struct wall until;	 /* by the calendar, and ... */
	struct mono until_mono;	 /* ... never longer than asked by the monotonic clock */
	uint64_t until_sync_seq; /* 0, or: ends when versions catalogued up to here are in sync */
	struct mono held_until;	 /* but not before, though they are */
	char *who;		 /* "uid 1000 (anna)" */
	char *why;		 /* --reason, or NULL */
};

bool override_covers(const struct override *o, const char *spoke, const char *group);
/* Its end on the calendar, the monotonic bound reckoned from now; WALL_NEVER: none. */
struct wall override_end(const struct override *o, struct now now);
bool override_ended(const struct override *o, struct now now);
/* The one that governs (spoke, group) now, or NULL: the policy decides. */
const struct override *override_governing(const struct override *list, size_t n, const char *spoke,
					  const char *group, struct now now);

#endif
