/*
 * forward_rate.c: who gets how much of the rates in force, while a set of transfers runs: the
 * outcome of the shaper's bucket tree (hub_rates.c), without its packets. The hub's rate is shared
 * by weight between the spokes, a spoke's between the policies and overrides under which something
 * goes there, and theirs between their transfers; the hub's own policy is one more limit for what
 * does not go under an override. What one cannot use goes to the others.
 */
#include "scheduler/forward_impl.h"

#include <math.h>
#include <stdlib.h>

/* A spoke, while the limits fill. */
struct pipe {
	const struct spoke *spoke;
	double weight, left; /* bytes a second that are not given away yet */
	unsigned rising;     /* its shares that go on */
};

/* What goes to one spoke under one policy or override, which is what a limit of theirs is for. */
struct share {
	struct pipe *pipe;
	uint64_t key;
	unsigned n;   /* transfers */
	bool planned; /* under the policies: the hub's is for it too */
	bool full;
	double left, gets;
};

struct fill {
	double hub, planned; /* left, as in the pipes */
	struct pipe *pipes;
	struct share *shares, **of; /* of: by the transfer's place in active */
	size_t n_pipes, n_shares;
};

static double limit(uint64_t rate)
{
	return rate == RATE_UNLIMITED ? INFINITY : (double)rate;
}

static struct pipe *pipe_of(struct fill *f, const struct spoke *s)
{
	struct pipe *p;

	for (size_t i = 0; i < f->n_pipes; i++)
		if (f->pipes[i].spoke == s)
			return &f->pipes[i];
	p = &f->pipes[f->n_pipes++];
	*p = (struct pipe){
		.spoke = s, .weight = MAX(s->pub.cfg->weight, 1u), .left = limit(s->pub.cfg->rate)};
	return p;
}

static struct share *share_of(struct fill *f, const struct lane *l)
{
	struct pipe *p = pipe_of(f, l->spoke);
	struct share *s;

	for (size_t i = 0; i < f->n_shares; i++)
		if (f->shares[i].pipe == p && f->shares[i].key == l->told_key)
			return &f->shares[i];
	s = &f->shares[f->n_shares++];
	*s = (struct share){.pipe = p,
			    .key = l->told_key,
			    .planned = !l->chain.override,
			    .left = limit(l->chain.policy)};
	p->rising++;
	return s;
}

static void lay(struct fill *f, const struct core *c, struct forward_job *const *active, size_t n)
{
	f->hub = limit(c->cfg->rate);
	f->planned = INFINITY;
	for (size_t i = 0; i < n; i++) {
		const struct lane *l = active[i]->job->lane;

		f->of[i] = share_of(f, l);
		f->of[i]->n++;
		if (f->of[i]->planned)
			f->planned = MIN(f->planned, limit(l->chain.hub));
	}
	/* Where nothing limits it anywhere: what was measured lately. */
	for (size_t i = 0; i < f->n_shares; i++) {
		const struct share *s = &f->shares[i];
		double least = MIN(MIN(f->hub, s->planned ? f->planned : INFINITY),
				   MIN(s->pipe->left, s->left));

		if (isinf(least) && s->pipe->spoke->pub.reached_rate)
			s->pipe->left = (double)s->pipe->spoke->pub.reached_rate;
	}
}

/* How much of its growth is this one's, in weights. */
static double speed(const struct share *s)
{
	return s->full ? 0 : s->pipe->weight / s->pipe->rising;
}

/* Until something is full; INFINITY: nothing limits what still rises. */
static double next_step(const struct fill *f)
{
	double step = INFINITY, all = 0, planned = 0;

	for (size_t i = 0; i < f->n_shares; i++) {
		const struct share *s = &f->shares[i];
		double v = speed(s);

		if (s->full)
			continue;
		all += v;
		planned += s->planned ? v : 0;
		step = MIN(step, MIN(s->left / v, s->pipe->left / s->pipe->weight));
	}
	if (all > 0)
		step = MIN(step, f->hub / all);
	return planned > 0 ? MIN(step, f->planned / planned) : step;
}

static bool is_full(const struct fill *f, const struct share *s)
{
	const double none = 1e-3; /* of a byte a second: sums of doubles */

	return s->left < none || s->pipe->left < none || f->hub < none ||
	       (s->planned && f->planned < none);
}

/* All rise together, by weight, until a limit is reached; what is behind it stays there, and the
 * others go on ("progressive filling", Bertsekas and Gallager, Data Networks, 6.5.2). */
static void rise(struct fill *f)
{
	for (size_t round = 0; round < f->n_shares; round++) {
		double step = next_step(f);

		for (size_t i = 0; i < f->n_shares; i++) {
			struct share *s = &f->shares[i];
			double more = step * speed(s);

			if (s->full)
				continue;
			s->gets += more;
			if (isinf(more))
				continue;
			s->left -= more;
			s->pipe->left -= more;
			f->hub -= more;
			f->planned -= s->planned ? more : 0;
		}
		if (isinf(step))
			return;
		for (size_t i = 0; i < f->n_shares; i++) {
			struct share *s = &f->shares[i];

			s->full = s->full || is_full(f, s);
		}
		for (size_t i = 0; i < f->n_pipes; i++)
			f->pipes[i].rising = 0;
		for (size_t i = 0; i < f->n_shares; i++)
			f->shares[i].pipe->rising += !f->shares[i].full;
	}
}

void forward_rates(struct forward *f)
{
	struct fill fill = {.pipes = xcalloc(f->n_active + 1, sizeof(*fill.pipes)),
			    .shares = xcalloc(f->n_active + 1, sizeof(*fill.shares)),
			    .of = xcalloc(f->n_active + 1, sizeof(*fill.of))};

	lay(&fill, f->core, f->active, f->n_active);
	rise(&fill);
	for (size_t i = 0; i < f->n_active; i++) {
		const struct share *s = fill.of[i];

		f->active[i]->rate = isinf(s->gets) ? 0 : s->gets / s->n;
	}
	free(fill.pipes);
	free(fill.shares);
	free(fill.of);
}
