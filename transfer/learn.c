/*
 * learn.c: which question comes next, and what an answer says. See learn.h for the model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/learn_private.h"

/* One question: 128 KiB of short hashes. */
#define QUESTION_PIECES 16384u
/* What a request costs beside its runs and hashes, and a run of the question. */
#define REQUEST_COST 700u
#define RUN_COST     3u
#define BOUND_LEAST  (64u << 10)
#define BOUND_PART   4096u
#define GAIN_PART    64u

int learn_new(struct index *new_index, const struct hash *base, uint64_t base_size,
	      struct learn **ret)
{
	struct learn *l;

	if (MAX(index_size(new_index), base_size) > LEARN_SIZE_MAX)
		return -EFBIG;
	l = xcalloc(1, sizeof(*l));
	l->index = index_ref(new_index);
	l->base = *base;
	l->base_size = base_size;
	l->blocks = MIN(blocks_of(index_size(new_index)), blocks_of(base_size));
	l->equal = xcalloc(l->blocks / 64 + 1, sizeof(*l->equal));
	*ret = l;
	return 0;
}

struct learn *learn_free(struct learn *l)
{
	if (l == NULL)
		return NULL;
	index_unref(l->index);
	free(l->equal);
	free(l->todo.runs);
	free(l->next.runs);
	free(l->strange);
	free(l);
	return NULL;
}

static void pieces_add(struct pieces *p, uint64_t first, uint64_t n)
{
	struct run *last = p->n > 0 ? &p->runs[p->n - 1] : NULL;

	if (last != NULL && last->first + last->n == first) {
		last->n += n;
		return;
	}
	if (p->n == p->room) {
		p->room = MAX((size_t)64, 2 * p->room);
		p->runs = xrealloc(p->runs, p->room * sizeof(*p->runs));
	}
	p->runs[p->n++] = (struct run){.first = first, .n = n};
}

static uint64_t pieces_left(const struct pieces *p)
{
	uint64_t n = 0;

	for (size_t i = p->at; i < p->n; i++)
		n += p->runs[i].n;
	return n;
}

bool learn_node_shared(const struct learn *l, uint64_t node)
{
	uint64_t new_size = index_size(l->index), nodes = nodes_of(MIN(new_size, l->base_size));

	return node < nodes && (new_size == l->base_size || node + 1 < nodes);
}

bool learn_node_equal(const struct learn *l, uint64_t node)
{
	uint64_t block = node * NODE_BLOCKS, end = MIN(block + NODE_BLOCKS, l->blocks);

	for (; block + 64 <= end; block += 64) {
		if (l->equal[block / 64] != UINT64_MAX)
			return false;
	}
	for (; block < end; block++) {
		if (!learn_is_equal(l, block))
			return false;
	}
	return true;
}

static void set_equal(struct learn *l, uint64_t first, uint64_t n, bool equal)
{
	uint64_t end = MIN(first + n, l->blocks);

	for (uint64_t block = first; block < end; block++) {
		uint64_t bit = (uint64_t)1 << (block % 64), *word = &l->equal[block / 64];

		if (((*word & bit) != 0) == equal)
			continue;
		*word ^= bit;
		if (equal)
			l->stats.equal += BLOCK_SIZE;
		else
			l->stats.equal -= BLOCK_SIZE;
	}
}

/* The finer pieces of one that differs. */
static void split(struct learn *l, uint64_t piece)
{
	enum tree_level finer = l->level + 1;
	uint64_t ratio = tree_blocks(l->level) / tree_blocks(finer);
	uint64_t size = MIN(index_size(l->index), l->base_size);
	uint64_t first = piece * ratio, end = MIN(first + ratio, tree_pieces(finer, size));

	pieces_add(&l->next, first, end - first);
}

static void add_strange(struct learn *l, uint64_t block, const uint8_t *hash)
{
	struct strange s = {.block = block, .new_block = NOWHERE};

	if (l->n_strange == STRANGE_MAX)
		return;
	if (l->n_strange == l->strange_room) {
		l->strange_room = MAX((size_t)1024, 2 * l->strange_room);
		l->strange = xrealloc(l->strange, l->strange_room * sizeof(s));
	}
	memcpy(&s.id, hash, sizeof(s.id));
	l->strange[l->n_strange++] = s;
}

static void take_short(struct learn *l, uint64_t piece, const uint8_t *hash)
{
	uint64_t blocks = tree_blocks(l->level);
	uint8_t ours[HASH_SIZE];

	tree_hash(l->index, l->level, piece, ours);
	if (memcmp(ours, hash, tree_hash_size(l->level)) == 0) {
		set_equal(l, piece * blocks, blocks, true);
		if (l->level > TREE_COARSE)
			l->gained += blocks * BLOCK_SIZE;
	} else if (l->level == TREE_BLOCK) {
		add_strange(l, piece, hash);
	} else {
		split(l, piece);
	}
}

static void take_node(struct learn *l, uint64_t node, const uint8_t *hash)
{
	if (memcmp(index_node(l->index, node)->b, hash, HASH_SIZE) == 0)
		return;
	set_equal(l, node * NODE_BLOCKS, NODE_BLOCKS, false);
	l->stats.lies++;
}

/* Groups were hashed in the order in which they were asked for; ours are compared at once. */
static int take_groups(struct learn *l, const uint8_t *hashes, const atomic_bool *cancel)
{
	uint64_t n = tree_hashes(TREE_GROUPS, l->n_pieces), at = 0;
	uint8_t *ours = xcalloc(n, HASH_SIZE);
	int r = tree_hash_runs(l->index, TREE_GROUPS, l->question, l->n_runs, cancel, ours);

	for (size_t i = 0; r == 0 && i < l->n_runs; i++) {
		for (uint64_t k = 0; k < l->question[i].n; k++, at++) {
			uint64_t group = at / TREE_GROUP * HASH_SIZE;

			if (memcmp(ours + group, hashes + group, HASH_SIZE) != 0)
				pieces_add(&l->next, l->question[i].first + k, 1);
		}
	}
	free(ours);
	return r;
}

int learn_answer(struct learn *l, const struct tree_answer *a, const atomic_bool *cancel,
		 struct err *e)
{
	unsigned hash_size = tree_hash_size(l->level);
	const uint8_t *hash = a->hashes;
	int r = 0;

	if (a->level != l->level || a->size != l->base_size ||
	    a->n != tree_hashes(l->level, l->n_pieces))
		return err_set(e, -EBADMSG, "the spoke answered something else than was asked");
	l->spent += a->n * hash_size;
	l->stats.hashes += a->n;
	if (l->level == TREE_GROUPS)
		r = take_groups(l, hash, cancel);
	for (size_t i = 0; r == 0 && l->level != TREE_GROUPS && i < l->n_runs; i++) {
		if (cancel != NULL && *cancel)
			return -ECANCELED;
		for (uint64_t k = 0; k < l->question[i].n; k++, hash += hash_size) {
			if (l->level == TREE_NODES)
				take_node(l, l->question[i].first + k, hash);
			else
				take_short(l, l->question[i].first + k, hash);
		}
	}
	l->level_done += l->n_pieces;
	l->n_pieces = 0;
	return r;
}

static void ask_for_nodes(struct learn *l)
{
	uint64_t nodes = nodes_of(MIN(index_size(l->index), l->base_size));

	for (uint64_t node = 0; node < nodes; node++) {
		if (learn_node_shared(l, node) && learn_node_equal(l, node))
			pieces_add(&l->todo, node, 1);
	}
}

/* Swaps in what the last level left to ask. */
static void next_level(struct learn *l)
{
	struct pieces done = l->todo;

	done.n = done.at = 0;
	l->todo = l->next;
	l->next = done;
	l->level++;
	if (l->level == TREE_COARSE)
		pieces_add(&l->todo, 0,
			   tree_pieces(TREE_COARSE, MIN(index_size(l->index), l->base_size)));
	if (l->level == TREE_GROUPS) {
		learn_find_moved(l);
		ask_for_nodes(l);
	}
	l->level_pieces = pieces_left(&l->todo);
	l->level_done = 0;
}

/* Is the next question worth its bytes? What must be certain, and the first look, always are. */
static bool worth_it(const struct learn *l)
{
	uint64_t bound = BOUND_LEAST + l->blocks * BLOCK_SIZE / BOUND_PART;
	uint64_t n = MIN(pieces_left(&l->todo), (uint64_t)QUESTION_PIECES);

	if (l->level != TREE_MIDDLE && l->level != TREE_BLOCK)
		return true;
	return l->spent + n * tree_hash_size(l->level) <= bound + l->gained / GAIN_PART;
}

static void take_question(struct learn *l)
{
	uint64_t room = QUESTION_PIECES;

	l->n_runs = 0;
	l->n_pieces = 0;
	while (l->todo.at < l->todo.n && l->n_runs < TREE_RUNS_MAX && room > 0) {
		struct run *from = &l->todo.runs[l->todo.at];
		struct run r = {.first = from->first, .n = MIN(from->n, room)};

		l->question[l->n_runs++] = r;
		l->n_pieces += r.n;
		room -= r.n;
		from->first += r.n;
		from->n -= r.n;
		if (from->n == 0)
			l->todo.at++;
	}
	l->spent += REQUEST_COST + l->n_runs * RUN_COST;
}

bool learn_next(struct learn *l, struct tree_ask *ret)
{
	if (l->todo.at < l->todo.n && !worth_it(l)) {
		l->todo.at = l->todo.n;
		l->stats.cut = true;
	}
	while (l->todo.at == l->todo.n && l->level <= TREE_NODES) {
		next_level(l);
		if (l->todo.at < l->todo.n && !worth_it(l)) {
			l->todo.at = l->todo.n;
			l->stats.cut = true;
		}
	}
	if (l->level > TREE_NODES || l->blocks == 0)
		return false;
	take_question(l);
	*ret = (struct tree_ask){.level = l->level,
				 .root = l->base,
				 .runs = l->question,
				 .n_runs = l->n_runs,
				 .n = l->n_pieces};
	return true;
}

void learn_stats(const struct learn *l, struct learn_stats *ret)
{
	uint64_t level = MIN((uint64_t)l->level, (uint64_t)TREE_GROUPS), all = l->level_pieces;

	*ret = l->stats;
	/* Four steps, as if each took as long. */
	ret->percent = (unsigned)((level > 0 ? level - 1 : 0) * 25 +
				  (all > 0 ? l->level_done * 25 / all : 0));
	ret->percent = MIN(ret->percent, 99u);
}
