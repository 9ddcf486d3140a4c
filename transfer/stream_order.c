/*
 * stream_order.c: which frames of a plan a stream has: those that its header does not leave out.
 * Pure.
 */
#include "transfer/bundle_private.h"

#include <stdlib.h>

/* Whether [first, first + n) lies in one of the runs; *at is where the search goes on. */
bool runs_cover(const struct run *runs, size_t n_runs, size_t *at, uint64_t first, uint64_t n)
{
	uint64_t end = first + n;

	while (*at < n_runs && runs[*at].first + runs[*at].n <= first)
		(*at)++;
	/* Runs that touch count as one. */
	for (size_t i = *at; i < n_runs && runs[i].first <= first; i++) {
		first = MAX(first, runs[i].first + runs[i].n);
		if (first >= end)
			return true;
	}
	return false;
}

uint32_t *stream_order(const struct bundle_header *h, uint32_t *ret_n)
{
	uint32_t *order = xcalloc(MAX(h->n_frames, 1u), sizeof(*order)), n = 0;
	size_t at = 0;

	for (uint32_t f = 0; f < h->n_frames; f++) {
		if (!runs_cover(h->left_out, h->n_left_out, &at, f, 1))
			order[n++] = f;
	}
	*ret_n = n;
	return order;
}
