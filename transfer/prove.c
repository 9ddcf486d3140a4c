/*
 * prove.c: the last step before publication: from the leaves of every proven node the index of the
 * new content is made, and with it the root. Only where that is the root that was asked for is the
 * transfer staged. Nodes were proven one by one before (assemble.c, fill.c).
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "transfer/durable.h"

static int add_node(struct staging *st, struct index_writer *w, uint64_t node)
{
	struct hash leaves[NODE_BLOCKS];
	uint8_t state = st->nodes.state[node];
	unsigned n = (unsigned)MIN(blocks_of(st->size) - node * NODE_BLOCKS, (uint64_t)NODE_BLOCKS);
	struct pin *p;
	ssize_t got;
	int r;

	if (state == NODE_OWN) {
		got = pread(st->leaves_fd, leaves, n * sizeof(leaves[0]),
			    (off_t)(node * LEAF_PAGE));
		if (got < 0)
			return -errno;
		return got == (ssize_t)(n * sizeof(leaves[0])) ? index_writer_node(w, node, leaves)
							       : -EBADMSG;
	}
	r = pin_ready(st, NODE_PIN(state), &p);
	return r < 0 ? r : index_writer_same(w, node, p->index);
}

/* The index of all nodes, under its root's name in the store. */
static int make_index(struct staging *st, const volatile bool *cancel, struct hash *ret_root)
{
	struct index_writer *w;
	uint64_t node;
	int r = index_writer_new(st->store->index_fd, st->size, &w);

	if (r < 0)
		return r;
	for (node = 0; node < st->nodes.n && r == 0; node++)
		r = cancel && *cancel ? -ECANCELED : add_node(st, w, node);
	if (r == 0)
		r = index_writer_finish(w, ret_root);
	index_writer_free(w);
	return r;
}

int staging_finish(struct staging *st, bool full, const volatile bool *cancel, struct err *e)
{
	struct hash root;
	struct pack p = {0};
	int r = staging_commit(st);

	if (r < 0 || st->staged)
		return r;
	if (!staging_complete(st))
		return err_set(e, -EAGAIN, "not all nodes are proven");
	r = make_index(st, cancel, &root);
	if (r < 0)
		return err_set(e, r, "cannot make the index: %s", strerror(-r));
	if (!hash_equal(&root, &st->root))
		return err_set(e, -EBADMSG, "all nodes prove, and yet the root is another one");
	if (full) {
		r = index_build(st->image_fd, st->store->index_fd, cancel, NULL, &root, e);
		if (r < 0)
			return r;
		if (!hash_equal(&root, &st->root))
			return err_set(e, -EBADMSG, "read once more, the image has another root");
	}
	pack_u64(&p, full);
	r = staging_note(st, J_STAGED, p.data, p.len);
	pack_done(&p);
	if (r < 0)
		return r;
	st->staged = true;
	st->read_again = full;
	r = staging_commit(st);
	return r;
}
