/*
 * prove.c: the last step before publication: from the hashes of all nodes, each of them proven
 * before (assemble.c, fill.c), the root is computed. Only where it is the root that was asked for
 * is the transfer staged. Nothing of the image is read, and nothing written but the leaves that are
 * new: what all of them cost is paid after publication (leaves.h).
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/durable.h"

struct hashes {
	struct staging *st;
	struct hash *nodes;
	struct hash first_leaf; /* of a file of one block */
};

static int own_hash(void *arg, const struct leaf_record *r)
{
	struct hashes *h = arg;
	const struct hash *leaf = leaf_record_at(r, 0);

	if (r->node >= h->st->nodes.n)
		return -EBADMSG;
	h->nodes[r->node] = r->hash;
	if (r->node == 0 && leaf)
		h->first_leaf = *leaf;
	return 0;
}

static int own_hashes(struct staging *st, struct hashes *ret)
{
	*ret = (struct hashes){.st = st, .nodes = calloc(st->nodes.n + 1, sizeof(*ret->nodes))};
	if (!ret->nodes)
		return -ENOMEM; /* 64 MB for a terabyte */
	return leaf_log_each(st->leaves.fd, st->leaves.end, own_hash, ret);
}

int staging_own_hashes(struct staging *st, struct hash **ret)
{
	struct hashes h;
	int r = own_hashes(st, &h);

	if (r < 0)
		free(h.nodes);
	else
		*ret = h.nodes;
	return r;
}

/* The hashes of nodes that are as in a base, out of its index. */
static int base_hashes(struct hashes *h)
{
	struct staging *st = h->st;
	uint64_t node;
	struct pin *p;
	int r;

	for (node = 0; node < st->nodes.n; node++) {
		if (!(st->nodes.state[node] & NODE_BASE))
			continue;
		r = pin_ready(st, NODE_PIN(st->nodes.state[node]), &p);
		if (r < 0)
			return r;
		h->nodes[node] = *index_node(p->index, node);
		if (node == 0)
			h->first_leaf = *index_leaf(p->index, 0);
	}
	return 0;
}

static int compute_root(struct staging *st, struct hash *ret)
{
	struct hashes h;
	int r = own_hashes(st, &h);

	if (r == 0)
		r = base_hashes(&h);
	if (r == 0)
		digest_root(st->size, h.nodes, &h.first_leaf, ret);
	free(h.nodes);
	return r;
}

/* What was written is on the disk; now none of it is in memory, and reading it reads the disk. */
static int read_again(struct staging *st, const atomic_bool *cancel, struct err *e)
{
	struct hash root;
	int r = posix_fadvise(st->image_fd, 0, 0, POSIX_FADV_DONTNEED);

	if (r != 0)
		return err_set(e, -r, "the image cannot be dropped from memory");
	r = index_build(st->image_fd, st->store->index_fd, cancel, NULL, &root, e);
	if (r == 0 && !hash_equal(&root, &st->root))
		r = err_set(e, -EBADMSG, "read once more, the image has another root");
	return r;
}

int staging_finish(struct staging *st, bool full, const atomic_bool *cancel, struct err *e)
{
	struct hash root;
	struct pack p = {0};
	int r = staging_commit(st);

	if (r < 0 || st->staged)
		return r;
	if (!staging_complete(st))
		return err_set(e, -EAGAIN, "not all nodes are proven");
	r = compute_root(st, &root);
	if (r < 0)
		return err_set(e, r, "cannot compute the root: %s", strerror(-r));
	if (!hash_equal(&root, &st->root))
		return err_set(e, -EBADMSG, "all nodes prove, and yet the root is another one");
	if (full)
		r = read_again(st, cancel, e);
	if (r < 0)
		return r;
	pack_u64(&p, full);
	r = staging_note(st, J_STAGED, p.data, p.len);
	pack_done(&p);
	if (r < 0)
		return r;
	st->staged = true;
	st->read_again = full;
	return staging_commit(st);
}

static void add_run(struct leaf_run *runs, struct leaf_head *head, uint64_t node, uint64_t pin)
{
	struct leaf_run *last = head->n_runs ? &runs[head->n_runs - 1] : NULL;

	if (last && last->base == pin && last->first + last->n == node)
		last->n++;
	else
		runs[head->n_runs++] = (struct leaf_run){node, 1, pin};
}

static int seal(struct staging *st)
{
	struct leaf_head head = {.size = st->size, .root = st->root, .n_bases = st->n_pins};
	struct leaf_run *runs = calloc(st->nodes.n + 1, sizeof(*runs));
	uint64_t node;
	unsigned k;
	int r;

	if (!runs)
		return -ENOMEM;
	for (k = 0; k < st->n_pins; k++)
		head.bases[k] = st->pins[k].root;
	for (node = 0; node < st->nodes.n; node++)
		if (st->nodes.state[node] & NODE_BASE)
			add_run(runs, &head, node, NODE_PIN(st->nodes.state[node]));
	r = leaf_log_seal(&st->leaves, &head, runs);
	free(runs);
	return r;
}

int staging_keep_leaves(struct staging *st)
{
	char hex[HASH_HEX + 1], name[HASH_HEX + 8];
	int dir = st->store->index_fd, r;

	if (faccessat(dir, hash_hex(&st->root, hex), F_OK, 0) == 0)
		return 0;
	snprintf(name, sizeof(name), "%s" LEAF_DELTA, hex);
	r = seal(st);
	if (r < 0)
		return r;
	(void)unlinkat(dir, name, 0);
	if (linkat(st->dir_fd, "leaves", dir, name, 0) < 0)
		return -errno;
	return durable_dirsync(dir);
}
