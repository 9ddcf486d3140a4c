/*
 * patch_near.c: blocks of literals, compared with the block at the same place in each base, in
 * units of 32 bytes: in-place differences.
 */
#include "transfer/patch_private.h"

#include <string.h>

static bool unit_equal(const uint8_t *a, const uint8_t *b, size_t at, size_t len)
{
	return memcmp(a + at, b + at, MIN(PATCH_UNIT, len - at)) == 0;
}

/*
 * Is it worth it to take this piece of a block from the old one? Not if a quarter of it changed,
 * and not for zeros: the compressor is better at both.
 */
static bool alike(const uint8_t *data, const uint8_t *old, size_t len)
{
	size_t changed = 0, zeros = 0, units = 0;

	for (size_t i = 0; i < len; i += PATCH_UNIT, units++) {
		if (!unit_equal(data, old, i, len))
			changed++;
		else if (digest_is_zero(old + i, MIN(PATCH_UNIT, len - i)))
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

		end = i + PATCH_UNIT;
		if (!unit_equal(data, old, i, piece->len))
			continue;
		while (end < piece->len && unit_equal(data, old, end, piece->len))
			end += PATCH_UNIT;
		end = MIN(end, piece->len);
		if (end - from < 2 * PATCH_UNIT && end < piece->len && from > 0)
			continue;
		while (from > 0 && data[from - 1] == old[from - 1])
			from--;
		while (end < piece->len && data[end] == old[end])
			end++;
		struct match m = {piece->at + from, end - from, piece->src + from, piece->base};

		patch_add(&p->all, &m);
	}
}

void patch_near(struct patching *p, const struct run_state *r, size_t at, size_t end)
{
	size_t n;

	for (; at < end; at += n) {
		n = MIN(end - at, BLOCK_SIZE - (r->out + at) % BLOCK_SIZE);
		for (unsigned base = 0; n >= 2 * PATCH_UNIT && base < p->n_bases; base++) {
			struct match piece = {at, n, r->out + at, (uint8_t)base};
			const uint8_t *old;

			if (patch_sectors(p, &piece, r->data + at))
				break;
			if (patch_look(p, base, piece.src, n, end - at, &old) < n ||
			    !alike(r->data + at, old, n))
				continue;
			take_near(p, r, &piece, old);
			break;
		}
	}
}
