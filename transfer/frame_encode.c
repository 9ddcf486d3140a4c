/*
 * frame_encode.c: ops, node hashes, prefix runs and literals -> the bytes of one frame. Worker
 * threads. What zstd makes of them is frame_pack.c.
 *
 * An op: code, count, and for SAME and COPY the base, for COPY the source as the signed distance
 * from where the previous COPY ended (a moved file then costs four bytes an extent). A part: twice
 * its length, plus one where it is copied; then the base, and the source as the signed distance
 * from where the previous copy's alignment has it (bytes changed in place then cost one byte).
 */
#include "transfer/frame.h"

#include <errno.h>
#include <stdlib.h>

#include "transfer/cursor.h"
#include "transfer/frame_private.h"

#define PARTS 4u

/* shift: from the output's bytes to the base's, of the last part that was copied. */
static uint8_t *encode_part(uint8_t *p, const struct part *part, uint64_t at, uint64_t *shift)
{
	p = put_varint(p, (uint64_t)part->len << 1 | part->copy);
	if (part->copy) {
		p = put_varint(p, part->base);
		p = put_varint(p, zigzag((int64_t)(part->src - (at + *shift))));
		*shift = part->src - at;
	}
	return p;
}

static size_t encode_ops(const struct frame *f, uint8_t *buf)
{
	uint64_t expected = (uint64_t)f->head.first_node * NODE_BLOCKS;
	uint64_t block = expected, shift = 0;
	uint8_t *p = buf;

	for (uint32_t i = 0; i < f->head.n_ops; i++) {
		const struct op *op = &f->ops[i];

		*p++ = (uint8_t)op->kind;
		p = put_varint(p, op->n);
		if (op->kind == OP_SAME || op->kind == OP_COPY)
			p = put_varint(p, op->base);
		if (op->kind == OP_COPY) {
			p = put_varint(p, zigzag((int64_t)(op->src - expected)));
			expected = op->src + op->n;
		}
		if (op->kind == OP_PATCH) {
			const struct part *part = f->parts + op->src;

			p = put_varint(p, op->base);
			for (uint64_t at = block * BLOCK_SIZE; part < f->parts + op->src + op->base;
			     at += part++->len)
				p = encode_part(p, part, at, &shift);
		}
		block += op->n;
	}
	return (size_t)(p - buf);
}

/* What goes into a body, and the room for it. */
struct body {
	struct bytes parts[PARTS]; /* ops, hashes, prefix runs, literals */
	struct bytes prefix;	   /* p NULL: none */
	uint8_t *buf;
};

static int pack_body(struct frame_encoder *x, struct body *b, int level, struct frame_head *head)
{
	uint64_t raw = bytes_sum(b->parts, PARTS);
	struct room out = {b->buf, raw - (raw * SAVES_LEAST + 99) / 100, 0};
	unsigned n = b->prefix.p != NULL ? PARTS - 1 : PARTS;
	int r = frame_pack(x, level, b->parts, n, NULL, &out);

	if (r == 0 && b->prefix.p != NULL) {
		head->first_len = (uint32_t)out.len;
		r = frame_pack(x, level, b->parts + n, 1, &b->prefix, &out);
	}
	head->compressed = true;
	head->body_len = (uint32_t)out.len;
	return r;
}

/* Into b->buf, which has room for all of it as it is. */
static int encode_body(struct frame_encoder *x, struct body *b, int level, struct frame_head *head)
{
	uint8_t *p = b->buf;
	int r = -ENOSPC;

	if (b->prefix.p != NULL || frame_may_pack(x, level, b->parts, PARTS, b->buf))
		r = pack_body(x, b, level, head);
	if (r == -ENOSPC && b->prefix.p != NULL) {
		b->prefix.p = NULL;
		b->parts[PARTS - 2].len = 0;
		head->n_prefix = head->prefix_blocks = head->prefix_len = head->first_len = 0;
		r = pack_body(x, b, level, head);
	}
	if (r != -ENOSPC)
		return r;
	for (unsigned i = 0; i < PARTS; i++) {
		if (b->parts[i].len > 0)
			p = put_bytes(p, b->parts[i].p, b->parts[i].len);
	}
	head->compressed = false;
	head->body_len = (uint32_t)(p - b->buf);
	return 0;
}

static size_t encode_runs(const struct frame *f, uint8_t *buf)
{
	uint64_t expected = 0;
	uint8_t *p = buf;

	for (uint32_t i = 0; i < f->head.n_prefix; i++) {
		const struct prefix_run *run = &f->prefix[i];

		p = put_varint(p, run->base);
		p = put_varint(p, run->n);
		p = put_varint(p, zigzag((int64_t)(run->first - expected)));
		expected = run->first + run->n;
	}
	return (size_t)(p - buf);
}

/* The frame's bytes out of the body's, before which there is room for its head. */
static void finish(const struct body *b, struct frame_head *head, uint8_t **ret_buf,
		   size_t *ret_len)
{
	uint8_t *frame = b->buf - FRAME_HEAD_SIZE;

	digest_bytes(b->buf, head->body_len, &head->body_hash);
	frame_head_encode(head, frame);
	*ret_len = FRAME_HEAD_SIZE + head->body_len;
	*ret_buf = frame;
}

static bool within_limits(const struct frame_head *h)
{
	return h->n_ops <= FRAME_OPS_MAX && h->n_parts <= FRAME_PARTS_MAX &&
	       h->n_hashes <= FRAME_NODES_MAX && h->literals_len <= FRAME_LITERALS_MAX &&
	       h->n_prefix <= FRAME_PREFIX_MAX && h->prefix_blocks <= FRAME_PREFIX_MAX;
}

int frame_encode(struct frame_encoder *x, const struct frame *f, const uint8_t *prefix, int level,
		 uint8_t **ret_buf, size_t *ret_len)
{
	struct frame_head head = f->head;
	struct body b = {0};
	uint8_t *ops, *runs, *buf;
	int r;

	for (uint32_t i = head.prefix_blocks = 0; i < MIN(head.n_prefix, FRAME_PREFIX_MAX); i++)
		head.prefix_blocks += MIN(f->prefix[i].n, FRAME_PREFIX_MAX + 1);
	if (!within_limits(&head))
		return -E2BIG;
	ops = xcalloc(1, (size_t)head.n_ops * FRAME_OP_LEN_MAX +
				 (size_t)head.n_parts * FRAME_PART_LEN_MAX);
	runs = xcalloc(1, (size_t)head.n_prefix * FRAME_RUN_LEN_MAX + 1);
	head.ops_len = (uint32_t)encode_ops(f, ops);
	head.prefix_len = (uint32_t)encode_runs(f, runs);
	b.parts[0] = (struct bytes){ops, head.ops_len};
	b.parts[1] = (struct bytes){(const uint8_t *)f->hashes, (size_t)head.n_hashes * HASH_SIZE};
	b.parts[2] = (struct bytes){runs, head.prefix_len};
	b.parts[3] = (struct bytes){f->literals, head.literals_len};
	if (head.n_prefix > 0)
		b.prefix = (struct bytes){prefix, (size_t)head.prefix_blocks * BLOCK_SIZE};
	buf = frame_encoder_room(x, FRAME_HEAD_SIZE + frame_raw_len(&head));
	r = buf != NULL ? 0 : -ENOMEM;
	if (r == 0) {
		b.buf = buf + FRAME_HEAD_SIZE;
		r = encode_body(x, &b, level, &head);
	}
	if (r == 0)
		finish(&b, &head, ret_buf, ret_len);
	free(runs);
	free(ops);
	return r;
}
