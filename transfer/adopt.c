/*
 * adopt.c: nodes that a superseded transfer had proven and that the hub says are the same in its
 * successor: shared where a base of both has them, else read, hashed, compared and written. See
 * staging.h.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <unistd.h>

/* The hash of a proven node of the old transfer. */
static const struct hash *old_hash(struct staging *old, uint64_t node)
{
	struct pin *p;

	if (old->nodes.state[node] == NODE_OWN)
		return old->own || staging_own_hashes(old, &old->own) == 0 ? &old->own[node] : NULL;
	return pin_ready(old, NODE_PIN(old->nodes.state[node]), &p) < 0
		       ? NULL
		       : index_node(p->index, node);
}

/* Read, hashed and compared with what was proven: the old image is not trusted blindly. */
static int adopt_bytes(struct staging *st, struct staging *old, struct build *b)
{
	size_t len = (size_t)MIN((uint64_t)NODE_SIZE, st->size - b->node * NODE_SIZE);
	const struct hash *was = old_hash(old, b->node);
	struct hash got;
	int r;

	if (!was ||
	    pread(old->image_fd, st->as->node, len, (off_t)(b->node * NODE_SIZE)) != (ssize_t)len)
		return -ENOENT;
	build_data(st, b, 0, b->n, st->as->node);
	digest_node(b->leaves, b->n, &got);
	if (!hash_equal(&got, was))
		return -ENOENT;
	build_keep(st, b);
	r = build_write(st, b);
	return r < 0 ? r : build_leaves(st, b, &got);
}

/* It is as in a base of both, whose blocks are shared: as the frame would have made it. */
static int adopt_shared(struct staging *st, struct staging *old, uint64_t node)
{
	uint8_t state = old->nodes.state[node];
	struct pin *p;
	int k, r;

	if (!(state & NODE_BASE))
		return -ENOENT;
	k = pin_find(st, &old->pins[NODE_PIN(state)].root);
	if (k < 0 || st->pins[k].link)
		return -ENOENT;
	r = pin_ready(st, (unsigned)k, &p);
	if (r == 0)
		r = build_share(st, node, (unsigned)k);
	if (r < 0)
		return -ENOENT;
	nodes_set(&st->nodes, node, 1, (uint8_t)(NODE_BASE | (unsigned)k));
	return 0;
}

static int adopt_copy(struct staging *st, struct staging *old, uint64_t node)
{
	struct build b;
	int r;

	build_begin(&b, st, node);
	pthread_mutex_lock(&st->as->lock);
	r = adopt_bytes(st, old, &b);
	pthread_mutex_unlock(&st->as->lock);
	if (r == 0)
		nodes_set(&st->nodes, node, 1, NODE_OWN);
	return r;
}

static int adopt_node(struct staging *st, struct staging *old, uint64_t node)
{
	int r;

	if (node >= st->nodes.n || node >= old->nodes.n || node_proven(st->nodes.state[node]) ||
	    !node_proven(old->nodes.state[node]))
		return 0;
	/* Of the last nodes only those that are equally long are the same. */
	if ((node + 1 == st->nodes.n || node + 1 == old->nodes.n) && st->size != old->size)
		return 0;
	r = adopt_shared(st, old, node);
	if (r == -ENOENT)
		r = adopt_copy(st, old, node);
	return r == -ENOENT ? 0 : r;
}

int staging_adopt(struct staging *st, struct staging *old, const struct run *same, size_t n,
		  uint64_t max_bytes, uint64_t *next)
{
	uint64_t done = 0, node;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		uint64_t end = same[i].first + MIN(same[i].n, st->nodes.n);

		for (node = MAX(same[i].first, *next); node < end; node++) {
			uint64_t before = st->nodes.proven;

			if (done >= max_bytes) {
				*next = node;
				r = staging_commit(st);
				return r < 0 ? r : 1;
			}
			r = adopt_node(st, old, node);
			if (r < 0)
				return r;
			done += (st->nodes.proven - before) * NODE_SIZE;
		}
	}
	return staging_commit(st);
}
