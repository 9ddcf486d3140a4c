/*
 * spoke_publish_turn.c: publications in their turn. Those that have a name or a content in common
 * go one after the other, as they came: what is staged of a content is there once, and the first
 * takes it; the next one copies from what that made. All others go side by side.
 */
#include <string.h>

#include "scheduler/spoke_publish.h"

static bool brings(const struct wire_op *o)
{
	return o->kind == WIRE_PUT || o->kind == WIRE_COPY_OF;
}

static bool ops_meet(const struct wire_op *a, const struct wire_op *b)
{
	return (brings(a) && brings(b) && hash_equal(&a->root, &b->root)) ||
	       !strcmp(a->path, b->path) || !strcmp(a->from, b->path) || !strcmp(a->path, b->from);
}

static bool publications_meet(const struct publishing *a, const struct publishing *b)
{
	for (size_t i = 0; i < a->ops.n_ops; i++)
		for (size_t k = 0; k < b->ops.n_ops; k++)
			if (ops_meet(&a->ops.ops[i], &b->ops.ops[k]))
				return true;
	return false;
}

static bool has_to_wait(const struct publishing *x)
{
	const struct publishing *y;

	TAILQ_FOREACH (y, &x->g->publishing, entry) {
		if (y == x)
			break;
		if (publications_meet(x, y))
			return true;
	}
	return false;
}

void publishing_enter(struct publishing *x)
{
	TAILQ_INSERT_TAIL(&x->g->publishing, x, entry);
	x->waits = has_to_wait(x);
	if (!x->waits)
		publishing_start(x);
}

/* Each that begins may end at once and change the list, so it is looked through anew. */
void publishing_left(struct spoke_group *g)
{
	struct publishing *x;

	do {
		TAILQ_FOREACH (x, &g->publishing, entry)
			if (x->waits && !has_to_wait(x))
				break;
		if (x) {
			x->waits = false;
			publishing_start(x);
		}
	} while (x);
	spoke_index_go(g);
}
