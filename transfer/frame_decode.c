/*
 * frame_decode.c: the body of a frame -> ops, node hashes, literals, with every length known and
 * bounded before anything is allocated. What came through here can be applied without another
 * check but two: sources within the base, and the nodes' hashes.
 *
 * zstd decodes in one call into a buffer of the size that the head says (at most FRAME_BODY_MAX):
 * so the sender's window costs no memory, whatever it asks for.
 */
#include "transfer/frame.h"

#include <errno.h>
#include <stdlib.h>

#include <zstd.h>

#include "transfer/cursor.h"
#include "transfer/frame_private.h"

#define BLOCKS_MAX (FILE_SIZE_MAX / BLOCK_SIZE)

struct frame_decoder {
	ZSTD_DCtx *zstd;
	frame_prefix_fn *on_prefix;
	void *on_prefix_arg;
	struct prefix_run prefix[FRAME_PREFIX_MAX];
	uint8_t *raw;
	size_t raw_room;
	struct op *ops;
	size_t ops_room;
	struct part *parts;
	size_t parts_room;
};

/* What the ops are read against and into. */
struct scan {
	struct cursor c;
	const struct frame_head *head;
	uint64_t file_size, block, end;
	uint32_t n_bases;
	uint64_t expected; /* where a COPY's source is likely to be */
	uint64_t shift;	   /* the same of a part's, less the place it is copied to */
	struct part *parts;
	uint32_t n_parts;
	uint64_t same_nodes, lit_bytes;
};

struct frame_decoder *frame_decoder_new(void)
{
	struct frame_decoder *d = xcalloc(1, sizeof(*d));

	d->zstd = ZSTD_createDCtx();
	if (d->zstd == NULL)
		return frame_decoder_free(d);
	return d;
}

struct frame_decoder *frame_decoder_free(struct frame_decoder *d)
{
	if (d != NULL) {
		ZSTD_freeDCtx(d->zstd);
		free(d->raw);
		free(d->ops);
		free(d->parts);
		free(d);
	}
	return NULL;
}

void frame_decoder_on_prefix(struct frame_decoder *d, frame_prefix_fn *fn, void *arg)
{
	d->on_prefix = fn;
	d->on_prefix_arg = arg;
}

static int make_room(struct frame_decoder *d, const struct frame_head *h)
{
	size_t raw = frame_raw_len(h);

	if (d->raw_room < raw) {
		free(d->raw);
		d->raw_room = 0;
		d->raw = malloc(raw);
		if (d->raw == NULL)
			return -ENOMEM;
		d->raw_room = raw;
	}
	if (d->ops_room < h->n_ops) {
		d->ops = xrealloc(d->ops, h->n_ops * sizeof(*d->ops));
		d->ops_room = h->n_ops;
	}
	if (d->parts_room < h->n_parts) {
		d->parts = xrealloc(d->parts, h->n_parts * sizeof(*d->parts));
		d->parts_room = h->n_parts;
	}
	return 0;
}

/* One zstd frame of len bytes, which must become exactly raw bytes. */
static int unpack_one(struct frame_decoder *d, uint32_t index, const uint8_t *p, size_t len,
		      uint8_t *to, size_t raw, struct err *e)
{
	size_t n;

	if (ZSTD_getFrameContentSize(p, len) != raw || ZSTD_findFrameCompressedSize(p, len) != len)
		return err_set(e, -EBADMSG, "frame %u: its compressed body is not one of %zu bytes",
			       index, raw);
	n = ZSTD_decompressDCtx(d->zstd, to, raw, p, len);
	if (ZSTD_isError(n) || n != raw)
		return err_set(e, -EBADMSG, "frame %u: zstd: %s", index,
			       ZSTD_isError(n) ? ZSTD_getErrorName(n) : "too short");
	return 0;
}

static int scan_runs(struct frame_decoder *d, const struct frame_head *h, uint32_t n_bases)
{
	uint64_t blocks = 0, expected = 0, ops = h->ops_len + (uint64_t)h->n_hashes * HASH_SIZE;
	struct cursor c = {d->raw + ops, d->raw + ops + h->prefix_len, false};

	for (uint32_t i = 0; i < h->n_prefix; i++) {
		uint64_t base = cursor_varint(&c), n = cursor_varint(&c);
		uint64_t first = expected + (uint64_t)unzigzag(cursor_varint(&c));

		if (c.bad || base >= n_bases || n < 1 || n > h->prefix_blocks - blocks ||
		    first >= BLOCKS_MAX || n > BLOCKS_MAX - first)
			return -EBADMSG;
		d->prefix[i] = (struct prefix_run){first, (uint32_t)n, (uint32_t)base};
		expected = first + n;
		blocks += n;
	}
	return blocks == h->prefix_blocks && cursor_left(&c) == 0 ? 0 : -EBADMSG;
}

/* The literals, which are compressed with a prefix; its memory is given back at once. */
static int unpack_literals(struct frame_decoder *d, const struct frame_head *h, const uint8_t *body,
			   struct err *e)
{
	size_t len = (size_t)h->prefix_blocks * BLOCK_SIZE, at = 0;
	uint8_t *prefix = malloc(len);
	int r = prefix == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; r == 0 && i < h->n_prefix; i++) {
		r = d->on_prefix(d->on_prefix_arg, &d->prefix[i], prefix + at);
		at += (size_t)d->prefix[i].n * BLOCK_SIZE;
	}
	if (r == 0 && ZSTD_isError(ZSTD_DCtx_refPrefix(d->zstd, prefix, len)))
		r = -EIO;
	if (r < 0)
		(void)err_set(e, r, "frame %u: its prefix cannot be read", h->index);
	else
		r = unpack_one(d, h->index, body + h->first_len, h->body_len - h->first_len,
			       d->raw + frame_first_len(h), h->literals_len, e);
	/* Not used up where the body was refused: the next frame must not have it. */
	(void)ZSTD_DCtx_reset(d->zstd, ZSTD_reset_session_and_parameters);
	free(prefix);
	return r;
}

static int unpack(struct frame_decoder *d, const struct frame_head *h, const uint8_t *body,
		  uint32_t n_bases, struct err *e)
{
	size_t raw = frame_raw_len(h);
	int r;

	if (!h->compressed) {
		memcpy(d->raw, body, raw);
		return 0;
	}
	if (h->n_prefix == 0)
		return unpack_one(d, h->index, body, h->body_len, d->raw, raw, e);
	r = unpack_one(d, h->index, body, h->first_len, d->raw, frame_first_len(h), e);
	if (r < 0)
		return r;
	if (d->on_prefix == NULL || scan_runs(d, h, n_bases) < 0)
		return err_set(e, -EBADMSG, "frame %u: a prefix that cannot be", h->index);
	return unpack_literals(d, h, body, e);
}

static bool scan_part(struct scan *s, uint64_t at, uint64_t left, struct part *part)
{
	uint64_t v = cursor_varint(&s->c), base;

	*part = (struct part){.copy = v & 1};
	if (s->c.bad || v >> 1 < 1 || v >> 1 > left)
		return false;
	part->len = (uint32_t)(v >> 1);
	if (!part->copy) {
		s->lit_bytes += part->len;
		return true;
	}
	base = cursor_varint(&s->c);
	part->src = at + s->shift + (uint64_t)unzigzag(cursor_varint(&s->c));
	s->shift = part->src - at;
	if (s->c.bad || base >= s->n_bases || part->src > FILE_SIZE_MAX - part->len)
		return false;
	part->base = (uint8_t)base;
	return true;
}

/* The parts of the PATCH of these many bytes that begins here; FRAME_LITERALS_MAX at most. */
static bool scan_parts(struct scan *s, uint64_t bytes, struct op *op)
{
	uint64_t n = cursor_varint(&s->c), at = s->block * BLOCK_SIZE, end = at + bytes;

	if (s->c.bad || n > s->head->n_parts - s->n_parts || bytes > FRAME_LITERALS_MAX)
		return false;
	op->src = s->n_parts;
	op->base = (uint32_t)n;
	for (uint64_t i = 0; i < n; i++) {
		struct part *part = &s->parts[s->n_parts++];

		if (!scan_part(s, at, end - at, part))
			return false;
		at += part->len;
	}
	return at == end;
}

/* Reads one op; false where it is not allowed here. */
static bool scan_op(struct scan *s, struct op *op)
{
	uint8_t kind;
	uint64_t n, bytes, base = 0, src = 0;

	cursor_bytes(&s->c, &kind, 1);
	n = cursor_varint(&s->c);
	if (kind == OP_SAME || kind == OP_COPY)
		base = cursor_varint(&s->c);
	if (kind == OP_COPY)
		src = s->expected + (uint64_t)unzigzag(cursor_varint(&s->c));
	if (s->c.bad || kind > OP_PATCH || n < 1 || n > s->end - s->block)
		return false;
	if ((kind == OP_SAME || kind == OP_COPY) && base >= s->n_bases)
		return false;
	if (kind == OP_COPY) {
		if (src >= BLOCKS_MAX || n > BLOCKS_MAX - src)
			return false;
		s->expected = src + n;
	}
	if (kind == OP_SAME) {
		/* Whole nodes; only the file's last one may be short. */
		if (s->block % NODE_BLOCKS != 0 ||
		    (n % NODE_BLOCKS != 0 && s->block + n != blocks_of(s->file_size)))
			return false;
		s->same_nodes += (n + NODE_BLOCKS - 1) / NODE_BLOCKS;
	}
	*op = (struct op){.kind = kind, .base = (uint32_t)base, .src = src, .n = (uint32_t)n};
	bytes = frame_block_bytes(s->block, n, s->file_size);
	if (kind == OP_LIT)
		s->lit_bytes += bytes;
	if (kind == OP_PATCH && !scan_parts(s, bytes, op))
		return false;
	s->block += n;
	return true;
}

static int scan_ops(struct scan *s, struct op *ops, struct err *e)
{
	const struct frame_head *h = s->head;

	s->block = s->expected = (uint64_t)h->first_node * NODE_BLOCKS;
	s->end = frame_end_block(h, s->file_size);
	for (uint32_t i = 0; i < h->n_ops; i++) {
		if (!scan_op(s, &ops[i]))
			return err_set(e, -EBADMSG, "frame %u: operation %u is not allowed there",
				       h->index, i);
	}
	if (s->block != s->end || cursor_left(&s->c) != 0 || s->n_parts != h->n_parts)
		return err_set(e, -EBADMSG, "frame %u: operations do not cover its nodes",
			       h->index);
	if (h->n_hashes != h->n_nodes - s->same_nodes)
		return err_set(e, -EBADMSG, "frame %u: %u hashes for %llu nodes", h->index,
			       h->n_hashes, (unsigned long long)(h->n_nodes - s->same_nodes));
	if (h->literals_len != s->lit_bytes)
		return err_set(e, -EBADMSG, "frame %u: %u bytes of literals for %llu", h->index,
			       h->literals_len, (unsigned long long)s->lit_bytes);
	return 0;
}

int frame_decode(struct frame_decoder *d, const struct frame_head *head, const uint8_t *body,
		 uint64_t file_size, uint32_t n_bases, struct frame *ret, struct err *e)
{
	struct scan s = {.head = head, .file_size = file_size, .n_bases = n_bases};
	struct hash h;
	int r;

	digest_bytes(body, head->body_len, &h);
	if (!hash_equal(&h, &head->body_hash))
		return err_set(e, -EBADMSG, "frame %u: its body does not fit its hash",
			       head->index);
	r = make_room(d, head);
	if (r == 0)
		r = unpack(d, head, body, n_bases, e);
	if (r < 0)
		return r;
	s.parts = d->parts;
	s.c = (struct cursor){d->raw, d->raw + head->ops_len, false};
	r = scan_ops(&s, d->ops, e);
	if (r < 0)
		return r;
	ret->head = *head;
	ret->ops = d->ops;
	ret->parts = d->parts;
	ret->hashes = (const struct hash *)(d->raw + head->ops_len);
	ret->literals = d->raw + frame_first_len(head);
	ret->prefix = d->prefix;
	return 0;
}
