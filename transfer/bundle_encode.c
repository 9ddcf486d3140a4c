/*
 * bundle_encode.c: a worker makes one frame: reads its literals from the content, compares every
 * block with the index, takes out what the bases' old bytes have (patch.h), encodes, and writes the
 * file. Or it verifies the file that is there.
 *
 * Anything that does not fit the index means that the content is not what was planned: -ESTALE.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/bulkio.h"
#include "transfer/durable.h"

/* Literals nearer than this are read in one go; one read is at most so long. */
#define GAP_BLOCKS  16u
#define READ_BLOCKS 256u

struct literals {
	const struct bundle *bundle;
	const struct plan_frame *frame;
	const volatile bool *cancel;
	struct bulk *bulk;
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

static int load_window(struct literals *l, uint64_t first, uint64_t end)
{
	uint64_t size = l->bundle->content.size;
	size_t len = MIN(end * BLOCK_SIZE, size) - first * BLOCK_SIZE;
	int64_t n = bulk_read(l->bulk, l->window, len, first * BLOCK_SIZE);

	if (n < 0)
		return (int)n;
	if ((uint64_t)n != len)
		return -ESTALE;
	l->first = first;
	l->n = end - first;
	return 0;
}

static int take_block(struct literals *l, uint64_t block)
{
	const uint8_t *p = l->window + (block - l->first) * BLOCK_SIZE;
	size_t len = MIN(BLOCK_SIZE, l->bundle->content.size - block * BLOCK_SIZE);
	struct hash h;

	digest_block(p, len, &h);
	if (!hash_equal(&h, index_leaf(l->bundle->index, block)))
		return -ESTALE;
	memcpy(l->out + l->out_len, p, len);
	l->out_len += len;
	return 0;
}

static int take_op(struct literals *l, uint32_t op, uint64_t op_block)
{
	uint64_t end = op_block + l->frame->ops[op].n;
	int r = 0;

	for (uint64_t block = op_block; r == 0 && block < end; block++) {
		if (block < l->first || block >= l->first + l->n) {
			if (*l->cancel)
				return -ECANCELED;
			r = load_window(l, block, window_end(l, op, op_block, block));
		}
		if (r == 0)
			r = take_block(l, block);
	}
	return r;
}

static int check_identity(const struct content *c)
{
	struct identity now;
	struct stat st;

	if (!c->live)
		return 0;
	if (fstat(c->fd, &st) < 0)
		return -errno;
	identity_of(&st, &now);
	return identity_equal(&now, &c->identity) ? 0 : -ESTALE;
}

/* *ret: literal_bytes of them; NULL where the frame has none. */
static int read_literals(const struct frame_job *j, const struct plan_frame *f, uint8_t **ret)
{
	struct literals l = {.bundle = j->bundle, .frame = f, .cancel = &j->cancel};
	uint64_t block = plan_block(&l);
	int r;

	*ret = NULL;
	if (f->literal_bytes == 0)
		return 0;
	r = bulk_open(j->bundle->content.fd, &l.bulk);
	if (r < 0)
		return r;
	l.window = bulk_buffer(READ_BLOCKS * (size_t)BLOCK_SIZE);
	l.out = bulk_buffer(f->literal_bytes);
	for (uint32_t i = 0; r == 0 && i < f->n_ops; block += f->ops[i++].n) {
		if (f->ops[i].kind == OP_LIT)
			r = take_op(&l, i, block);
	}
	free(l.window);
	bulk_close(l.bulk);
	if (r < 0)
		free(l.out);
	else
		*ret = l.out;
	return r;
}

/* The hashes of the nodes that are not SAME. */
static struct hash *node_hashes(const struct frame_job *j, const struct plan_frame *f,
				uint32_t *ret_n)
{
	struct hash *hashes = xcalloc(f->n_nodes, sizeof(*hashes));
	uint64_t block = (uint64_t)f->first_node * NODE_BLOCKS;
	uint32_t n = 0, op = 0;
	uint64_t op_end = block + f->ops[0].n;

	for (uint32_t i = 0; i < f->n_nodes; i++, block += NODE_BLOCKS) {
		while (op_end <= block)
			op_end += f->ops[++op].n;
		if (f->ops[op].kind != OP_SAME)
			hashes[n++] = *index_node(j->bundle->index, f->first_node + i);
	}
	*ret_n = n;
	return hashes;
}

static int write_frame(struct frame_job *j, const uint8_t *buf, size_t len)
{
	char name[FRAME_NAME_MAX], temp[FRAME_NAME_MAX + 8];
	int fd, r, dirfd = j->bundler->cache_dirfd;

	frame_key_name(&j->cached->key, name);
	snprintf(temp, sizeof(temp), ".tmp-%s", name);
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = durable_pwrite(fd, buf, len, 0);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = durable_rename(dirfd, temp, dirfd, name);
	if (r < 0)
		unlinkat(dirfd, temp, 0);
	return r;
}

static void set_result(struct frame_job *j, const uint8_t *buf, size_t len)
{
	j->size = len;
	digest_bytes(buf, FRAME_HEAD_SIZE, &j->mark);
}

static int encode(struct frame_job *j, const struct plan_frame *f, const struct patched *p,
		  const uint8_t *literals)
{
	struct frame frame = {.ops = p->ops, .parts = p->parts, .literals = literals};
	struct hash *hashes;
	uint8_t *buf;
	size_t len;
	int r;

	if (j->encoder->zstd == NULL)
		j->encoder->zstd = frame_encoder_new();
	if (j->encoder->zstd == NULL)
		return -ENOMEM;
	frame.head.index = j->frame;
	frame.head.first_node = f->first_node;
	frame.head.n_nodes = f->n_nodes;
	frame.head.n_ops = f->n_ops;
	frame.head.n_parts = p->n_parts;
	frame.head.literals_len = (uint32_t)p->literals_len;
	frame.hashes = hashes = node_hashes(j, f, &frame.head.n_hashes);
	frame_encoder_on_cancel(j->encoder->zstd, &j->cancel);
	r = frame_encode(j->encoder->zstd, &frame, (int)j->cached->key.effort, &buf, &len);
	free(hashes);
	if (r < 0)
		return r;
	r = write_frame(j, buf, len);
	if (r == 0)
		set_result(j, buf, len);
	free(buf);
	return r;
}

static uint8_t *read_file(const struct frame_job *j, size_t *ret_len)
{
	char name[FRAME_NAME_MAX];
	uint8_t *buf = NULL;
	struct stat st;
	int fd = openat(j->bundler->cache_dirfd, frame_key_name(&j->cached->key, name),
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size >= (off_t)FRAME_HEAD_SIZE &&
	    st.st_size <= (off_t)(FRAME_HEAD_SIZE + FRAME_BODY_MAX))
		buf = malloc((size_t)st.st_size);
	for (size_t have = 0; buf != NULL && have < (size_t)st.st_size;) {
		ssize_t n = pread(fd, buf + have, (size_t)st.st_size - have, (off_t)have);

		if (n <= 0) {
			free(buf);
			buf = NULL;
		} else {
			have += (size_t)n;
		}
	}
	close(fd);
	if (buf != NULL)
		*ret_len = (size_t)st.st_size;
	return buf;
}

static bool verify(struct frame_job *j, const struct plan_frame *f)
{
	struct frame_head head;
	struct hash body;
	bool ok = false;
	size_t len;
	uint8_t *buf = read_file(j, &len);

	if (buf == NULL)
		return false;
	if (frame_head_decode(buf, j->bundle->content.size, &head, NULL) == 0 &&
	    head.index == j->frame && head.first_node == f->first_node &&
	    head.n_nodes == f->n_nodes && head.n_ops == f->n_ops &&
	    head.literals_len <= f->literal_bytes && FRAME_HEAD_SIZE + head.body_len == len) {
		digest_bytes(buf + FRAME_HEAD_SIZE, head.body_len, &body);
		ok = hash_equal(&body, &head.body_hash);
	}
	if (ok)
		set_result(j, buf, len);
	free(buf);
	return ok;
}

static int patch_and_encode(struct frame_job *j, const struct plan_frame *f, uint8_t *literals)
{
	struct patch_base bases[FRAME_BASES_MAX] = {{NULL, NULL}};
	unsigned n = f->literal_bytes > 0 ? j->bundle->plan->n_bases : 0;
	struct patched p;
	int r;

	for (unsigned i = 0; i < n; i++) {
		const struct bundle_base *b = &j->bundle->bases[i];

		if (b->fd >= 0 && old_open(b->fd, b->index, &bases[i].old) == 0)
			bases[i].anchors = b->anchors;
	}
	r = patch_frame(f, j->bundle->content.size, literals, bases, n, &j->cancel, &p);
	for (unsigned i = 0; i < n; i++)
		old_close(bases[i].old);
	if (r < 0)
		return r;
	r = encode(j, f, &p, literals);
	patched_done(&p);
	return r;
}

void frame_job_run(struct frame_job *j)
{
	const struct plan_frame *f = &j->bundle->plan->frames[j->frame];
	const struct content *c = &j->bundle->content;
	uint8_t *literals = NULL;
	int r = 0;

	if (j->cancel)
		r = -ECANCELED;
	else if (j->on_disk && verify(j, f))
		goto out;
	if (r == 0)
		r = check_identity(c);
	if (r == 0)
		r = read_literals(j, f, &literals);
	if (r == 0)
		r = check_identity(c);
	if (r == 0)
		r = patch_and_encode(j, f, literals);
	free(literals);
out:
	j->error = r;
}
