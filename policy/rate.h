/*
 * rate.h: the chain hub -> spoke -> (spoke, policy): open or closed now, each limit on the way
 * and the line that set it, the least of them, and until when this holds.
 */
#ifndef SPOKESYNC_POLICY_RATE_H
#define SPOKESYNC_POLICY_RATE_H

#include "policy/config.h"
#include "policy/override.h"
#include "policy/window.h"

enum rate_reason {
	RATE_OPEN,
	RATE_WINDOW,	 /* the spoke's or group's policy is closed */
	RATE_HUB_WINDOW, /* the hub's policy is closed */
	RATE_PAUSED,	 /* an override closes it */
	RATE_ZONE,	 /* timezone = spoke, and the spoke was never reached */
};

struct rate_facts {
	const struct zone *spoke_zone; /* as last reported; NULL: never */
	const struct override *overrides;
	size_t n_overrides;
	bool now_only; /* opens is not wanted: looking for it costs the most */
};

struct rate_chain {
	bool open;
	enum rate_reason reason;
	uint64_t hub;	 /* bytes/s: [daemon] rate and the hub policy's window together */
	uint64_t spoke;	 /* [spoke] rate */
	uint64_t policy; /* the window's rate, or the override's --rate */
	uint64_t least;
	/* First time at which anything above may differ: an override's end while one governs (what
	 * the policies below it do until then does not count), else the next edge. */
	struct wall until;
	struct wall opens; /* closed: when it opens by the policies; WALL_NEVER: not foreseeable */
	const struct policy *hub_policy, *governing; /* NULL: none */
	struct window_state hub_window, window;
	const struct override *override; /* the one that governs, or NULL */
};

void rate_in_force(const struct config *c, const struct rate_facts *facts,
		   const struct spoke_cfg *s, const struct group_cfg *g, struct now now,
		   struct rate_chain *ret);
const char *rate_reason_word(enum rate_reason r); /* "window", "hub-window", "paused", "zone" */

#endif
