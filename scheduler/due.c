/*
 * due.c: many due times, one timer: a binary heap of struct due embedded in jobs, spokes and lanes.
 * Setting and clearing are O(log n), because each knows its place. By the monotonic clock only.
 */
#include "scheduler/core_impl.h"

#include <stdlib.h>

static void put(struct due_heap *h, uint32_t pos, struct due *d)
{
	h->items[pos] = d;
	d->pos = pos;
}

static void sift(struct due_heap *h, uint32_t pos)
{
	struct due *d = h->items[pos];

	while (pos > 1 && d->at.us < h->items[pos / 2]->at.us) {
		put(h, pos, h->items[pos / 2]);
		pos /= 2;
	}
	while (2 * pos <= h->n) {
		uint32_t child = 2 * pos;

		if (child < h->n && h->items[child + 1]->at.us < h->items[child]->at.us)
			child++;
		if (h->items[child]->at.us >= d->at.us)
			break;
		put(h, pos, h->items[child]);
		pos = child;
	}
	put(h, pos, d);
}

void due_set(struct due_heap *h, struct due *d, struct mono at)
{
	d->at = at;
	if (!d->pos) {
		if (h->n + 1 >= h->cap) {
			h->cap = h->cap ? 2 * h->cap : 64;
			h->items = xrealloc(h->items, h->cap * sizeof(*h->items));
		}
		put(h, ++h->n, d);
	}
	sift(h, d->pos);
}

void due_clear(struct due_heap *h, struct due *d)
{
	uint32_t pos = d->pos;

	if (!pos)
		return;
	d->pos = 0;
	if (pos != h->n) {
		put(h, pos, h->items[h->n--]);
		sift(h, pos);
	} else {
		h->n--;
	}
}

struct due *due_first(const struct due_heap *h)
{
	return h->n ? h->items[1] : NULL;
}

void due_done(struct due_heap *h)
{
	free(h->items);
	*h = (struct due_heap){0};
}
