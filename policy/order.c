/*
 * order.c: the one comparison behind every choice between jobs of different spokes.
 */
#include "policy/order.h"

bool order_sooner(uint32_t a, uint32_t b)
{
	/* 0, which is none, becomes the latest of all. */
	return a - 1 < b - 1;
}

bool order_before(const struct order_key *a, const struct order_key *b)
{
	uint64_t share_a = (uint64_t)a->running * b->weight;
	uint64_t share_b = (uint64_t)b->running * a->weight;

	if (a->urgent != b->urgent)
		return order_sooner(a->urgent, b->urgent);
	if (a->priority != b->priority)
		return a->priority > b->priority;
	/* running / weight, compared without dividing. */
	if (share_a != share_b)
		return share_a < share_b;
	return a->age < b->age;
}
