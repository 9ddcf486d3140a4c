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

/* zone: the policy's own, or for ZONE_SPOKE the spoke's; never NULL here. */
void window_at(const struct policy *p, const struct zone *zone, struct wall t,
	       struct window_state *ret);
/* First t' > t at which open or rate differs from what holds at t; WALL_NEVER if none in 400 days.
 */
struct wall window_next_edge(const struct policy *p, const struct zone *zone, struct wall t);

#endif
