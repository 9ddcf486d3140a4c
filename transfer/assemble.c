/*
 * assemble.c: one decoded frame, applied: its nodes are built, proven against the hashes that came
 * with them, and written; those that do not prove are marked failed. Nodes that were proven before
 * are left alone. Reads nothing but the frame and the pins.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <string.h>

struct cursor {
	const struct frame *f;
	uint32_t op, used;	  /* blocks of the op that are done */
	uint32_t part, part_used; /* of a PATCH: parts, and bytes of the next, that are done */
	uint64_t literal;	  /* bytes */
	uint32_t hash;
};

static void advance(struct cursor *c, uint32_t blocks)
{
	c->used += blocks;
	if (c->used == c->f->ops[c->op].n) {
		c->op++;
		c->used = c->part = c->part_used = 0;
	}
}

static uint64_t literal_len(const struct staging *st, uint64_t block, unsigned n)
{
	return MIN((uint64_t)n * BLOCK_SIZE, st->size - block * BLOCK_SIZE);
}

/* Blocks i .. of the node, out of a PATCH's parts. */
static int take_patch(struct staging *st, struct cursor *c, struct build *b, unsigned i, unsigned n,
		      bool skip)
{
	const struct op *op = &c->f->ops[c->op];
	uint64_t left = literal_len(st, b->node * NODE_BLOCKS + i, n);
	size_t at = (size_t)i * BLOCK_SIZE, len;
	int r = 0;

	for (; left && r == 0; left -= len, at += len) {
		const struct part *part = &c->f->parts[op->src + c->part];

		len = (size_t)MIN(left, (uint64_t)(part->len - c->part_used));
		if (part->copy && !skip)
			r = build_bytes(st, st->base_pin[part->base], part->src + c->part_used, len,
					at);
		if (!part->copy && !skip)
			memcpy(st->as->node + at, c->f->literals + c->literal, len);
		if (!part->copy)
			c->literal += len;
		c->part_used += (uint32_t)len;
		if (c->part_used == part->len) {
			c->part++;
			c->part_used = 0;
		}
	}
	if (r == 0 && !skip)
		build_data(st, b, i, n, st->as->node + (size_t)i * BLOCK_SIZE);
	return r;
}

/* The part of the op at the cursor that falls into blocks i .. of the node. Returns its blocks. */
static int take_part(struct staging *st, struct cursor *c, struct build *b, unsigned i, bool skip)
{
	const struct op *op = &c->f->ops[c->op];
	unsigned n = MIN(op->n - c->used, b->n - i);
	int r = 0;

	switch (op->kind) {
	case OP_ZERO:
		build_zero(b, i, n);
		break;
	case OP_COPY:
		if (!skip)
			r = build_copy(st, b, i, n, st->base_pin[op->base], op->src + c->used);
		break;
	case OP_LIT:
		if (!skip)
			build_data(st, b, i, n, c->f->literals + c->literal);
		c->literal += literal_len(st, b->node * NODE_BLOCKS + i, n);
		break;
	case OP_PATCH:
		r = take_patch(st, c, b, i, n, skip);
		break;
	default:
		r = -EBADMSG; /* the decoder lets SAME only be whole nodes */
	}
	advance(c, n);
	return r < 0 ? r : (int)n;
}

static int built_node(struct staging *st, struct cursor *c, struct build *b, uint64_t node)
{
	bool skip = node_proven(st->nodes.state[node]);
	const struct hash *want = &c->f->hashes[c->hash++];
	struct hash got;
	unsigned i = 0;
	int r;

	build_begin(b, st, node);
	while (i < b->n) {
		r = take_part(st, c, b, i, skip);
		if (r < 0)
			return r;
		i += (unsigned)r;
	}
	if (skip)
		return 0;
	digest_node(b->leaves, b->n, &got);
	if (!hash_equal(&got, want)) {
		nodes_set(&st->nodes, node, 1, NODE_FAILED);
		return 0;
	}
	r = build_write(st, b);
	if (r == 0)
		r = build_leaves(st, b, want);
	if (r == 0)
		nodes_set(&st->nodes, node, 1, NODE_OWN);
	return r;
}

/* One node as in the base: shared blocks are proof; a hard link is read in the background. */
static int same_node(struct staging *st, unsigned pin, uint64_t node)
{
	struct pin *p;
	int r;

	if (node_proven(st->nodes.state[node]))
		return 0;
	r = pin_ready(st, pin, &p);
	if (r < 0)
		return r;
	if (node >= nodes_of(index_size(p->index)) ||
	    (node + 1 == st->nodes.n && index_size(p->index) != st->size))
		return -EBADMSG;
	if (p->link) {
		nodes_set(&st->nodes, node, 1, (uint8_t)(NODE_FILL | pin));
		st->fill_next = MIN(st->fill_next, node);
		return 0;
	}
	r = build_share(st, node, pin);
	if (r == 0)
		nodes_set(&st->nodes, node, 1, (uint8_t)(NODE_BASE | pin));
	return r;
}

static int same_op(struct staging *st, struct cursor *c, uint64_t *node)
{
	const struct op *op = &c->f->ops[c->op];
	uint32_t left = op->n;
	int r;

	for (; left; left -= MIN(left, NODE_BLOCKS), (*node)++) {
		r = same_node(st, st->base_pin[op->base], *node);
		if (r < 0)
			return r;
	}
	advance(c, op->n);
	return 0;
}

/* 0: consumed, whatever became of its nodes. -ESTALE: a base is bad; -EBADMSG: the plan is. */
int assemble_frame(struct staging *st, const struct frame *f)
{
	struct cursor c = {.f = f};
	uint64_t node = f->head.first_node;
	uint64_t end = node + f->head.n_nodes;
	struct build b;
	int r = 0;

	while (node < end && r == 0) {
		if (c.op >= f->head.n_ops)
			return -EBADMSG;
		if (f->ops[c.op].kind == OP_SAME)
			r = same_op(st, &c, &node);
		else if (c.hash >= f->head.n_hashes)
			r = -EBADMSG;
		else
			r = built_node(st, &c, &b, node++);
	}
	return r;
}
