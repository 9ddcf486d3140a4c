/*
 * patch.c: each run of literals in two passes: patch_far.c, and then, in the gaps between what that
 * found, patch_near.c. Far comes first since an insertion makes blocks alike only by chance. Then
 * the matches become parts of a PATCH.
 */
#include "transfer/patch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void patch_add(struct matches *l, const struct match *m)
{
	struct match *last = l->n > 0 ? &l->m[l->n - 1] : NULL;

	if (last != NULL && last->base == m->base && last->at + last->len == m->at &&
	    last->src + last->len == m->src) {
		last->len += m->len;
		return;
	}
	if (l->n == l->room) {
		l->room = MAX(256u, 2 * l->room);
		l->m = xrealloc(l->m, l->room * sizeof(*l->m));
	}
	l->m[l->n++] = *m;
}

size_t patch_look(struct patching *p, unsigned base, uint64_t at, size_t len, size_t wanted,
		  const uint8_t **ret)
{
	struct patch_base *b = &p->bases[base];
	size_t n;
	int r;

	if (b->old == NULL || at >= old_size(b->old))
		return 0;
	len = MIN(len, old_size(b->old) - at);
	r = old_bytes(b->old, at, len, wanted, ret, &n);
	if (r < 0) {
		if (r != -ENODATA)
			b->old = old_close(b->old);
		return 0;
	}
	return n;
}

static bool add_part(struct patching *p, const struct part *part)
{
	if (part->len == 0)
		return true;
	if (p->n_parts == FRAME_PARTS_MAX)
		return false;
	if (p->n_parts == p->parts_room) {
		p->parts_room = MAX(256u, 2 * p->parts_room);
		p->parts = xrealloc(p->parts, p->parts_room * sizeof(*p->parts));
	}
	p->parts[p->n_parts++] = *part;
	return true;
}

/* The run's matches as parts; false: there are too many of them in the frame. */
static bool add_parts(struct patching *p, const struct run_state *r, struct op *op)
{
	uint32_t first = p->n_parts;
	size_t at = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < p->all.n; i++) {
		const struct match *m = &p->all.m[i];

		ok = add_part(p, &(struct part){.len = (uint32_t)(m->at - at)}) &&
		     add_part(p, &(struct part){m->src, (uint32_t)m->len, m->base, true});
		at = m->at + m->len;
	}
	ok = ok && add_part(p, &(struct part){.len = (uint32_t)(r->len - at)});
	if (!ok) {
		p->n_parts = first;
		return false;
	}
	*op = (struct op){.kind = OP_PATCH, .base = p->n_parts - first, .src = first, .n = op->n};
	return true;
}

static int patch_run(struct patching *p, const struct run_state *r, struct op *op)
{
	size_t at = 0;
	int error = patch_far(p, r);

	if (error < 0)
		return error;
	p->all.n = 0;
	for (size_t i = 0; i < p->far.n; i++) {
		patch_near(p, r, at, p->far.m[i].at);
		patch_add(&p->all, &p->far.m[i]);
		at = p->far.m[i].at + p->far.m[i].len;
	}
	patch_near(p, r, at, r->len);
	if (p->all.n > 0)
		(void)add_parts(p, r, op);
	return *p->cancel ? -ECANCELED : 0;
}

/* What remains of the run's literals goes to `to`, which is not after them. */
static uint8_t *keep_literals(const struct patching *p, const struct run_state *r,
			      const struct op *op, uint8_t *to)
{
	const uint8_t *from = r->data;

	if (op->kind == OP_LIT) {
		memmove(to, from, r->len);
		return to + r->len;
	}
	for (const struct part *i = p->parts + op->src; i < p->parts + op->src + op->base; i++) {
		if (!i->copy) {
			memmove(to, from, i->len);
			to += i->len;
		}
		from += i->len;
	}
	return to;
}

static void take_bits(struct patching *p, const struct anchors *a)
{
	if (a != NULL && (p->bits == 0 || anchors_bits(a) < p->bits))
		p->bits = anchors_bits(a);
}

static void prepare(struct patching *p)
{
	anchor_scan_init(&p->scan);
	anchor_scan_init(&p->rescan);
	for (unsigned i = 0; i < p->n_bases; i++) {
		const struct patch_base *b = &p->bases[i];

		take_bits(p, b->old != NULL ? b->anchors : NULL);
		take_bits(p, b->sectors != NULL ? b->gone : NULL);
	}
}

int patch_frame(const struct plan_frame *f, uint64_t size, uint8_t *literals,
		struct patch_base *bases, unsigned n_bases, const atomic_bool *cancel,
		struct patched *ret)
{
	struct patching p = {.bases = bases, .n_bases = n_bases, .cancel = cancel};
	uint64_t block = (uint64_t)f->first_node * NODE_BLOCKS;
	uint8_t *to = literals, *from = literals;
	struct op *ops = xcalloc(f->n_ops, sizeof(*ops));
	int r = 0;

	prepare(&p);
	memcpy(ops, f->ops, f->n_ops * sizeof(*ops));
	for (uint32_t i = 0; r == 0 && i < f->n_ops; block += ops[i++].n) {
		struct run_state run = {.data = from, .out = block * BLOCK_SIZE};

		if (ops[i].kind != OP_LIT)
			continue;
		run.len = MIN((block + ops[i].n) * BLOCK_SIZE, size) - run.out;
		r = patch_run(&p, &run, &ops[i]);
		to = keep_literals(&p, &run, &ops[i], to);
		from += run.len;
	}
	free(p.far.m);
	free(p.all.m);
	*ret = (struct patched){ops, p.parts, p.n_parts, (uint64_t)(to - literals)};
	if (r < 0)
		patched_done(ret);
	return r;
}

void patched_done(struct patched *p)
{
	free(p->ops);
	free(p->parts);
	*p = (struct patched){0};
}
