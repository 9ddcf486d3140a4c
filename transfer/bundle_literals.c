/*
 * bundle_literals.c: a worker reads a frame's literals from the content and compares every block
 * with the index. Anything that does not fit it means that the content is not what was planned:
 * -ESTALE.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/bulkio.h"

/* Literals nearer than this are read in one go: what lies between them costs less than a read of
 * its own would. One read is at most READ_BLOCKS long. */
#define GAP_BLOCKS  4u
#define READ_BLOCKS 256u
#define WINDOW	    (READ_BLOCKS * (size_t)BLOCK_SIZE)

struct literals {
	const struct bundle *bundle;
	const struct plan_frame *frame;
	const atomic_bool *cancel;
	struct bulk *bulk;
	struct bulk *left; /* what the index left in the page cache; or NULL */
	uint8_t *window;   /* READ_BLOCKS */
	uint64_t first, n; /* blocks that are in it */
	uint8_t *out;
	size_t out_len;
};

static uint64_t plan_block(const struct literals *l)
{
	return (uint64_t)l->frame->first_node * NODE_BLOCKS;
}

/* Where the window that begins at block should end: over small gaps, up to its size. */
static uint64_t window_end(const struct literals *l, uint32_t op, uint64_t op_block, uint64_t block)
{
	uint64_t end = block;

	for (uint64_t at = op_block; op < l->frame->n_ops; at += l->frame->ops[op++].n) {
		const struct op *o = &l->frame->ops[op];

		if (at > end + GAP_BLOCKS || at >= block + READ_BLOCKS)
			break;
		if (o->kind == OP_LIT && at + o->n > end)
			end = at + o->n;
	}
	return MIN(end, block + READ_BLOCKS);
}

/* end: of the window; run_end: of the literals that it begins with. */
static int load_window(struct literals *l, uint64_t first, uint64_t run_end, uint64_t end)
{
	uint64_t size = l->bundle->content.size, at = first * BLOCK_SIZE;
	size_t run_len = MIN(run_end * BLOCK_SIZE, size) - at, len = run_len;
	int64_t n = l->left != NULL ? bulk_take(l->left, l->window, run_len, at) : -EAGAIN;

	if (n == (int64_t)run_len) {
		end = run_end;
	} else {
		len = MIN(end * BLOCK_SIZE, size) - at;
		n = bulk_read(l->bulk, l->window, len, at);
	}
	if (n < 0)
		return (int)n;
	if ((uint64_t)n != len)
		return -ESTALE;
	l->first = first;
	l->n = end - first;
	return 0;
}

/* Blocks [block, end) of the window. */
static int take_blocks(struct literals *l, uint64_t block, uint64_t end)
{
	const uint8_t *p = l->window + (block - l->first) * BLOCK_SIZE;
	size_t len = MIN(end * BLOCK_SIZE, l->bundle->content.size) - block * BLOCK_SIZE;
	struct hash leaves[READ_BLOCKS];

	digest_blocks(p, len, leaves);
	for (uint64_t i = block; i < end; i++) {
		if (!hash_equal(&leaves[i - block], index_leaf(l->bundle->index, i)))
			return -ESTALE;
	}
	memcpy(l->out + l->out_len, p, len);
	l->out_len += len;
	return 0;
}

static int take_op(struct literals *l, uint32_t op, uint64_t op_block)
{
	uint64_t end = op_block + l->frame->ops[op].n, to;
	int r = 0;

	for (uint64_t block = op_block; r == 0 && block < end; block = to) {
		if (block < l->first || block >= l->first + l->n) {
			if (*l->cancel)
				return -ECANCELED;
			r = load_window(l, block, MIN(end, block + READ_BLOCKS),
					window_end(l, op, op_block, block));
		}
		to = MIN(end, l->first + l->n);
		if (r == 0)
			r = take_blocks(l, block, to);
	}
	return r;
}

static uint8_t *buffer(struct encoder *e, size_t size)
{
	if (e->literals_room < size) {
		free(e->literals);
		e->literals = bulk_buffer(size);
		e->literals_room = size;
	}
	return e->literals;
}

int bundle_read_literals(const struct frame_job *j, const struct plan_frame *f, uint8_t **ret)
{
	struct literals l = {.bundle = j->bundle, .frame = f, .cancel = &j->cancel};
	uint64_t block = plan_block(&l);
	uint8_t *room;
	int r;

	*ret = NULL;
	if (f->literal_bytes == 0)
		return 0;
	r = bulk_open(j->bundle->content.fd, &l.bulk);
	if (r < 0)
		return r;
	if (!j->bundle->content.live && j->bundle->plan->n_bases > 0 &&
	    bulk_open_cached(j->bundle->content.fd, &l.left) < 0)
		l.left = NULL;
	room = buffer(j->encoder, WINDOW + f->literal_bytes);
	l.window = room;
	l.out = room + WINDOW;
	for (uint32_t i = 0; r == 0 && i < f->n_ops; block += f->ops[i++].n) {
		if (f->ops[i].kind == OP_LIT)
			r = take_op(&l, i, block);
	}
	bulk_close(l.bulk);
	bulk_close(l.left);
	if (r == 0)
		*ret = room + WINDOW;
	return r;
}
