/*
 * learn_write.c: what was learned of a content, as an index in part. Node hashes are those that
 * were asked for whole; leaves are those of the new content where a short hash says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/learn_private.h"

static int by_id(const void *a, const void *b)
{
	const struct strange *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->block > y->block) - (x->block < y->block);
}

static int by_block(const void *a, const void *b)
{
	const struct strange *x = a, *y = b;

	return (x->block > y->block) - (x->block < y->block);
}

/* The first strange block with this id, or NULL. */
static struct strange *find(struct learn *l, uint64_t id)
{
	size_t low = 0, high = l->n_strange;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->strange[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n_strange && l->strange[low].id == id ? &l->strange[low] : NULL;
}

void learn_find_moved(struct learn *l)
{
	uint64_t blocks = blocks_of(index_size(l->index));

	if (l->n_strange == 0)
		return;
	qsort(l->strange, l->n_strange, sizeof(*l->strange), by_id);
	for (uint64_t block = 0; block < blocks; block++) {
		struct strange *s;
		uint64_t id;

		if (learn_is_equal(l, block) || index_block_is_zero(l->index, block))
			continue;
		memcpy(&id, index_leaf(l->index, block), sizeof(id));
		s = find(l, id);
		if (s == NULL || s->new_block != NOWHERE)
			continue;
		s->new_block = block;
		l->stats.moved += BLOCK_SIZE;
	}
	qsort(l->strange, l->n_strange, sizeof(*l->strange), by_block);
}

struct writing {
	struct learn *l;
	struct index *before; /* what was known already, or NULL */
	struct index_writer *w;
	size_t strange; /* the next one, as blocks ascend */
};

/* What was known before of a block that the new content does not have in its place. */
static const struct hash *known_before(const struct writing *x, uint64_t block)
{
	const struct hash *leaf;

	if (x->before == NULL)
		return &hash_unknown_block;
	leaf = index_leaf(x->before, block);
	/* Where it says that the new content has it here, it was asked about, and it does not. */
	if (block < blocks_of(index_size(x->l->index)) &&
	    hash_equal(leaf, index_leaf(x->l->index, block)))
		return &hash_unknown_block;
	return leaf;
}

static const struct hash *leaf_of(struct writing *x, uint64_t block)
{
	struct learn *l = x->l;
	const struct strange *s;

	if (learn_is_equal(l, block))
		return index_leaf(l->index, block);
	while (x->strange < l->n_strange && l->strange[x->strange].block < block)
		x->strange++;
	s = x->strange < l->n_strange ? &l->strange[x->strange] : NULL;
	if (s != NULL && s->block == block && s->new_block != NOWHERE)
		return index_leaf(l->index, s->new_block);
	return known_before(x, block);
}

static int write_node(struct writing *x, uint64_t node)
{
	uint64_t first = node * NODE_BLOCKS, end = blocks_of(x->l->base_size);
	struct hash leaves[NODE_BLOCKS];

	if (learn_node_shared(x->l, node) && learn_node_equal(x->l, node))
		return index_writer_same(x->w, node, x->l->index);
	if (x->before != NULL && !hash_equal(index_node(x->before, node), &hash_unknown_block))
		return index_writer_same(x->w, node, x->before);
	for (uint64_t i = 0; i < NODE_BLOCKS && first + i < end; i++)
		leaves[i] = *leaf_of(x, first + i);
	return index_writer_unsure(x->w, node, leaves);
}

int learn_write(struct learn *l, int index_dirfd, const atomic_bool *cancel)
{
	struct writing x = {.l = l};
	int r;

	if (l->stats.equal + l->stats.moved == 0 || index_exists(index_dirfd, &l->base))
		return 0;
	if (index_open_any(index_dirfd, &l->base, &x.before, NULL) < 0)
		x.before = NULL;
	if (x.before != NULL && index_size(x.before) != l->base_size)
		x.before = index_unref(x.before);
	r = index_writer_new(index_dirfd, l->base_size, &x.w);
	for (uint64_t node = 0; r == 0 && node < nodes_of(l->base_size); node++)
		r = cancel != NULL && *cancel ? -ECANCELED : write_node(&x, node);
	if (r == 0)
		r = index_writer_finish_part(x.w, &l->base);
	index_writer_free(x.w);
	index_unref(x.before);
	return r;
}
