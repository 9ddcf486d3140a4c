/*
 * patch.c: each run of literals in two passes. First its anchors are looked up in the bases and
 * every place they propose is compared and grown, byte by byte, in both directions. Then, in the
 * gaps between, every block is compared with the block at the same place in each base.
 *
 * The first pass comes first since an insertion makes blocks alike only by chance. A copy is worth
 * it from COPY_LEAST on: it costs 4 to 8 bytes here and a read of a block at the spoke.
 */
#include "transfer/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNIT	     32u
#define COPY_LEAST   128u
#define RESUME_MOST  64u    /* changed bytes over which a copy goes on at the same distance */
#define MISSES_MOST  16384u /* places that proved wrong, in a frame: then anchors are given up */
#define COMPARE_STEP 65536u

struct match {
	size_t at, len; /* in the run */
	uint64_t src;
	uint8_t base;
};

struct matches {
	struct match *m;
	size_t n, room;
};

/* A run of literals. */
struct run_state {
	const uint8_t *data;
	size_t len;
	uint64_t out; /* its first byte's place in the output */
};

struct patching {
	struct patch_base *bases;
	unsigned n_bases;
	const volatile bool *cancel;
	struct anchor_scan scan, rescan;
	unsigned bits; /* the least of the bases' */
	unsigned misses;
	struct matches far, all; /* of the run: by anchors; and all */
	struct part *parts;
	uint32_t n_parts, parts_room;
};

static void match_add(struct matches *l, const struct match *m)
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

/* Old bytes, up to len of them; within one block, all or none. A base that fails is let go of. */
static size_t look(struct patching *p, unsigned base, uint64_t at, size_t len, size_t wanted,
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
		b->old = old_close(b->old);
		return 0;
	}
	return n;
}

static size_t equal_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;

	for (; len - i >= UNIT && memcmp(a + i, b + i, UNIT) == 0; i += UNIT)
		;
	for (; i < len && a[i] == b[i]; i++)
		;
	return i;
}

static size_t grow_forward(struct patching *p, const struct run_state *r, size_t at, unsigned base,
			   uint64_t src)
{
	size_t len = 0;

	while (at + len < r->len) {
		/* What proves wrong soon costs one block; what is long is read in long pieces. */
		size_t step = MIN(MAX(len, BLOCK_SIZE), COMPARE_STEP), n, same;
		const uint8_t *old;

		step = MIN(step, r->len - at - len);
		n = look(p, base, src + len, step, 0, &old);
		same = equal_bytes(r->data + at + len, old, n);
		len += same;
		if (n == 0 || same < n)
			break;
	}
	return len;
}

static size_t grow_back(struct patching *p, const struct run_state *r, size_t at, size_t floor,
			unsigned base, uint64_t src)
{
	size_t len = 0;

	while (at - len > floor && src > len) {
		/* Up to the start of the old block that the byte before lies in. */
		uint64_t last = src - len - 1, first = last - last % BLOCK_SIZE;
		size_t want = (size_t)MIN(last + 1 - first, at - len - floor), n, i;
		const uint8_t *old;

		n = look(p, base, last + 1 - want, want, 0, &old);
		if (n < want)
			break;
		for (i = 0; i < want && old[want - 1 - i] == r->data[at - len - 1 - i]; i++)
			;
		len += i;
		if (i < want)
			break;
	}
	return len;
}

/* Where in the block a window with this print ends; false: nowhere. */
static bool find_window(struct patching *p, unsigned base, uint64_t block, uint32_t print,
			uint64_t *ret_end)
{
	uint64_t from = block * BLOCK_SIZE;
	uint8_t buf[BLOCK_SIZE + ANCHOR_WINDOW];
	size_t lead = from > 0 ? ANCHOR_WINDOW - 1 : 0, len, at = 0;
	struct patch_base *b = &p->bases[base];
	uint32_t got;
	unsigned bits;

	if (b->old == NULL || from >= old_size(b->old))
		return false;
	len = lead + MIN((uint64_t)BLOCK_SIZE, old_size(b->old) - from);
	if (old_copy(b->old, from - lead, len, buf) < 0) {
		b->old = old_close(b->old);
		return false;
	}
	anchor_scan_reset(&p->rescan);
	while (anchor_scan_next(&p->rescan, anchors_bits(b->anchors), buf, len, &at, &got, &bits)) {
		if (got == print && at > lead) {
			*ret_end = from - lead + at;
			return true;
		}
	}
	return false;
}

/* A match that has this window, grown; false: none. */
static bool try_anchor(struct patching *p, const struct run_state *r, size_t end, uint32_t print,
		       unsigned bits, size_t floor, struct match *ret)
{
	size_t start = end - ANCHOR_WINDOW;
	bool found = false;

	ret->len = 0;
	for (unsigned base = 0; base < p->n_bases; base++) {
		uint32_t blocks[ANCHOR_TRIES];
		unsigned n = 0;

		if (p->bases[base].old != NULL && p->bases[base].anchors != NULL &&
		    bits >= anchors_bits(p->bases[base].anchors))
			n = anchors_find(p->bases[base].anchors, print, blocks);
		for (unsigned i = 0; i < n && p->misses < MISSES_MOST; i++) {
			uint64_t src;
			size_t len = 0, back;

			if (find_window(p, base, blocks[i], print, &src)) {
				src -= ANCHOR_WINDOW;
				len = grow_forward(p, r, start, base, src);
			}
			if (len < ANCHOR_WINDOW) {
				p->misses++;
				continue;
			}
			back = grow_back(p, r, start, floor, base, src);
			if (len + back > ret->len) {
				*ret = (struct match){start - back, len + back, src - back,
						      (uint8_t)base};
				found = len + back >= COPY_LEAST;
			}
		}
		if (found)
			break;
	}
	return found;
}

/* After a match: do the bytes go on at the same distance, behind a few that changed? */
static bool resume(struct patching *p, const struct run_state *r, const struct match *last,
		   struct match *ret)
{
	size_t at = last->at + last->len, have = 0, want = RESUME_MOST + UNIT;
	uint64_t src = last->src + last->len;
	const uint8_t *old;

	if (at + want > r->len)
		return false;
	have = look(p, last->base, src, want, 0, &old);
	for (size_t d = 1; d + UNIT <= have; d++) {
		if (memcmp(r->data + at + d, old + d, UNIT) != 0)
			continue;
		ret->at = at + d;
		ret->src = src + d;
		ret->base = last->base;
		ret->len = grow_forward(p, r, at + d, last->base, src + d);
		return ret->len >= UNIT;
	}
	return false;
}

static int find_far(struct patching *p, const struct run_state *r)
{
	size_t at = 0, floor = 0;
	uint32_t print;
	unsigned bits;

	p->far.n = 0;
	if (p->bits == 0)
		return 0;
	anchor_scan_reset(&p->scan);
	while (anchor_scan_next(&p->scan, p->bits, r->data, r->len, &at, &print, &bits)) {
		struct match m;

		if (*p->cancel)
			return -ECANCELED;
		if (at < floor + ANCHOR_WINDOW || p->misses >= MISSES_MOST ||
		    !try_anchor(p, r, at, print, bits, floor, &m))
			continue;
		do {
			match_add(&p->far, &m);
			floor = m.at + m.len;
		} while (resume(p, r, &p->far.m[p->far.n - 1], &m));
		/* No anchor within what is covered is of use. */
		if (floor > at) {
			at = floor;
			anchor_scan_reset(&p->scan);
		}
	}
	return 0;
}

static bool unit_equal(const uint8_t *a, const uint8_t *b, size_t at, size_t len)
{
	return memcmp(a + at, b + at, MIN(UNIT, len - at)) == 0;
}

/*
 * Is it worth it to take this piece of a block from the old one? Not if a quarter of it changed,
 * and not for zeros: the compressor is better at both.
 */
static bool alike(const uint8_t *data, const uint8_t *old, size_t len)
{
	size_t changed = 0, zeros = 0, units = 0;

	for (size_t i = 0; i < len; i += UNIT, units++) {
		if (!unit_equal(data, old, i, len))
			changed++;
		else if (digest_is_zero(old + i, MIN(UNIT, len - i)))
			zeros++;
	}
	return changed * 4 <= units && zeros * 2 < units;
}

/* Equal units, grown to the byte, become matches; single ones between changes do not. */
static void take_near(struct patching *p, const struct run_state *r, const struct match *piece,
		      const uint8_t *old)
{
	const uint8_t *data = r->data + piece->at;

	for (size_t i = 0, end; i < piece->len; i = end) {
		size_t from = i;

		end = i + UNIT;
		if (!unit_equal(data, old, i, piece->len))
			continue;
		while (end < piece->len && unit_equal(data, old, end, piece->len))
			end += UNIT;
		end = MIN(end, piece->len);
		if (end - from < 2 * UNIT && end < piece->len && from > 0)
			continue;
		while (from > 0 && data[from - 1] == old[from - 1])
			from--;
		while (end < piece->len && data[end] == old[end])
			end++;
		struct match m = {piece->at + from, end - from, piece->src + from, piece->base};

		match_add(&p->all, &m);
	}
}

/* The gap [at, end) of the run, block by block. */
static void find_near(struct patching *p, const struct run_state *r, size_t at, size_t end)
{
	size_t n;

	for (; at < end; at += n) {
		n = MIN(end - at, BLOCK_SIZE - (r->out + at) % BLOCK_SIZE);
		for (unsigned base = 0; n >= 2 * UNIT && base < p->n_bases; base++) {
			struct match piece = {at, n, r->out + at, (uint8_t)base};
			const uint8_t *old;

			if (look(p, base, piece.src, n, end - at, &old) < n ||
			    !alike(r->data + at, old, n))
				continue;
			take_near(p, r, &piece, old);
			break;
		}
	}
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
	int error = find_far(p, r);

	if (error < 0)
		return error;
	p->all.n = 0;
	for (size_t i = 0; i < p->far.n; i++) {
		find_near(p, r, at, p->far.m[i].at);
		match_add(&p->all, &p->far.m[i]);
		at = p->far.m[i].at + p->far.m[i].len;
	}
	find_near(p, r, at, r->len);
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

static void prepare(struct patching *p)
{
	anchor_scan_init(&p->scan);
	anchor_scan_init(&p->rescan);
	for (unsigned i = 0; i < p->n_bases; i++) {
		const struct anchors *a = p->bases[i].old != NULL ? p->bases[i].anchors : NULL;

		if (a != NULL && (p->bits == 0 || anchors_bits(a) < p->bits))
			p->bits = anchors_bits(a);
	}
}

int patch_frame(const struct plan_frame *f, uint64_t size, uint8_t *literals,
		struct patch_base *bases, unsigned n_bases, const volatile bool *cancel,
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
