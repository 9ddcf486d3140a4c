/*
 * order.c: the one comparison behind every choice between jobs of different spokes.
 */
#include "policy/order.h"

bool order_before(const struct order_key *a, const struct order_key *b)
{
	uint64_t share_a = (uint64_t)a->running * b->weight;
	uint64_t share_b = (uint64_t)b->running * a->weight;

	if (a->urgent != b->urgent)
		return a->urgent;
	if (a->priority != b->priority)
		return a->priority > b->priority;
	/* running / weight, compared without dividing. */
	if (share_a != share_b)
		return share_a < share_b;
	return a->age < b->age;
}
