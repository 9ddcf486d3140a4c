/*
 * staging_build.c: a node, built in memory out of a frame's literals, zeros and blocks of pins,
 * with the hash of every block; and then, when it has proved, written. Blocks that are all zero
 * become holes; blocks that the image already has by its basis are left alone.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "transfer/durable.h"
#include "transfer/reflink.h"

void build_begin(struct build *b, const struct staging *st, uint64_t node)
{
	uint64_t blocks = blocks_of(st->size) - node * NODE_BLOCKS;

	b->node = node;
	b->n = (unsigned)MIN(blocks, NODE_BLOCKS);
}

static void set_block(struct build *b, unsigned i, const uint8_t *data)
{
	b->data[i] = data;
	b->how[i] = hash_equal(&b->leaves[i], &hash_zero_block) ? BUILD_HOLE : BUILD_DATA;
}

void build_data(struct staging *st, struct build *b, unsigned i, unsigned n, const uint8_t *data)
{
	uint64_t at = b->node * NODE_SIZE + (uint64_t)i * BLOCK_SIZE;

	digest_blocks(data, (size_t)MIN(st->size - at, (uint64_t)n * BLOCK_SIZE), &b->leaves[i]);
	for (unsigned k = 0; k < n; k++, data += BLOCK_SIZE)
		set_block(b, i + k, data);
}

void build_zero(struct build *b, unsigned i, unsigned n)
{
	unsigned k;

	for (k = i; k < i + n; k++) {
		b->leaves[k] = hash_zero_block;
		b->how[k] = BUILD_HOLE;
	}
}

/* A short last block is as long there as here only if the sizes are equal. */
static bool is_whole(const struct staging *st, const struct pin *p, uint64_t end)
{
	uint64_t size = index_size(p->index);

	return end < blocks_of(size) || size == st->size || size % BLOCK_SIZE == 0;
}

/*
 * The image began as a clone of this pin, and these blocks lie where they are to be. Where somebody
 * may have written to the node since, it must be one that can be shared once more: whole in both,
 * or ending with both.
 */
static bool is_there(const struct staging *st, const struct build *b, unsigned pin, unsigned i,
		     uint64_t src)
{
	uint64_t size = index_size(st->pins[pin].index);

	return st->basis == (int)pin && src == b->node * NODE_BLOCKS + i &&
	       (!nodes_touched(&st->nodes, b->node) || size == st->size ||
		(b->node + 1) * NODE_SIZE <= MIN(size, st->size));
}

static int read_blocks(struct staging *st, struct build *b, unsigned i, unsigned n, struct pin *p,
		       uint64_t src)
{
	uint8_t *to = st->as->node + (size_t)i * BLOCK_SIZE;
	int64_t got = bulk_read(p->bulk, to, (size_t)n * BLOCK_SIZE, src * BLOCK_SIZE);
	unsigned k;

	if (got < 0)
		return (int)got;
	memset(to + got, 0, (size_t)n * BLOCK_SIZE - (size_t)got);
	digest_blocks(to, (size_t)n * BLOCK_SIZE, &b->leaves[i]);
	for (k = 0; k < n; k++, to += BLOCK_SIZE) {
		if (!hash_equal(&b->leaves[i + k], index_leaf(p->index, src + k)))
			return -EBADE;
		set_block(b, i + k, to);
	}
	return 0;
}

/* Blocks taken on the base's record: the clone was made while its identity was as recorded. */
static void keep_blocks(struct build *b, unsigned i, unsigned n, const struct pin *p, uint64_t src)
{
	unsigned k;

	for (k = 0; k < n; k++) {
		b->leaves[i + k] = *index_leaf(p->index, src + k);
		b->how[i + k] = BUILD_KEEP;
	}
}

int build_copy(struct staging *st, struct build *b, unsigned i, unsigned n, unsigned pin,
	       uint64_t src)
{
	struct pin *p;
	uint64_t blocks;
	int r = pin_ready(st, pin, &p);

	if (r < 0)
		return r;
	blocks = blocks_of(index_size(p->index));
	if (src > blocks || n > blocks - src)
		return -EBADMSG;
	if (is_whole(st, p, src + n) && is_there(st, b, pin, i, src)) {
		keep_blocks(b, i, n, p, src);
		return build_share(st, b->node, pin);
	}
	return pin_read(st, pin, read_blocks(st, b, i, n, p, src));
}

void build_keep(struct staging *st, struct build *b)
{
	uint64_t src = b->node * NODE_BLOCKS, blocks;
	uint8_t how[NODE_BLOCKS];
	bool any = false;
	struct pin *p;

	if (st->basis < 0 || pin_ready(st, (unsigned)st->basis, &p) < 0)
		return;
	memcpy(how, b->how, sizeof(how));
	blocks = blocks_of(index_size(p->index));
	for (unsigned i = 0; i < b->n && src < blocks; i++, src++) {
		if (!hash_equal(index_leaf(p->index, src), &b->leaves[i]) ||
		    !is_whole(st, p, src + 1) || !is_there(st, b, (unsigned)st->basis, i, src))
			continue;
		how[i] = BUILD_KEEP;
		any = true;
	}
	if (any && build_share(st, b->node, (unsigned)st->basis) == 0)
		memcpy(b->how, how, sizeof(how));
}

static int open_old(struct staging *st, unsigned pin, struct old **ret)
{
	struct pin *p;
	int r = pin_ready(st, pin, &p);

	if (r == 0 && !p->old)
		r = old_open(p->fd, p->index, NULL, false, &p->old);
	if (r == 0)
		*ret = p->old;
	return r;
}

/* What reading of old bytes means: a plan that cannot be, a base that is bad. */
static int old_result(struct staging *st, unsigned pin, int r)
{
	if (r == -ERANGE)
		return -EBADMSG;
	return pin_read(st, pin, r);
}

int build_bytes(struct staging *st, unsigned pin, uint64_t src, size_t len, size_t at)
{
	struct old *old = NULL;
	int r = open_old(st, pin, &old);

	return r < 0 ? r : old_result(st, pin, old_copy(old, src, len, st->as->node + at));
}

int build_blocks(struct staging *st, unsigned pin, uint64_t src, uint64_t n, uint8_t *to)
{
	struct old *old = NULL;
	int r = open_old(st, pin, &old);

	return r < 0 ? r : old_result(st, pin, old_blocks(old, src, n, to));
}

static int write_zeros(struct staging *st, uint64_t at, uint64_t len)
{
	static const uint8_t zeros[BLOCK_SIZE];
	uint64_t n;
	int r = 0;

	for (; len && r == 0; at += n, len -= n) {
		n = MIN(len, (uint64_t)BLOCK_SIZE);
		r = durable_pwrite(st->image_fd, zeros, n, at);
	}
	return r;
}

static int punch(struct staging *st, uint64_t at, uint64_t len, bool fresh)
{
	if (fresh && at >= st->punch_from)
		return 0; /* never held anything */
	if (fallocate(st->image_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
		      (off_t)len) == 0)
		return 0;
	return errno == EOPNOTSUPP ? write_zeros(st, at, len) : -errno;
}

/* A run of blocks of one kind, contiguous in memory where it is data. */
static int write_run(struct staging *st, const struct build *b, unsigned i, unsigned n, bool fresh)
{
	uint64_t at = b->node * NODE_SIZE + (uint64_t)i * BLOCK_SIZE;
	uint64_t len = MIN((uint64_t)n * BLOCK_SIZE, st->size - at);

	switch (b->how[i]) {
	case BUILD_DATA:
		st->since_commit += len;
		return durable_pwrite(st->image_fd, b->data[i], len, at);
	case BUILD_HOLE:
		return punch(st, at, len, fresh);
	default:
		return 0;
	}
}

int build_write(struct staging *st, const struct build *b)
{
	bool fresh = !nodes_touched(&st->nodes, b->node);
	unsigned i, n;
	int r = 0;

	nodes_touch(&st->nodes, b->node);
	st->image_dirty = true;
	for (i = 0; i < b->n && r == 0; i += n) {
		for (n = 1; i + n < b->n && b->how[i + n] == b->how[i]; n++)
			if (b->how[i] == BUILD_DATA &&
			    b->data[i + n] != b->data[i] + (size_t)n * BLOCK_SIZE)
				break;
		r = write_run(st, b, i, n, fresh);
	}
	return r;
}

int build_leaves(struct staging *st, const struct build *b, const struct hash *node)
{
	struct leaf_bits own = {{0, 0}};
	uint32_t base = LEAF_NO_BASE;
	unsigned i;

	for (i = 0; i < b->n; i++)
		if (b->how[i] == BUILD_KEEP)
			base = (uint32_t)st->basis;
		else
			own.w[i / 64] |= (uint64_t)1 << (i % 64);
	return leaf_log_add(&st->leaves, b->node, b->n, b->leaves, &own, base, node);
}

int build_clone(struct staging *st, uint64_t node, int fd)
{
	uint64_t at = node * NODE_SIZE;

	nodes_touch(&st->nodes, node);
	st->image_dirty = true;
	return reflink_range(st->image_fd, fd, at, MIN(NODE_SIZE, st->size - at));
}

int build_share(struct staging *st, uint64_t node, unsigned pin)
{
	bool basis = st->basis == (int)pin;
	int r;

	if (basis && !nodes_touched(&st->nodes, node))
		return 0;
	r = build_clone(st, node, st->pins[pin].fd);
	if (r == 0 && basis)
		nodes_untouch(&st->nodes, node);
	return r;
}
