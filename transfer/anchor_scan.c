/*
 * anchor_scan.c: the hash is the gear hash, h = 2h + table[byte] (Xia et al., Ddelta, 2014): after
 * 64 bytes the first has left it by itself. Its top bits depend on the whole window, so they
 * choose.
 */
#include "transfer/anchor_scan.h"

#define MIX 0x9e3779b97f4a7c15u

void anchor_scan_init(struct anchor_scan *s)
{
	uint64_t x = 0x73706f6b6573796eu;

	for (unsigned i = 0; i < 256; i++) { /* splitmix64 (Steele, Lea, Flood 2014) */
		uint64_t z = x += MIX;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		s->gear[i] = z ^ z >> 31;
	}
	anchor_scan_reset(s);
}

void anchor_scan_reset(struct anchor_scan *s)
{
	s->hash = 0;
	s->fed = 0;
}

bool anchor_scan_next(struct anchor_scan *s, unsigned bits, const uint8_t *data, size_t len,
		      size_t *at, struct anchor *ret)
{
	uint64_t limit = (uint64_t)1 << (64 - bits), h = s->hash;
	size_t i = *at;

	/* The window is filled without looking. */
	for (; i < len && s->fed + 1 < ANCHOR_WINDOW; i++, s->fed++)
		h = (h << 1) + s->gear[data[i]];
	/* Nothing else belongs into this loop: every byte that is indexed goes through it. */
	for (; i < len; i++) {
		h = (h << 1) + s->gear[data[i]];
		/* One byte over and over has one hash: it would be all anchors, or none. */
		if (__builtin_expect(h < limit, 0) && h + s->gear[data[i]] != 0) {
			s->hash = h;
			*at = i + 1;
			ret->print = (uint32_t)(h * MIX >> 32);
			ret->bits = h ? (unsigned)__builtin_clzll(h) : 64;
			return true;
		}
	}
	s->hash = h;
	*at = len;
	return false;
}
