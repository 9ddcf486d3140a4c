/*
 * explain.h: a verdict of rate.h or filter.h in words for people, each line with the place in the
 * files that decided.
 */
#ifndef SPOKESYNC_POLICY_EXPLAIN_H
#define SPOKESYNC_POLICY_EXPLAIN_H

#include "policy/filter.h"
#include "policy/rate.h"

typedef void explain_fn(void *arg, const char *line);

/* The chain of this group on this spoke: what it comes to, then each limit on the way. Times are in
 * the zone of the governing policy (facts->spoke_zone where that is the spoke's). */
struct explain_rate {
	const struct config *config;
	const struct rate_facts *facts;
	const struct spoke_cfg *spoke;
	const struct group_cfg *group;
	struct now now;
};
void explain_rate(const struct explain_rate *x, explain_fn *fn, void *arg);
/* Whether a path below the group takes part, and by which line. */
void explain_path(const struct group_cfg *g, const char *path, explain_fn *fn, void *arg);

#endif
