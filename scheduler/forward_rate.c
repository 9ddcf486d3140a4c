/*
 * forward_rate.c: who gets how much of the rates in force, while a set of transfers runs: the hub's
 * rate is shared by weight between the spokes, a spoke's between its transfers; what one cannot
 * use goes to the others. The outcome of the shaper's bucket tree, without its packets.
 */
#include "scheduler/forward_impl.h"

#include <math.h>
#include <stdlib.h>

/* Somebody with a share. */
struct claim {
	const void *who; /* a spoke, a lane */
	double weight, most, gets;
	unsigned n; /* transfers behind it */
	bool settled;
};

static double limit(uint64_t rate)
{
	return rate == RATE_UNLIMITED ? INFINITY : (double)rate;
}

static struct claim *claim_of(struct claim *list, size_t *n, const void *who)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i].who == who)
			return &list[i];
	list[*n] = (struct claim){.who = who};
	return &list[(*n)++];
}

/* By weight, and nobody more than its most: those that reach it are settled, and the rest is shared
 * anew. */
static void divide(struct claim *list, size_t n, double rate)
{
	for (size_t round = 0; round <= n; round++) {
		double weights = 0, left = rate;
		bool again = false;

		for (size_t i = 0; i < n; i++)
			if (list[i].settled)
				left -= list[i].gets;
			else
				weights += list[i].weight;
		for (size_t i = 0; i < n; i++) {
			struct claim *k = &list[i];

			if (k->settled)
				continue;
			k->gets = isinf(left) ? k->most : MAX(left, 0) * k->weight / weights;
			if (k->gets >= k->most && !isinf(k->most)) {
				k->gets = k->most;
				k->settled = again = true;
			}
		}
		if (!again)
			return;
	}
}

/* The lanes of one spoke share what it gets, by their transfers. */
static void within_spoke(struct forward *f, const struct claim *spoke, struct claim *lanes)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_active; i++) {
		struct lane *l = f->active[i]->job->lane;
		struct claim *k;

		if (l->spoke != spoke->who)
			continue;
		k = claim_of(lanes, &n, l);
		k->most = limit(l->chain.policy);
		k->weight = ++k->n;
	}
	divide(lanes, n, spoke->gets);
	for (size_t i = 0; i < f->n_active; i++) {
		struct forward_job *x = f->active[i];
		struct claim *k;

		if (x->job->lane->spoke != spoke->who)
			continue;
		k = claim_of(lanes, &n, x->job->lane);
		x->rate = isinf(k->gets) ? 0 : k->gets / k->n;
	}
}

/* What a spoke can use at most: its own limit, and what its lanes may have together. */
static void claim_spokes(struct forward *f, struct claim *spokes, size_t *ret_n, double *ret_hub)
{
	*ret_n = 0;
	*ret_hub = INFINITY;
	for (size_t i = 0; i < f->n_active; i++) {
		const struct lane *l = f->active[i]->job->lane;
		struct claim *k = claim_of(spokes, ret_n, l->spoke);
		bool first = true;

		for (size_t o = 0; o < i; o++)
			first &= f->active[o]->job->lane != l;
		k->weight = MAX(l->spoke->pub.cfg->weight, 1u);
		if (first)
			k->most += limit(l->chain.policy);
		*ret_hub = MIN(*ret_hub, limit(l->chain.hub));
	}
	for (size_t i = 0; i < *ret_n; i++) {
		const struct spoke *s = spokes[i].who;

		spokes[i].most = MIN(spokes[i].most, limit(s->pub.cfg->rate));
		/* Nothing limits it anywhere: what was measured lately. */
		if (isinf(spokes[i].most) && isinf(*ret_hub) && s->pub.reached_rate)
			spokes[i].most = (double)s->pub.reached_rate;
	}
}

void forward_rates(struct forward *f)
{
	struct claim *spokes = xcalloc(2 * f->n_active + 1, sizeof(*spokes));
	size_t n;
	double hub;

	claim_spokes(f, spokes, &n, &hub);
	divide(spokes, n, hub);
	for (size_t i = 0; i < n; i++)
		within_spoke(f, &spokes[i], spokes + n);
	free(spokes);
}
