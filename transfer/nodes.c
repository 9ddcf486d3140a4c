/*
 * nodes.c: the state of each node of a content under way. See nodes.h.
 */
#include "transfer/nodes.h"

#include <stdlib.h>
#include <string.h>

void nodes_init(struct nodes *x, uint64_t n)
{
	memset(x, 0, sizeof(*x));
	x->n = n;
	x->state = xcalloc(n + 1, 1);
	x->touched = xcalloc(n / 8 + 1, 1);
}

void nodes_done(struct nodes *x)
{
	free(x->state);
	free(x->touched);
	free(x->changes);
	memset(x, 0, sizeof(*x));
}

static void count(struct nodes *x, uint8_t state, int64_t by)
{
	if (node_proven(state))
		x->proven += (uint64_t)by;
	else if (state == NODE_FAILED)
		x->failed += (uint64_t)by;
	else if (state & NODE_FILL)
		x->filling += (uint64_t)by;
}

static void note(struct nodes *x, uint64_t first, uint64_t n, uint8_t state)
{
	struct node_change *last = x->n_changes ? &x->changes[x->n_changes - 1] : NULL;

	if (last && last->state == state && last->first + last->n == first) {
		last->n += n;
		return;
	}
	if (x->n_changes == x->size_changes) {
		x->size_changes = x->size_changes ? 2 * x->size_changes : 64;
		x->changes = xrealloc(x->changes, x->size_changes * sizeof(*x->changes));
	}
	x->changes[x->n_changes++] = (struct node_change){first, n, state};
}

void nodes_set(struct nodes *x, uint64_t first, uint64_t n, uint8_t state)
{
	uint64_t i;

	for (i = first; i < first + n && i < x->n; i++) {
		if (x->state[i] == state)
			continue;
		count(x, x->state[i], -1);
		x->state[i] = state;
		count(x, state, 1);
		note(x, i, 1, state);
	}
}

void nodes_changes_done(struct nodes *x)
{
	x->n_changes = 0;
}

bool nodes_touched(const struct nodes *x, uint64_t node)
{
	return x->touched[node / 8] & (1u << (node % 8));
}

void nodes_touch(struct nodes *x, uint64_t node)
{
	x->touched[node / 8] |= (uint8_t)(1u << (node % 8));
}

void nodes_untouch(struct nodes *x, uint64_t node)
{
	x->touched[node / 8] &= (uint8_t) ~(1u << (node % 8));
}

void nodes_touch_all(struct nodes *x)
{
	memset(x->touched, 0xff, x->n / 8 + 1);
}

bool nodes_next_fill(const struct nodes *x, uint64_t from, uint64_t *ret)
{
	uint64_t i;

	for (i = from; x->filling && i < x->n; i++)
		if (!(x->state[i] & NODE_BASE) && (x->state[i] & NODE_FILL)) {
			*ret = i;
			return true;
		}
	return false;
}

static bool wanted(uint8_t state, bool failed)
{
	return failed ? state == NODE_FAILED : node_proven(state) || (state & NODE_FILL);
}

void nodes_runs(const struct nodes *x, bool failed, struct run **ret, size_t *ret_n)
{
	struct run *runs = NULL;
	size_t n = 0, size = 0;
	uint64_t i, first;

	for (i = 0; i < x->n; i++) {
		if (!wanted(x->state[i], failed))
			continue;
		for (first = i; i < x->n && wanted(x->state[i], failed); i++)
			;
		if (n == size) {
			size = size ? 2 * size : 16;
			runs = xrealloc(runs, size * sizeof(*runs));
		}
		runs[n++] = (struct run){first, i - first};
	}
	*ret = runs;
	*ret_n = n;
}

uint64_t nodes_proven_bytes(const struct nodes *x, uint64_t size)
{
	uint64_t bytes = x->proven * NODE_SIZE;

	if (x->n && node_proven(x->state[x->n - 1]) && size % NODE_SIZE)
		bytes -= NODE_SIZE - size % NODE_SIZE;
	return bytes;
}
