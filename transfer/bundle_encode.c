/*
 * bundle_encode.c: a worker makes one frame: reads its literals, takes out of them what the
 * bases' old bytes have (patch.h), encodes, and writes the file. Or it verifies the file that is
 * there.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/durable.h"
#include "transfer/prefix.h"

#define RUN_COST 4u /* bytes of a prefix run in the frame */

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
	char name[FRAME_NAME_MAX];

	return durable_replace(j->bundler->cache_dirfd, frame_key_name(&j->cached->key, name), buf,
			       len);
}

static void set_result(struct frame_job *j, const uint8_t *buf, size_t len)
{
	j->size = len;
	digest_bytes(buf, FRAME_HEAD_SIZE, &j->mark);
}

/* Does it save more than its list of runs costs? */
static bool prefix_pays(struct frame_job *j, const struct frame *f, const struct prefix *prefix)
{
	uint64_t with, without;

	return prefix->n > 0 &&
	       frame_estimate(j->encoder->zstd, f, prefix->bytes, &with, &without) == 0 &&
	       with + (uint64_t)RUN_COST * prefix->n < without;
}

static int encode(struct frame_job *j, const struct plan_frame *f, const struct patched *p,
		  const uint8_t *literals, const struct prefix *prefix)
{
	struct frame frame = {
		.ops = p->ops, .parts = p->parts, .literals = literals, .prefix = prefix->runs};
	struct hash *hashes;
	uint8_t *buf;
	size_t len;
	int r;

	frame.head.index = j->frame;
	frame.head.first_node = f->first_node;
	frame.head.n_nodes = f->n_nodes;
	frame.head.n_ops = f->n_ops;
	frame.head.n_parts = p->n_parts;
	frame.head.literals_len = (uint32_t)p->literals_len;
	frame.hashes = hashes = node_hashes(j, f, &frame.head.n_hashes);
	frame_encoder_on_cancel(j->encoder->zstd, &j->cancel);
	frame.head.n_prefix = prefix->n;
	if (!prefix_pays(j, &frame, prefix))
		frame.head.n_prefix = 0;
	r = frame_encode(j->encoder->zstd, &frame, prefix->bytes, (int)j->cached->key.effort, &buf,
			 &len);
	free(hashes);
	if (r < 0)
		return r;
	r = write_frame(j, buf, len);
	if (r == 0)
		set_result(j, buf, len);
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
		buf = frame_encoder_room(j->encoder->zstd, (size_t)st.st_size);
	for (size_t have = 0; buf != NULL && have < (size_t)st.st_size;) {
		ssize_t n = pread(fd, buf + have, (size_t)st.st_size - have, (off_t)have);

		if (n <= 0)
			buf = NULL;
		else
			have += (size_t)n;
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
	return ok;
}

static int patch_and_encode(struct frame_job *j, const struct plan_frame *f, uint8_t *literals)
{
	struct patch_base bases[FRAME_BASES_MAX] = {{.old = NULL}};
	unsigned n = f->literal_bytes > 0 ? j->bundle->plan->n_bases : 0;
	struct patched p;
	struct prefix prefix = {0};
	int r;

	for (unsigned i = 0; i < n; i++) {
		const struct bundle_base *b = &j->bundle->bases[i];

		bases[i].sectors = b->sectors;
		bases[i].gone = b->gone;
		/* Once to be compared with the literals, once as their prefix: so cached. */
		if ((b->fd >= 0 || b->left != NULL) &&
		    old_open(b->fd >= 0 ? b->fd : j->bundle->content.fd, b->index, b->left, true,
			     &bases[i].old) == 0)
			bases[i].anchors = b->anchors;
	}
	r = patch_frame(f, j->bundle->content.size, literals, bases, n, &j->cancel, &p);
	if (r == 0)
		prefix_make(f, j->bundle->content.size, &p, bases, n, &prefix);
	for (unsigned i = 0; i < n; i++)
		old_close(bases[i].old);
	if (r < 0)
		return r;
	r = encode(j, f, &p, literals, &prefix);
	prefix_done(&prefix);
	patched_done(&p);
	return r;
}

void frame_job_run(struct frame_job *j)
{
	const struct plan_frame *f = &j->bundle->plan->frames[j->frame];
	const struct content *c = &j->bundle->content;
	uint8_t *literals = NULL;
	int r = 0;

	if (j->encoder->zstd == NULL)
		j->encoder->zstd = frame_encoder_new();
	if (j->encoder->zstd == NULL)
		r = -ENOMEM;
	else if (j->cancel)
		r = -ECANCELED;
	else if (j->on_disk && verify(j, f))
		goto out;
	if (r == 0)
		r = check_identity(c);
	if (r == 0)
		r = bundle_read_literals(j, f, &literals);
	if (r == 0)
		r = check_identity(c);
	if (r == 0)
		r = patch_and_encode(j, f, literals);
	/* An index that cannot be read is made anew, as that of a file that changed. */
	if (r == 0 && !index_sound(j->bundle->index))
		r = -ESTALE;
out:
	j->error = r;
}
