/*
 * tree.c: the hashes of a descent's pieces, out of an index. See tree.h for which they are.
 */
#include "transfer/tree.h"

#include <errno.h>
#include <string.h>

#define SHORT_HASH   8u
#define MIDDLE_PIECE 16u
#define COARSE_NODES 2u

uint64_t tree_blocks(enum tree_level level)
{
	switch (level) {
	case TREE_COARSE:
		return COARSE_NODES * NODE_BLOCKS;
	case TREE_MIDDLE:
		return MIDDLE_PIECE;
	case TREE_GROUPS:
	case TREE_NODES:
		return NODE_BLOCKS;
	default:
		return 1;
	}
}

uint64_t tree_pieces(enum tree_level level, uint64_t size)
{
	uint64_t blocks = tree_blocks(level);

	return (blocks_of(size) + blocks - 1) / blocks;
}

unsigned tree_hash_size(enum tree_level level)
{
	return level == TREE_PATH || level >= TREE_GROUPS ? HASH_SIZE : SHORT_HASH;
}

uint64_t tree_hashes(enum tree_level level, uint64_t n)
{
	return level == TREE_GROUPS ? (n + TREE_GROUP - 1) / TREE_GROUP : n;
}

static void hash_coarse(const struct index *x, uint64_t piece, struct hash *ret)
{
	uint64_t first = piece * COARSE_NODES;
	unsigned n = (unsigned)MIN(nodes_of(index_size(x)) - first, (uint64_t)COARSE_NODES);
	struct hash nodes[COARSE_NODES];

	for (unsigned i = 0; i < n; i++)
		nodes[i] = *index_node(x, first + i);
	digest_bytes(nodes, n * sizeof(*nodes), ret);
}

static void hash_middle(const struct index *x, uint64_t piece, struct hash *ret)
{
	uint64_t first = piece * MIDDLE_PIECE;
	unsigned n = (unsigned)MIN(blocks_of(index_size(x)) - first, (uint64_t)MIDDLE_PIECE);
	struct hash leaves[MIDDLE_PIECE];

	for (unsigned i = 0; i < n; i++)
		leaves[i] = *index_leaf(x, first + i);
	digest_bytes(leaves, n * sizeof(*leaves), ret);
}

void tree_hash(const struct index *x, enum tree_level level, uint64_t piece, uint8_t *ret)
{
	struct hash h;

	if (level == TREE_COARSE)
		hash_coarse(x, piece, &h);
	else if (level == TREE_MIDDLE)
		hash_middle(x, piece, &h);
	else if (level == TREE_BLOCK)
		h = *index_leaf(x, piece);
	else
		h = *index_node(x, piece);
	memcpy(ret, h.b, tree_hash_size(level));
}

/* A group's hash, once it is full or nothing follows. */
static void close_group(struct hash *nodes, unsigned *n, uint8_t **ret)
{
	struct hash h;

	digest_bytes(nodes, *n * sizeof(*nodes), &h);
	memcpy(*ret, h.b, HASH_SIZE);
	*ret += HASH_SIZE;
	*n = 0;
}

int tree_hash_runs(const struct index *x, enum tree_level level, const struct run *runs, size_t n,
		   const atomic_bool *cancel, uint8_t *ret)
{
	struct hash nodes[TREE_GROUP];
	unsigned in_group = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t end = runs[i].first + runs[i].n;

		if (cancel != NULL && *cancel)
			return -ECANCELED;
		for (uint64_t piece = runs[i].first; piece < end; piece++) {
			if (level != TREE_GROUPS) {
				tree_hash(x, level, piece, ret);
				ret += tree_hash_size(level);
				continue;
			}
			nodes[in_group++] = *index_node(x, piece);
			if (in_group == TREE_GROUP)
				close_group(nodes, &in_group, &ret);
		}
	}
	if (in_group > 0)
		close_group(nodes, &in_group, &ret);
	return 0;
}
