/*
 * window.h: is a policy open at t, at what rate, by which line, and until when.
 *
 * The state is a function of t alone, recomputed each time, never "now plus n hours". A window
 * belongs to the day it starts on and may cross midnight; where lines overlap the later line
 * of the file wins; a date line governs 00:00-24:00 local of its days, tails of overnight
 * windows included. Wall-clock rule at daylight-saving changes: t is turned into local time and
 * that is looked up, so a missing hour shortens a window and a repeated one lengthens it.
 */
#ifndef SPOKESYNC_POLICY_WINDOW_H
#define SPOKESYNC_POLICY_WINDOW_H

#include "policy/config.h"

struct window_state {
	bool open;
	uint64_t rate;			/* bytes/s in force while open */
	const struct window_line *line; /* the deciding line; NULL: none covers t (closed) */
};

/* How far ahead edges are looked for, seconds. */
#define WINDOW_HORIZON ((int64_t)400 * 86400)
/* One whole week and the tail of its last day: after so long without an edge the weekly lines
 * are known to give none, and only what is rare can. */
#define WINDOW_TURN ((int64_t)8 * 86400)

/* zone: the policy's own, or for ZONE_SPOKE the spoke's; never NULL here. */
void window_at(const struct policy *p, const struct zone *zone, struct wall t,
	       struct window_state *ret);
/* First t' > t at which open or rate differs from what holds at t; WALL_NEVER if none in 400 days.
 */
struct wall window_next_edge(const struct policy *p, const struct zone *zone, struct wall t);

/* A time at which a policy may change, and need not; rare: by a date or by the zone's offset. */
struct window_look {
	struct wall at;
	bool rare;
};
/* The first such time after t, or the first rare one; WALL_NEVER: none is known. */
struct window_look window_next_look(const struct policy *p, const struct zone *zone, struct wall t,
				    bool rare);

#endif
