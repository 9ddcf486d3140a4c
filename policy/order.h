/*
 * order.h: who is next, of two that may both start: what would miss its deadline, the earliest
 * first; priority; then the spoke that has least of what its weight entitles it to; then age. Pure,
 * and a strict order: of two different keys exactly one goes first.
 */
#ifndef SPOKESYNC_POLICY_ORDER_H
#define SPOKESYNC_POLICY_ORDER_H

#include "policy/base.h"

struct order_key {
	uint32_t
		urgent; /* the deadline that it would miss otherwise, minutes since 1970; 0: none */
	int priority;	/* larger first */
	unsigned running; /* transfers that run to its spoke */
	unsigned weight;  /* of its spoke; 1 or more */
	uint64_t size;	  /* bytes still to send; not weighed yet, so that a stream of small files
			   * cannot hold up a large one for ever */
	uint64_t age;	  /* smaller is older: the job's id */
};

/* Is deadline a, of jobs that would miss it, before b? 0, none, is after all. */
bool order_sooner(uint32_t a, uint32_t b);
bool order_before(const struct order_key *a, const struct order_key *b);

#endif
