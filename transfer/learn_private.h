/* learn_private.h: what learn.c (questions and answers) and learn_write.c (the result) share. */
#ifndef SPOKESYNC_TRANSFER_LEARN_PRIVATE_H
#define SPOKESYNC_TRANSFER_LEARN_PRIVATE_H

#include "transfer/learn.h"

#define STRANGE_MAX (1u << 20) /* 24 MiB */
#define NOWHERE	    UINT64_MAX

/* Pieces, as ascending runs; taken from the front. */
struct pieces {
	struct run *runs;
	size_t n, room, at; /* runs[at] is the first that is left */
};

/* A block of the base that the new content does not have in its place. */
struct strange {
	uint64_t id, block;
	uint64_t new_block; /* where the new content has it, or NOWHERE */
};

struct learn {
	struct index *index; /* of the new content */
	struct hash base;
	uint64_t base_size, blocks; /* blocks that both have */
	uint64_t *equal;	    /* a bit a block */
	enum tree_level level;
	struct pieces todo, next; /* at this level; at the one after it */
	struct run question[TREE_RUNS_MAX];
	size_t n_runs;
	uint64_t n_pieces, level_pieces, level_done;
	uint64_t spent, gained;	 /* bytes, for the bound */
	struct strange *strange; /* by block; sorted by id once all are there */
	size_t n_strange, strange_room;
	struct learn_stats stats;
};

static inline bool learn_is_equal(const struct learn *l, uint64_t block)
{
	return block < l->blocks && (l->equal[block / 64] >> (block % 64) & 1);
}

/* Whether both have this node whole, or both end with it. */
bool learn_node_shared(const struct learn *l, uint64_t node);
bool learn_node_equal(const struct learn *l, uint64_t node); /* all of its blocks */
/* Finds the strange blocks in the new content, and sorts them by block again. */
void learn_find_moved(struct learn *l);

#endif
