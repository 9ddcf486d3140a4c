/*
 * sketch.c: hooks are taken, sorted, cut. Pure. Who compares sketches is bases.c; where they are
 * kept is the index file.
 */
#include "transfer/sketch.h"

#include <stdlib.h>

#define BITS_USUAL  6
#define HOOKS_LEAST 64	       /* expected, of a content that has so many blocks */
#define HOOKS_MOST  (1u << 18) /* 2 MiB; 1 in 64 up to 64 GiB of data */

void sketch_init(struct sketch *s, uint64_t nonzero_blocks)
{
	*s = (struct sketch){.bits = BITS_USUAL};
	while (s->bits > 0 && nonzero_blocks >> s->bits < HOOKS_LEAST)
		s->bits--;
	while (nonzero_blocks >> s->bits > HOOKS_MOST)
		s->bits++;
}

void sketch_done(struct sketch *s)
{
	free(s->hooks);
	s->hooks = NULL;
	s->n = s->room = 0;
}

void sketch_add(struct sketch *s, const struct hash *leaf)
{
	uint64_t hook = 0;

	for (unsigned i = 0; i < 8; i++)
		hook = hook << 8 | leaf->b[i];
	if (s->bits > 0 && hook >> (64 - s->bits) != 0)
		return;
	/* A guest can choose blocks that are all sampled; the rest of them adds nothing then. */
	if (s->n == 4 * HOOKS_MOST)
		return;
	if (s->n == s->room) {
		s->room = s->room > 0 ? 2 * s->room : 256;
		s->hooks = xrealloc(s->hooks, s->room * sizeof(*s->hooks));
	}
	s->hooks[s->n++] = hook;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void sketch_sort(struct sketch *s)
{
	size_t kept = 0;

	if (s->n == 0)
		return;
	qsort(s->hooks, s->n, sizeof(*s->hooks), by_value);
	for (size_t i = 0; i < s->n; i++) {
		if (kept == 0 || s->hooks[kept - 1] != s->hooks[i])
			s->hooks[kept++] = s->hooks[i];
	}
	s->n = kept;
}

size_t sketch_cut(const uint64_t *hooks, size_t n, unsigned bits)
{
	size_t low = 0, high = n;

	if (bits == 0)
		return n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (hooks[mid] >> (64 - bits) == 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
