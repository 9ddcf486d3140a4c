/*
 * prefix.c: one walk over a frame's operations. A literal between two copies proposes the old
 * bytes that follow the first one's source and those before the second one's, up to NEAR_MOST; and
 * every literal the old blocks at its own place. The blocks beside copies come first when there are
 * more than fit; all of them are then put in order, by base and place.
 */
#include "transfer/prefix.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_MOST      65536u  /* bytes from a copy on */
#define LITERALS_LEAST 2048u   /* bytes; less is not worth the list of runs */
#define BLOCKS_MOST    4096u   /* half of what the format allows: two encoders share 200 MB */
#define PROPOSED_MOST  262144u /* blocks looked at, of either kind */
#define BASE_SHIFT     48

/* Blocks, as base << BASE_SHIFT | block. */
struct blocks {
	uint64_t *key;
	size_t n, room;
};

struct choosing {
	struct patch_base *bases;
	unsigned n_bases;
	struct blocks beside, place;
	/* The copy that ended where the gap began, if known; output bytes [from, to) are the gap.
	 */
	bool known;
	unsigned base;
	uint64_t shift; /* from output to base, modulo 2^64 */
	uint64_t from, to;
};

static bool has_block(const struct choosing *c, unsigned base, uint64_t block)
{
	const struct index *x;

	if (c->bases[base].old == NULL)
		return false;
	x = old_index(c->bases[base].old);
	return old_has(c->bases[base].old, block) && !index_block_is_zero(x, block);
}

static void propose(const struct choosing *c, struct blocks *l, unsigned base, uint64_t block)
{
	uint64_t key = (uint64_t)base << BASE_SHIFT | block;

	if (l->n == PROPOSED_MOST || (l->n > 0 && l->key[l->n - 1] == key) ||
	    !has_block(c, base, block))
		return;
	if (l->n == l->room) {
		l->room = MAX(256u, 2 * l->room);
		l->key = xrealloc(l->key, l->room * sizeof(*l->key));
	}
	l->key[l->n++] = key;
}

/* Old bytes [at, end), which may begin before the base does. */
static void propose_beside(struct choosing *c, unsigned base, uint64_t at, uint64_t end)
{
	if ((int64_t)at < 0)
		at = 0;
	for (uint64_t block = at / BLOCK_SIZE; (int64_t)end > 0 && block * BLOCK_SIZE < end;
	     block++)
		propose(c, &c->beside, base, block);
}

static void on_literal(struct choosing *c, uint64_t at, uint64_t len)
{
	uint64_t end = at + len, near_end = MIN(end, c->from + NEAR_MOST);

	if (c->to != at) {
		c->from = at;
		c->known = false;
	}
	c->to = end;
	if (c->known && near_end > at)
		propose_beside(c, c->base, at + c->shift, near_end + c->shift);
	for (uint64_t block = at / BLOCK_SIZE; block * BLOCK_SIZE < end; block++) {
		for (unsigned base = 0; base < c->n_bases; base++) {
			if (has_block(c, base, block)) {
				propose(c, &c->place, base, block);
				break;
			}
		}
	}
}

static void on_copy(struct choosing *c, unsigned base, uint64_t src, uint64_t at, uint64_t len)
{
	uint64_t shift = src - at;

	if (c->to == at && c->from < at) {
		uint64_t near_from = MAX(c->from, at - MIN(at, NEAR_MOST));

		propose_beside(c, base, near_from + shift, at + shift);
	}
	c->known = true;
	c->base = base;
	c->shift = shift;
	c->from = c->to = at + len;
}

static void on_op(struct choosing *c, const struct patched *p, const struct op *op, uint64_t at,
		  uint64_t len)
{
	switch (op->kind) {
	case OP_SAME:
		on_copy(c, op->base, at, at, len);
		break;
	case OP_COPY:
		on_copy(c, op->base, op->src * BLOCK_SIZE, at, len);
		break;
	case OP_LIT:
		on_literal(c, at, len);
		break;
	case OP_PATCH:
		for (uint32_t i = 0; i < op->base; at += p->parts[op->src + i++].len) {
			const struct part *part = &p->parts[op->src + i];

			if (part->copy)
				on_copy(c, part->base, part->src, at, part->len);
			else
				on_literal(c, at, part->len);
		}
		break;
	case OP_ZERO: /* the next literal does not begin where the last copy ended */
		break;
	}
}

static void walk(struct choosing *c, const struct plan_frame *f, uint64_t size,
		 const struct patched *p)
{
	uint64_t block = (uint64_t)f->first_node * NODE_BLOCKS;

	for (uint32_t i = 0; i < f->n_ops; block += p->ops[i++].n) {
		uint64_t at = block * BLOCK_SIZE;

		on_op(c, p, &p->ops[i], at, MIN((block + p->ops[i].n) * BLOCK_SIZE, size) - at);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Ascending, each once, at most `most`. */
static void sort_blocks(struct blocks *l, size_t most)
{
	size_t kept = 0;

	if (l->n == 0)
		return;
	qsort(l->key, l->n, sizeof(*l->key), compare);
	for (size_t i = 0; i < l->n && kept < most; i++) {
		if (kept == 0 || l->key[kept - 1] != l->key[i])
			l->key[kept++] = l->key[i];
	}
	l->n = kept;
}

/* What is proposed, as one list in order. */
static struct blocks merge(struct choosing *c)
{
	struct blocks all;
	size_t left;

	sort_blocks(&c->beside, BLOCKS_MOST);
	sort_blocks(&c->place, BLOCKS_MOST);
	all.room = c->beside.n + c->place.n;
	all.key = xcalloc(MAX(all.room, 1u), sizeof(*all.key));
	all.n = c->beside.n;
	if (all.n > 0)
		memcpy(all.key, c->beside.key, all.n * sizeof(*all.key));
	left = BLOCKS_MOST - all.n;
	for (size_t i = 0, k = 0; i < c->place.n && left > 0; i++) {
		while (k < c->beside.n && c->beside.key[k] < c->place.key[i])
			k++;
		if (k < c->beside.n && c->beside.key[k] == c->place.key[i])
			continue;
		all.key[all.n++] = c->place.key[i];
		left--;
	}
	sort_blocks(&all, BLOCKS_MOST);
	return all;
}

static void make_runs(const struct blocks *l, struct prefix *ret)
{
	ret->runs = xcalloc(MAX(l->n, 1u), sizeof(*ret->runs));
	for (size_t i = 0; i < l->n; i++) {
		uint64_t block = l->key[i] & (((uint64_t)1 << BASE_SHIFT) - 1);

		if (i > 0 && l->key[i] == l->key[i - 1] + 1)
			ret->runs[ret->n - 1].n++;
		else
			ret->runs[ret->n++] =
				(struct prefix_run){block, 1, (uint32_t)(l->key[i] >> BASE_SHIFT)};
	}
}

static bool read_run(struct patch_base *base, const struct prefix_run *run, uint8_t *to)
{
	if (base->old == NULL)
		return false;
	if (old_blocks(base->old, run->first, run->n, to) < 0) {
		base->old = old_close(base->old);
		return false;
	}
	return true;
}

void prefix_make(const struct plan_frame *f, uint64_t size, const struct patched *p,
		 struct patch_base *bases, unsigned n_bases, struct prefix *ret)
{
	struct choosing c = {.bases = bases, .n_bases = n_bases, .to = UINT64_MAX};
	struct blocks all;
	uint8_t *to;

	*ret = (struct prefix){0};
	if (p->literals_len < LITERALS_LEAST)
		return;
	walk(&c, f, size, p);
	all = merge(&c);
	make_runs(&all, ret);
	to = ret->bytes = all.n > 0 ? malloc(all.n * BLOCK_SIZE) : NULL;
	for (uint32_t i = 0; to != NULL && i < ret->n; i++) {
		if (!read_run(&bases[ret->runs[i].base], &ret->runs[i], to))
			to = NULL;
		else
			to += (size_t)ret->runs[i].n * BLOCK_SIZE;
	}
	if (to == NULL)
		prefix_done(ret);
	free(c.beside.key);
	free(c.place.key);
	free(all.key);
}

void prefix_done(struct prefix *p)
{
	free(p->runs);
	free(p->bytes);
	*p = (struct prefix){0};
}
