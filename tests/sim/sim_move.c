/*
 * sim_move.c: bytes in straight segments: what the pushes do with the rates that they were told,
 * as the shaper would have them; and what becomes of it in the end.
 */
#include "tests/sim/sim.h"

#include <math.h>

#define FLOWS 64

/* A limit that some of the pushes share. */
struct pipe {
	double left; /* bytes a second not given away yet */
	uint64_t who;
	unsigned spoke;
	enum { OF_HUB, OF_PLAN, OF_SPOKE, OF_LINK, OF_POLICY, OF_ONE } kind;
};

struct fill {
	struct sim_job *flows[FLOWS];
	bool full[FLOWS];
	unsigned n, n_pipes;
	struct pipe pipes[5 * FLOWS];
};

static double limit(uint64_t rate)
{
	return rate == RATE_UNLIMITED ? INFINITY : (double)rate;
}

static bool through(const struct sim_job *k, const struct pipe *p)
{
	switch (p->kind) {
	case OF_HUB:
		return true;
	case OF_PLAN:
		return !k->told.by_person;
	case OF_SPOKE:
	case OF_LINK:
		return k->spoke == p->spoke;
	case OF_POLICY:
		return k->spoke == p->spoke && k->told.key == p->who;
	case OF_ONE:
		return k->id == p->who;
	}
	return false;
}

/* One pipe for all who name it; where they were told differently, the latest word counts. */
static void add(struct fill *f, struct pipe p)
{
	for (unsigned i = 0; i < f->n_pipes; i++)
		if (f->pipes[i].kind == p.kind && f->pipes[i].spoke == p.spoke &&
		    f->pipes[i].who == p.who) {
			if (p.kind != OF_HUB)
				f->pipes[i].left = p.left;
			else
				f->pipes[i].left = MAX(f->pipes[i].left, p.left);
			return;
		}
	f->pipes[f->n_pipes++] = p;
}

static void lay(struct sim *s, struct fill *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct sim_job *k = f->flows[i];
		const struct sim_rates *t = &k->told;
		double least = MIN(limit(t->hub), MIN(limit(t->spoke), limit(t->policy)));

		add(f, (struct pipe){limit(t->hub), 0, 0, OF_HUB});
		if (!t->by_person)
			add(f, (struct pipe){limit(t->hub), 0, 0, OF_PLAN});
		add(f, (struct pipe){limit(t->spoke), 0, k->spoke, OF_SPOKE});
		add(f, (struct pipe){s->spokes[k->spoke].link, 0, k->spoke, OF_LINK});
		add(f, (struct pipe){limit(t->policy), t->key, k->spoke, OF_POLICY});
		if (!isinf(least))
			add(f, (struct pipe){least, k->id, k->spoke, OF_ONE});
	}
}

static double weight_of(const struct sim *s, const struct sim_job *k)
{
	const struct spoke_cfg *cfg = s->spokes[k->spoke].cfg;

	return cfg && cfg->weight ? cfg->weight : 1;
}

/* All rise together, by weight, until a limit is reached; those behind it stay there, the others
 * go on. */
static void rise(const struct sim *s, struct fill *f)
{
	for (unsigned open = f->n; open;) {
		struct pipe *tight = NULL;
		double step = INFINITY;

		for (unsigned p = 0; p < f->n_pipes; p++) {
			double weights = 0;

			for (unsigned i = 0; i < f->n; i++)
				if (!f->full[i] && through(f->flows[i], &f->pipes[p]))
					weights += weight_of(s, f->flows[i]);
			if (weights > 0 && f->pipes[p].left / weights < step) {
				step = f->pipes[p].left / weights;
				tight = &f->pipes[p];
			}
		}
		if (!tight)
			return;
		for (unsigned i = 0; i < f->n; i++) {
			double more = step * weight_of(s, f->flows[i]);

			if (f->full[i])
				continue;
			f->flows[i]->rate += more;
			for (unsigned p = 0; p < f->n_pipes; p++)
				if (through(f->flows[i], &f->pipes[p]))
					f->pipes[p].left = MAX(0, f->pipes[p].left - more);
		}
		for (unsigned i = 0; i < f->n; i++)
			if (!f->full[i] && through(f->flows[i], tight)) {
				f->full[i] = true;
				open--;
			}
	}
}

/* Rates of this moment; when is the next push where its fate wants it? */
static int64_t set_rates(struct sim *s)
{
	struct fill f = {.n = 0};
	int64_t next = SIM_NEVER;

	for (size_t i = 0; i < s->n_busy; i++) {
		struct sim_job *k = s->busy[i];

		k->rate = 0;
		if (k->push && !k->stopping && k->answer_at == SIM_NEVER && f.n < FLOWS)
			f.flows[f.n++] = k;
	}
	if (!f.n)
		return next;
	lay(s, &f);
	rise(s, &f);
	for (unsigned i = 0; i < f.n; i++) {
		const struct sim_job *k = f.flows[i];
		double us = (double)(k->fate.at - k->done) / k->rate * SECOND_US;

		if (us < 1e15)
			next = MIN(next, s->now.mono.us + 1 + (int64_t)us);
	}
	return next;
}

int64_t sim_next_segment(struct sim *s)
{
	int64_t next = set_rates(s);

	for (size_t i = 0; i < s->n_busy; i++)
		next = MIN(next, s->busy[i]->answer_at);
	for (unsigned i = 0; i < s->n_spokes; i++)
		next = MIN(next, s->spokes[i].greet_at);
	for (unsigned i = 0; i < s->n_indexing; i++)
		next = MIN(next, s->indexed_at[i]);
	return next;
}

void sim_segment(struct sim *s, int64_t us)
{
	for (size_t i = 0; i < s->n_busy; i++) {
		struct sim_job *k = s->busy[i];
		uint64_t moved;

		if (k->rate <= 0)
			continue;
		moved = (uint64_t)(k->rate * (double)us / SECOND_US + 0.5);
		moved = MIN(moved, k->fate.at - k->done);
		k->done += moved;
		s->count[COUNT_MBYTES] += moved;
		if (!moved)
			continue;
		k->again = 0;
		core_fact_progress(s->core, k->job, k->done, k->version->size, s->now);
	}
}

static void index_done(struct sim *s)
{
	for (unsigned i = 0; i < s->n_indexing;) {
		if (s->indexed_at[i] > s->now.mono.us) {
			i++;
			continue;
		}
		core_fact_indexed(s->core, s->indexing[i]);
		version_unref(s->indexing[i]);
		s->n_indexing--;
		s->indexing[i] = s->indexing[s->n_indexing];
		s->indexed_at[i] = s->indexed_at[s->n_indexing];
	}
}

void sim_answers(struct sim *s)
{
	for (size_t i = s->n_busy; i-- > 0;) {
		struct sim_job *k = s->busy[i];

		if (k->answer_at <= s->now.mono.us)
			sim_end(s, k, k->answer);
		else if (k->push && !k->stopping && k->answer_at == SIM_NEVER &&
			 k->done >= k->fate.at)
			sim_end(s, k, k->fate.outcome);
	}
	for (unsigned i = 0; i < s->n_spokes; i++)
		if (s->spokes[i].greet_at <= s->now.mono.us)
			sim_answer_greeting(s, &s->spokes[i]);
	index_done(s);
}
