/*
 * frame_encode.c: ops, node hashes and literals -> the bytes of one frame. Worker threads; one
 * zstd context is kept from frame to frame (at level 19 it has 81-89 MiB, so there are few).
 *
 * An op: code, count, and for SAME and COPY the base, for COPY the source as the signed distance
 * from where the previous COPY ended (a moved file then costs four bytes an extent). A part: twice
 * its length, plus one where it is copied; then the base, and the source as the signed distance
 * from where the previous copy's alignment has it (bytes changed in place then cost one byte).
 */
#include "transfer/frame.h"

#include <errno.h>
#include <stdlib.h>

#include <zstd.h>

#include "transfer/cursor.h"
#include "transfer/frame_private.h"

#define LEVEL_MAX   19
#define SAVES_LEAST 3		  /* per cent; less is not worth the spoke's time */
#define PIECE	    (256u * 1024) /* between two looks at cancel */

struct frame_encoder {
	ZSTD_CCtx *zstd;
	const volatile bool *cancel;
};

struct frame_encoder *frame_encoder_new(void)
{
	struct frame_encoder *x = xcalloc(1, sizeof(*x));

	x->zstd = ZSTD_createCCtx();
	if (x->zstd == NULL)
		return frame_encoder_free(x);
	return x;
}

struct frame_encoder *frame_encoder_free(struct frame_encoder *x)
{
	if (x != NULL)
		ZSTD_freeCCtx(x->zstd);
	free(x);
	return NULL;
}

void frame_encoder_on_cancel(struct frame_encoder *x, const volatile bool *cancel)
{
	x->cancel = cancel;
}

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

/* 0, -ENOSPC: not worth it, -ECANCELED, -EIO. */
static int compress(struct frame_encoder *x, const ZSTD_inBuffer *parts, unsigned n,
		    ZSTD_outBuffer *out)
{
	for (unsigned i = 0; i < n; i++) {
		for (size_t at = 0; at < parts[i].size;) {
			ZSTD_inBuffer in = {(const char *)parts[i].src + at,
					    MIN(PIECE, parts[i].size - at), 0};

			if (x->cancel != NULL && *x->cancel)
				return -ECANCELED;
			while (in.pos < in.size) {
				size_t r = ZSTD_compressStream2(x->zstd, out, &in, ZSTD_e_continue);

				if (ZSTD_isError(r))
					return -EIO;
				if (in.pos < in.size && out->pos == out->size)
					return -ENOSPC;
			}
			at += in.size;
		}
	}
	for (;;) {
		ZSTD_inBuffer none = {NULL, 0, 0};
		size_t r = ZSTD_compressStream2(x->zstd, out, &none, ZSTD_e_end);

		if (ZSTD_isError(r))
			return -EIO;
		if (r == 0)
			return 0;
		if (out->pos == out->size)
			return -ENOSPC;
	}
}

static int begin(struct frame_encoder *x, int level, uint64_t raw_len)
{
	size_t r = ZSTD_CCtx_reset(x->zstd, ZSTD_reset_session_and_parameters);

	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setParameter(x->zstd, ZSTD_c_compressionLevel,
					   MIN(MAX(level, 1), LEVEL_MAX));
	/* The size goes into the zstd frame and keeps the window as small as the data. */
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setPledgedSrcSize(x->zstd, raw_len);
	return ZSTD_isError(r) ? -EIO : 0;
}

/* Into body, which has room for raw_len. */
static int encode_body(struct frame_encoder *x, const ZSTD_inBuffer *parts, uint64_t raw_len,
		       int level, uint8_t *body, struct frame_head *head)
{
	ZSTD_outBuffer out = {body, raw_len - (raw_len * SAVES_LEAST + 99) / 100, 0};
	int r = begin(x, level, raw_len);

	if (r == 0)
		r = compress(x, parts, 3, &out);
	if (r == 0) {
		head->compressed = true;
		head->body_len = (uint32_t)out.pos;
	} else if (r == -ENOSPC) {
		for (unsigned i = 0; i < 3; i++) {
			if (parts[i].size > 0)
				body = put_bytes(body, parts[i].src, parts[i].size);
		}
		head->compressed = false;
		head->body_len = (uint32_t)raw_len;
		r = 0;
	}
	return r;
}

int frame_encode(struct frame_encoder *x, const struct frame *f, int level, uint8_t **ret_buf,
		 size_t *ret_len)
{
	struct frame_head head = f->head;
	uint8_t *ops, *buf = NULL, *shrunk;
	uint64_t raw_len;
	int r = -ENOMEM;

	if (head.n_ops > FRAME_OPS_MAX || head.n_parts > FRAME_PARTS_MAX ||
	    head.n_hashes > FRAME_NODES_MAX || head.literals_len > FRAME_LITERALS_MAX)
		return -E2BIG;
	ops = xcalloc(1, (size_t)head.n_ops * FRAME_OP_LEN_MAX +
				 (size_t)head.n_parts * FRAME_PART_LEN_MAX);
	head.ops_len = (uint32_t)encode_ops(f, ops);
	raw_len = frame_raw_len(&head);
	buf = malloc(FRAME_HEAD_SIZE + raw_len);
	if (buf == NULL)
		goto cleanup;
	ZSTD_inBuffer parts[3] = {{ops, head.ops_len, 0},
				  {f->hashes, (size_t)head.n_hashes * HASH_SIZE, 0},
				  {f->literals, head.literals_len, 0}};
	r = encode_body(x, parts, raw_len, level, buf + FRAME_HEAD_SIZE, &head);
	if (r < 0)
		goto cleanup;
	digest_bytes(buf + FRAME_HEAD_SIZE, head.body_len, &head.body_hash);
	frame_head_encode(&head, buf);
	shrunk = realloc(buf, FRAME_HEAD_SIZE + head.body_len);
	*ret_buf = shrunk != NULL ? shrunk : buf;
	*ret_len = FRAME_HEAD_SIZE + head.body_len;
	buf = NULL;
cleanup:
	free(buf);
	free(ops);
	return r;
}
