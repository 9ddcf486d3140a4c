/*
 * patch_far.c: the anchors of a run of literals are looked up in the bases, and every place that
 * they propose is compared and grown, byte by byte, in both directions. A copy is worth it from
 * COPY_LEAST on: it costs 4 to 8 bytes here and a read of a block at the spoke.
 */
#include "transfer/patch_private.h"

#include <errno.h>
#include <string.h>

#define COPY_LEAST   128u
#define RESUME_MOST  64u    /* changed bytes over which a copy goes on at the same distance */
#define MISSES_MOST  16384u /* places that proved wrong, in a frame: then anchors are given up */
#define COMPARE_STEP 65536u

static size_t equal_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;

	for (; len - i >= PATCH_UNIT && memcmp(a + i, b + i, PATCH_UNIT) == 0; i += PATCH_UNIT)
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
		n = patch_look(p, base, src + len, step, 0, &old);
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

		n = patch_look(p, base, last + 1 - want, want, 0, &old);
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
	const uint8_t *data;
	size_t len = patch_look(p, base, from, BLOCK_SIZE, 0, &data), at = 0;
	struct anchor got;

	if (len == 0)
		return false;
	anchor_scan_reset(&p->rescan);
	while (anchor_scan_next(&p->rescan, anchors_bits(p->bases[base].anchors), data, len, &at,
				&got)) {
		if (got.print == print) {
			*ret_end = from + at;
			return true;
		}
	}
	return false;
}

/* The same where the base's bytes are gone. */
static bool try_sums(struct patching *p, const struct run_state *r, size_t end,
		     const struct anchor *anchor, size_t floor, unsigned base, struct match *ret)
{
	const struct patch_base *b = &p->bases[base];

	return b->sectors != NULL && b->gone != NULL && p->misses < MISSES_MOST &&
	       anchor->bits >= anchors_bits(b->gone) &&
	       patch_sectors_far(p, r, end, anchor->print, floor, base, ret);
}

/* A match that has this window, grown; false: none. */
static bool try_anchor(struct patching *p, const struct run_state *r, size_t end,
		       const struct anchor *anchor, size_t floor, struct match *ret)
{
	size_t start = end - ANCHOR_WINDOW;
	bool found = false;

	ret->len = 0;
	for (unsigned base = 0; base < p->n_bases; base++) {
		uint32_t blocks[ANCHOR_TRIES];
		unsigned n = 0;

		if (p->bases[base].old != NULL && p->bases[base].anchors != NULL &&
		    anchor->bits >= anchors_bits(p->bases[base].anchors))
			n = anchors_find(p->bases[base].anchors, anchor->print, blocks);
		for (unsigned i = 0; i < n && p->misses < MISSES_MOST; i++) {
			uint64_t src, block;
			size_t len = 0, back;

			if (p->bases[base].old == NULL ||
			    !old_origin(p->bases[base].old, blocks[i], &block))
				continue;
			if (find_window(p, base, block, anchor->print, &src)) {
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
		if (!found)
			found = try_sums(p, r, end, anchor, floor, base, ret);
		if (found)
			break;
	}
	return found;
}

/* After a match: do the bytes go on at the same distance, behind a few that changed? */
static bool resume(struct patching *p, const struct run_state *r, const struct match *last,
		   struct match *ret)
{
	size_t at = last->at + last->len, have = 0, want = RESUME_MOST + PATCH_UNIT;
	uint64_t src = last->src + last->len;
	const uint8_t *old;

	if (at + want > r->len)
		return false;
	have = patch_look(p, last->base, src, want, 0, &old);
	for (size_t d = 1; d + PATCH_UNIT <= have; d++) {
		if (memcmp(r->data + at + d, old + d, PATCH_UNIT) != 0)
			continue;
		ret->at = at + d;
		ret->src = src + d;
		ret->base = last->base;
		ret->len = grow_forward(p, r, at + d, last->base, src + d);
		return ret->len >= PATCH_UNIT;
	}
	return false;
}

int patch_far(struct patching *p, const struct run_state *r)
{
	size_t at = 0, floor = 0;
	struct anchor anchor;

	p->far.n = 0;
	if (p->bits == 0)
		return 0;
	anchor_scan_reset(&p->scan);
	while (anchor_scan_next(&p->scan, p->bits, r->data, r->len, &at, &anchor)) {
		struct match m;

		if (*p->cancel)
			return -ECANCELED;
		if (at < floor + ANCHOR_WINDOW || p->misses >= MISSES_MOST ||
		    !try_anchor(p, r, at, &anchor, floor, &m))
			continue;
		do {
			patch_add(&p->far, &m);
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
