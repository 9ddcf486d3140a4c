/*
 * delta.c: a plan from indexes. Nodes are looked at in order and every block of them gets its op:
 *
 *   SAME  the whole node is in a base at the same place (never the last node of either file where
 *         sizes differ)
 *   ZERO  a zero block
 *   COPY  the block is in a base: at the same place, else where the previous block's copy goes
 *         on, else where the table of moved blocks (moved.h) has it
 *   LIT   none of these
 *
 * Runs of equal ops are merged within a frame. A frame is closed before the node that could break a
 * limit. All of it depends on nothing but the indexes, so P fixes the tiling.
 */
#include "transfer/delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/cursor.h"
#include "transfer/moved.h"

#define PLAN_OPTIONS 1u /* 1: literals may become patches (patch.h) */

struct making {
	struct index *new_index;
	struct index *const *bases;
	unsigned n_bases;
	uint64_t size;
	struct plan *plan;
	struct moved *moved;
	uint32_t frames_room, ops_room;
	/* The frame being tiled; its ops are the plan's once it is closed. */
	struct plan_frame frame;
	struct op last_copy; /* n 0: none; the block before this one was copied by it */
};

void plan_id(const struct hash *root, const struct hash *bases, unsigned n_bases, struct hash *ret)
{
	uint8_t buf[16 + 12 + (FRAME_BASES_MAX + 1) * HASH_SIZE], *p = buf;

	p = put_bytes(p, "spokesync plan 1", 16);
	p = put_u32(p, FRAME_FORMAT);
	p = put_u32(p, PLAN_OPTIONS);
	p = put_u32(p, n_bases);
	p = put_bytes(p, root->b, HASH_SIZE);
	for (unsigned i = 0; i < n_bases; i++)
		p = put_bytes(p, bases[i].b, HASH_SIZE);
	digest_bytes(buf, (size_t)(p - buf), ret);
}

/* The first base that has the whole node in the same place. */
static bool same_node(const struct making *m, uint64_t node, unsigned *ret_base)
{
	for (unsigned i = 0; i < m->n_bases; i++) {
		uint64_t base_size = index_size(m->bases[i]), base_nodes = nodes_of(base_size);

		if (node >= base_nodes)
			continue;
		if (base_size != m->size &&
		    (node + 1 == base_nodes || node + 1 == nodes_of(m->size)))
			continue;
		if (hash_equal(index_node(m->bases[i], node), index_node(m->new_index, node))) {
			*ret_base = i;
			return true;
		}
	}
	return false;
}

static bool base_has(const struct making *m, unsigned base, uint64_t block, const struct hash *leaf)
{
	return block < blocks_of(index_size(m->bases[base])) &&
	       hash_equal(index_leaf(m->bases[base], block), leaf);
}

/* Where a block that is not zero comes from. */
static struct op block_op(const struct making *m, uint64_t block)
{
	const struct hash *leaf = index_leaf(m->new_index, block);
	struct op op = {.kind = OP_COPY, .n = 1};

	for (op.base = 0; op.base < m->n_bases; op.base++) {
		op.src = block;
		if (base_has(m, op.base, block, leaf))
			return op;
	}
	op.base = m->last_copy.base;
	op.src = m->last_copy.src + m->last_copy.n;
	if (m->last_copy.n > 0 && base_has(m, op.base, op.src, leaf))
		return op;
	if (moved_find(m->moved, leaf, &op.base, &op.src))
		return op;
	return (struct op){.kind = OP_LIT, .n = 1};
}

static bool goes_on(const struct op *last, const struct op *op)
{
	if (last->kind != op->kind || last->n > UINT32_MAX - op->n)
		return false;
	if (op->kind == OP_SAME)
		return last->base == op->base;
	return op->kind != OP_COPY || (last->base == op->base && last->src + last->n == op->src);
}

static uint64_t block_bytes(const struct making *m, uint64_t block, uint64_t n)
{
	return MIN((block + n) * BLOCK_SIZE, m->size) - block * BLOCK_SIZE;
}

static void add_op(struct making *m, uint64_t block, struct op op)
{
	struct plan_frame *f = &m->frame;
	uint64_t bytes = block_bytes(m, block, op.n);

	switch (op.kind) {
	case OP_SAME:
		m->plan->same_bytes += bytes;
		break;
	case OP_COPY:
		m->plan->copy_bytes += bytes;
		if (op.base != 0 || op.src != block)
			m->plan->moved_bytes += bytes;
		break;
	case OP_ZERO:
		m->plan->zero_bytes += bytes;
		break;
	case OP_LIT:
		m->plan->literal_bytes += bytes;
		f->literal_bytes += bytes;
		break;
	case OP_PATCH: /* made of literals, later (patch.h) */
		break;
	}
	if (f->n_ops > 0 && goes_on(&f->ops[f->n_ops - 1], &op)) {
		f->ops[f->n_ops - 1].n += op.n;
		return;
	}
	if (f->n_ops == m->ops_room) {
		m->ops_room = MAX(64u, 2 * m->ops_room);
		f->ops = xrealloc(f->ops, m->ops_room * sizeof(*f->ops));
	}
	f->ops[f->n_ops++] = op;
}

static void close_frame(struct making *m)
{
	struct plan_frame *f = &m->frame;
	uint32_t next = f->first_node + f->n_nodes;

	if (f->n_nodes == 0)
		return;
	if (m->plan->n_frames == m->frames_room) {
		m->frames_room = MAX(16u, 2 * m->frames_room);
		m->plan->frames =
			xrealloc(m->plan->frames, m->frames_room * sizeof(*m->plan->frames));
	}
	f->ops = xrealloc(f->ops, f->n_ops * sizeof(*f->ops));
	m->plan->frames[m->plan->n_frames++] = *f;
	*f = (struct plan_frame){.first_node = next};
	m->ops_room = 0;
}

static void add_node(struct making *m, uint64_t node)
{
	uint64_t first = node * NODE_BLOCKS;
	uint64_t end = MIN(first + NODE_BLOCKS, blocks_of(m->size));
	struct plan_frame *f = &m->frame;
	unsigned base;

	/* What one node can add at most decides, so that a node is never begun and undone. */
	if (f->n_nodes == FRAME_NODES_MAX || f->n_ops + NODE_BLOCKS > FRAME_OPS_MAX ||
	    f->literal_bytes + NODE_SIZE > FRAME_LITERALS_MAX)
		close_frame(m);
	f->n_nodes++;
	if (same_node(m, node, &base)) {
		add_op(m, first,
		       (struct op){.kind = OP_SAME, .base = base, .n = (uint32_t)(end - first)});
		m->last_copy.n = 0;
		return;
	}
	for (uint64_t block = first; block < end; block++) {
		struct op op = {.kind = OP_ZERO, .n = 1};

		if (!index_block_is_zero(m->new_index, block))
			op = block_op(m, block);
		add_op(m, block, op);
		if (op.kind == OP_COPY)
			m->last_copy = op;
		else
			m->last_copy.n = 0;
	}
}

/* Blocks that are neither zero nor in a base at the same place: those the table must look for. */
static int collect_moved(struct making *m, uint64_t *node)
{
	for (; *node < nodes_of(m->size) && moved_has_room(m->moved, NODE_BLOCKS); (*node)++) {
		uint64_t first = *node * NODE_BLOCKS;
		uint64_t end = MIN(first + NODE_BLOCKS, blocks_of(m->size));
		unsigned base;

		if (same_node(m, *node, &base))
			continue;
		for (uint64_t block = first; block < end; block++) {
			const struct hash *leaf = index_leaf(m->new_index, block);

			if (index_block_is_zero(m->new_index, block))
				continue;
			for (base = 0; base < m->n_bases && !base_has(m, base, block, leaf); base++)
				;
			if (base == m->n_bases)
				moved_want(m->moved, block);
		}
	}
	return moved_scan(m->moved);
}

static int tile(struct making *m, const atomic_bool *cancel)
{
	uint64_t nodes = nodes_of(m->size);

	for (uint64_t node = 0; node < nodes;) {
		uint64_t end = nodes;
		int r = 0;

		if (m->moved != NULL) {
			end = node;
			moved_clear(m->moved);
			r = collect_moved(m, &end);
		}
		for (; r == 0 && node < end; node++) {
			if (cancel != NULL && *cancel)
				r = -ECANCELED;
			else
				add_node(m, node);
		}
		if (r < 0)
			return r;
	}
	close_frame(m);
	return 0;
}

int plan_make(struct index *new_index, struct index *const *bases, unsigned n_bases,
	      const atomic_bool *cancel, struct plan **ret)
{
	struct making m = {.new_index = new_index,
			   .bases = bases,
			   .n_bases = n_bases,
			   .size = index_size(new_index)};
	struct hash names[FRAME_BASES_MAX];
	struct plan *p;
	int r;

	if (n_bases > FRAME_BASES_MAX)
		return -E2BIG;
	p = m.plan = xcalloc(1, sizeof(*p));
	p->root = *index_root(new_index);
	p->size = m.size;
	p->n_bases = n_bases;
	for (unsigned i = 0; i < n_bases; i++) {
		p->bases[i] = *index_root(bases[i]);
		names[i] = *index_plan_name(bases[i]);
	}
	plan_id(&p->root, names, n_bases, &p->id);
	if (n_bases > 0)
		m.moved = moved_new(new_index, bases, n_bases, cancel);
	r = tile(&m, cancel);
	moved_free(m.moved);
	free(m.frame.ops);
	if (r < 0) {
		plan_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

struct plan *plan_free(struct plan *p)
{
	if (p == NULL)
		return NULL;
	for (uint32_t i = 0; i < p->n_frames; i++)
		free(p->frames[i].ops);
	free(p->frames);
	free(p);
	return NULL;
}
