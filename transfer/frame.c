/*
 * frame.c: the fixed head of a frame, 96 bytes:
 *
 *   0 magic "SSfr"   4 index       8 first node   12 nodes       16 ops        20 bytes of ops
 *  24 node hashes   28 literals   32 body as sent 36 flags       40 SHA-256 of the body
 *  72 parts of PATCHes   76 prefix runs   80 blocks of them   84 bytes of runs
 *  88 body's first part as sent (0 without a prefix)   92 zeros, kept for later: not zero = not for
 * us
 *
 * Bodies are in frame_encode.c and frame_decode.c, the head of a whole bundle in bundle_header.c.
 */
#include "transfer/frame.h"

#include <errno.h>

#include "transfer/cursor.h"
#include "transfer/frame_private.h"

#define FLAG_ZSTD    1u
#define FLAG_PREFIX  2u
#define RESERVED_LEN 4u

static const uint8_t magic[4] = "SSfr";

uint64_t frame_raw_len(const struct frame_head *h)
{
	return frame_first_len(h) + h->literals_len;
}

uint64_t frame_first_len(const struct frame_head *h)
{
	return (uint64_t)h->ops_len + (uint64_t)h->n_hashes * HASH_SIZE + h->prefix_len;
}

uint64_t frame_end_block(const struct frame_head *h, uint64_t file_size)
{
	return MIN(((uint64_t)h->first_node + h->n_nodes) * NODE_BLOCKS, blocks_of(file_size));
}

uint64_t frame_block_bytes(uint64_t block, uint64_t n, uint64_t file_size)
{
	return MIN((block + n) * BLOCK_SIZE, file_size) - block * BLOCK_SIZE;
}

void frame_head_encode(const struct frame_head *h, uint8_t buf[FRAME_HEAD_SIZE])
{
	uint8_t *p = buf;

	p = put_bytes(p, magic, sizeof(magic));
	p = put_u32(p, h->index);
	p = put_u32(p, h->first_node);
	p = put_u32(p, h->n_nodes);
	p = put_u32(p, h->n_ops);
	p = put_u32(p, h->ops_len);
	p = put_u32(p, h->n_hashes);
	p = put_u32(p, h->literals_len);
	p = put_u32(p, h->body_len);
	p = put_u32(p, (h->compressed ? FLAG_ZSTD : 0) | (h->n_prefix > 0 ? FLAG_PREFIX : 0));
	p = put_bytes(p, h->body_hash.b, HASH_SIZE);
	p = put_u32(p, h->n_parts);
	p = put_u32(p, h->n_prefix);
	p = put_u32(p, h->prefix_blocks);
	p = put_u32(p, h->prefix_len);
	p = put_u32(p, h->first_len);
	memset(p, 0, RESERVED_LEN);
}

static bool prefix_fits(const struct frame_head *h, bool flag)
{
	if (!flag)
		return h->n_prefix == 0 && h->prefix_blocks == 0 && h->prefix_len == 0 &&
		       h->first_len == 0;
	return h->compressed && h->literals_len > 0 && h->n_prefix > 0 &&
	       h->n_prefix <= h->prefix_blocks && h->prefix_blocks <= FRAME_PREFIX_MAX &&
	       h->prefix_len >= 3 * h->n_prefix &&
	       h->prefix_len <= FRAME_RUN_LEN_MAX * h->n_prefix && h->first_len > 0 &&
	       h->first_len < h->body_len;
}

static int check_lengths(const struct frame_head *h, uint64_t file_size, struct err *e)
{
	uint64_t nodes = nodes_of(file_size), raw = frame_raw_len(h);

	if (h->n_nodes < 1 || h->n_nodes > FRAME_NODES_MAX || h->first_node >= nodes ||
	    h->n_nodes > nodes - h->first_node || h->index > h->first_node)
		return err_set(e, -EBADMSG,
			       "frame %u: nodes %u+%u do not lie in a file of %llu nodes", h->index,
			       h->first_node, h->n_nodes, (unsigned long long)nodes);
	if (h->n_ops < 1 || h->n_ops > FRAME_OPS_MAX || h->n_parts > FRAME_PARTS_MAX ||
	    h->ops_len < 2 * h->n_ops + h->n_parts ||
	    h->ops_len > FRAME_OP_LEN_MAX * h->n_ops + FRAME_PART_LEN_MAX * h->n_parts)
		return err_set(e, -EBADMSG, "frame %u: %u operations and %u parts in %u bytes",
			       h->index, h->n_ops, h->n_parts, h->ops_len);
	if (h->n_hashes > h->n_nodes || h->literals_len > FRAME_LITERALS_MAX)
		return err_set(e, -EBADMSG, "frame %u: %u hashes, %u bytes of literals", h->index,
			       h->n_hashes, h->literals_len);
	if (h->compressed ? h->body_len < 1 || h->body_len >= raw : h->body_len != raw)
		return err_set(e, -EBADMSG, "frame %u: a body of %u bytes for %llu", h->index,
			       h->body_len, (unsigned long long)raw);
	return 0;
}

int frame_head_decode(const uint8_t buf[FRAME_HEAD_SIZE], uint64_t file_size,
		      struct frame_head *ret, struct err *e)
{
	struct cursor c = {buf, buf + FRAME_HEAD_SIZE, false};
	struct frame_head h = {0};
	uint8_t m[sizeof(magic)];
	uint32_t flags;
	int r;

	cursor_bytes(&c, m, sizeof(m));
	if (memcmp(m, magic, sizeof(magic)) != 0)
		return err_set(e, -EBADMSG, "not a frame");
	h.index = cursor_u32(&c);
	h.first_node = cursor_u32(&c);
	h.n_nodes = cursor_u32(&c);
	h.n_ops = cursor_u32(&c);
	h.ops_len = cursor_u32(&c);
	h.n_hashes = cursor_u32(&c);
	h.literals_len = cursor_u32(&c);
	h.body_len = cursor_u32(&c);
	flags = cursor_u32(&c);
	cursor_bytes(&c, h.body_hash.b, HASH_SIZE);
	h.n_parts = cursor_u32(&c);
	h.n_prefix = cursor_u32(&c);
	h.prefix_blocks = cursor_u32(&c);
	h.prefix_len = cursor_u32(&c);
	h.first_len = cursor_u32(&c);
	if ((flags & ~(FLAG_ZSTD | FLAG_PREFIX)) != 0 || !digest_is_zero(c.p, RESERVED_LEN))
		return err_set(e, -EPROTONOSUPPORT, "frame %u: of a later format", h.index);
	h.compressed = flags & FLAG_ZSTD;
	if (!prefix_fits(&h, flags & FLAG_PREFIX))
		return err_set(e, -EBADMSG, "frame %u: a prefix of %u blocks in %u runs", h.index,
			       h.prefix_blocks, h.n_prefix);
	r = check_lengths(&h, file_size, e);
	if (r < 0)
		return r;
	*ret = h;
	return 0;
}
