/*
 * survivors.c: runs of blocks in two orders, looked up by halving.
 */
#include "transfer/survivors.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MOST ((size_t)1 << 20) /* 48 MiB; what is behind them counts as gone */

struct moved {
	uint64_t from, to, n; /* blocks */
};

struct moves {
	struct moved *m; /* ascending by from, and apart */
	size_t n, room;
};

struct survivors {
	struct moves where, origin; /* base -> new content, and back */
};

static void add(struct moves *l, uint64_t from, uint64_t to, uint64_t n)
{
	struct moved *last = l->n > 0 ? &l->m[l->n - 1] : NULL;

	if (last != NULL && last->from + last->n == from && last->to + last->n == to) {
		last->n += n;
		return;
	}
	if (l->n == RUNS_MOST)
		return;
	if (l->n == l->room) {
		l->room = MAX(64u, 2 * l->room);
		l->m = xrealloc(l->m, l->room * sizeof(*l->m));
	}
	l->m[l->n++] = (struct moved){from, to, n};
}

static int by_from(const void *a, const void *b)
{
	const struct moved *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* In order; of a block that lies in several places one is enough. */
static void put_in_order(struct moves *l)
{
	uint64_t end = 0;
	size_t kept = 0;

	qsort(l->m, l->n, sizeof(*l->m), by_from);
	for (size_t i = 0; i < l->n; i++) {
		struct moved m = l->m[i];
		uint64_t skip = m.from < end ? MIN(end - m.from, m.n) : 0;

		m = (struct moved){m.from + skip, m.to + skip, m.n - skip};
		if (m.n == 0)
			continue;
		end = m.from + m.n;
		l->m[kept++] = m;
	}
	l->n = kept;
}

struct survivors *survivors_new(const struct plan *p, unsigned base)
{
	struct survivors *s = xcalloc(1, sizeof(*s));

	for (uint32_t i = 0; i < p->n_frames; i++) {
		const struct plan_frame *f = &p->frames[i];
		uint64_t block = (uint64_t)f->first_node * NODE_BLOCKS;

		for (uint32_t k = 0; k < f->n_ops; block += f->ops[k++].n) {
			const struct op *op = &f->ops[k];

			if ((op->kind != OP_SAME && op->kind != OP_COPY) || op->base != base)
				continue;
			add(&s->origin, block, op->kind == OP_SAME ? block : op->src, op->n);
		}
	}
	if (s->origin.n == 0)
		return survivors_free(s);
	for (size_t i = 0; i < s->origin.n; i++) {
		const struct moved *m = &s->origin.m[i];

		add(&s->where, m->to, m->from, m->n);
	}
	put_in_order(&s->where);
	return s;
}

struct survivors *survivors_free(struct survivors *s)
{
	if (s == NULL)
		return NULL;
	free(s->where.m);
	free(s->origin.m);
	free(s);
	return NULL;
}

static const struct moved *find(const struct moves *l, uint64_t block)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->m[mid].from + l->m[mid].n <= block)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n && l->m[low].from <= block ? &l->m[low] : NULL;
}

bool survivors_where(const struct survivors *s, uint64_t block, uint64_t *ret_at, uint64_t *ret_n)
{
	const struct moved *m = find(&s->where, block);

	if (m == NULL)
		return false;
	*ret_at = m->to + (block - m->from);
	*ret_n = m->n - (block - m->from);
	return true;
}

bool survivors_origin(const struct survivors *s, uint64_t at, uint64_t *ret_block)
{
	const struct moved *m = find(&s->origin, at);

	if (m == NULL)
		return false;
	*ret_block = m->to + (at - m->from);
	return true;
}
