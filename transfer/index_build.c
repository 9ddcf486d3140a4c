/*
 * index_build.c: one read of a file -> its index. A piece is 4 MiB, read directly in one go where
 * nothing of it is trusted (index_reader.c); all-zero blocks are found before they are hashed.
 * Pieces are taken in order, so several threads together still read the file from its beginning to
 * its end.
 */
#include "transfer/index_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "transfer/index_build_private.h"
#include "transfer/index_private.h"

#define SHARE_READ (32u << 20) /* of one call of index_builder_work() */
#define SHARE_DONE ((uint64_t)4 << 30)

static uint64_t node_end(const struct index_builder *b, uint64_t node)
{
	return MIN((node + 1) * NODE_SIZE, b->size);
}

static int hash_node(struct reader *r, uint64_t node, const uint8_t *data)
{
	struct index_builder *b = r->b;
	struct hash leaves[NODE_BLOCKS];
	unsigned n = index_node_blocks(b->size, node);
	uint64_t block = node * NODE_BLOCKS;

	for (unsigned i = 0; i < n; i++, block++) {
		uint64_t len = MIN(BLOCK_SIZE, b->size - block * BLOCK_SIZE);

		if (index_builder_trusts(b, block)) {
			leaves[i] = *index_leaf(b->trust->base, block);
			r->trusted += len;
			continue;
		}
		digest_block(data + (size_t)i * BLOCK_SIZE, len, &leaves[i]);
		if (r->anchors != NULL && !hash_equal(&leaves[i], &hash_zero_block))
			anchors_batch_block(r->anchors, block, data + (size_t)i * BLOCK_SIZE, len);
	}
	if (b->sectors != NULL) {
		int error = sectors_writer_node(b->sectors, node, data,
						(size_t)(node_end(b, node) - node * NODE_SIZE));

		if (error < 0)
			return error;
	}
	return index_writer_node(b->writer, node, leaves);
}

/* All of it as in the base? */
static bool node_trusted(const struct index_builder *b, uint64_t node)
{
	unsigned n = index_node_blocks(b->size, node);

	if (b->trust == NULL || node >= nodes_of(index_size(b->trust->base)) ||
	    n != index_node_blocks(index_size(b->trust->base), node))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!index_builder_trusts(b, node * NODE_BLOCKS + i))
			return false;
	}
	return true;
}

/* 1: this node needs no reading, and is done; 0: it does; -errno. */
static int skip_node(struct reader *r, uint64_t node)
{
	struct index_builder *b = r->b;
	int error;

	if (node_trusted(b, node)) {
		r->trusted += node_end(b, node) - node * NODE_SIZE;
		error = index_writer_same(b->writer, node, b->trust->base);
		return error < 0 ? error : 1;
	}
	error = index_reader_find_data(r, node * NODE_SIZE);
	if (error < 0 || r->data_start < node_end(b, node))
		return error;
	error = index_writer_node(b->writer, node, b->zeros);
	return error < 0 ? error : 1;
}

static int do_piece(struct reader *r, uint64_t first, uint64_t end)
{
	for (uint64_t node = first, from; node < end;) {
		int skipped = 0;

		/* As many as are to be read, in one go. */
		for (from = node; node < end; node++) {
			skipped = skip_node(r, node);
			if (skipped != 0)
				break;
		}
		if (skipped < 0)
			return skipped;
		if (node > from) {
			int error =
				index_reader_blocks(r, from * NODE_BLOCKS,
						    MIN(node * NODE_BLOCKS, blocks_of(r->b->size)));

			for (uint64_t i = from; error == 0 && i < node; i++)
				error = hash_node(r, i, r->buf + (i - from) * NODE_SIZE);
			if (error < 0)
				return error;
		}
		node += skipped > 0;
	}
	return 0;
}

/* 1: more; 0: none left. */
static int work(struct reader *r, const volatile bool *cancel)
{
	struct index_builder *b = r->b;
	uint64_t nodes = nodes_of(b->size);

	for (uint64_t done = 0; r->read < SHARE_READ && done < SHARE_DONE; done += PIECE) {
		uint64_t first, end;
		int error = atomic_load(&b->error);

		if (error == 0 && cancel != NULL && *cancel)
			error = -ECANCELED;
		if (error < 0)
			return error;
		first = atomic_fetch_add(&b->next, 1) * PIECE_NODES;
		if (first >= nodes)
			return 0;
		end = MIN(first + PIECE_NODES, nodes);
		error = do_piece(r, first, end);
		if (error < 0)
			return error;
		atomic_fetch_add(&b->done, node_end(b, end - 1) - first * NODE_SIZE);
	}
	return atomic_load(&b->next) * PIECE_NODES < nodes;
}

int index_builder_work(struct index_builder *b, const volatile bool *cancel)
{
	struct reader *r;
	int error = index_reader_get(b, &r);

	if (error == 0) {
		error = work(r, cancel);
		index_reader_put(r);
	}
	if (error < 0)
		atomic_store(&b->error, error);
	return error;
}

uint64_t index_builder_progress(const struct index_builder *b)
{
	return atomic_load(&b->done);
}

static int stat_identity(int fd, struct identity *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "stat: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "not a regular file");
	if ((uint64_t)st.st_size > FILE_SIZE_MAX)
		return err_set(e, -EFBIG, "larger than 64 TiB");
	identity_of(&st, ret);
	return 0;
}

int index_builder_new(int fd, int dirfd, const struct index_trust *trust,
		      struct index_builder **ret, struct err *e)
{
	struct index_builder *b = xcalloc(1, sizeof(*b));
	int r = stat_identity(fd, &b->identity, e);

	pthread_mutex_init(&b->lock, NULL);
	SLIST_INIT(&b->idle);
	b->fd = fd;
	b->trust = trust;
	b->size = b->identity.size;
	for (unsigned i = 0; i < NODE_BLOCKS; i++)
		b->zeros[i] = hash_zero_block;
	if (r == 0) {
		r = index_writer_new(dirfd, b->size, &b->writer);
		if (r < 0)
			err_set(e, r, "making an index: %s", strerror(-r));
	}
	if (r < 0) {
		index_builder_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

int index_builder_sectors(struct index_builder *b, int dirfd)
{
	return b->trust != NULL ? -EINVAL : sectors_writer_new(dirfd, b->size, &b->sectors);
}

int index_builder_anchors(struct index_builder *b, int dirfd)
{
	unsigned bits = b->sectors != NULL ? ANCHOR_BITS_SECTORS : ANCHOR_BITS;

	if (b->size < ANCHORS_LEAST)
		return 0;
	if (b->trust != NULL) {
		/* What is not read must come from there. */
		if (anchors_open(dirfd, index_root(b->trust->base), &b->base_anchors) < 0)
			return 0;
		bits = MAX(bits, anchors_bits(b->base_anchors));
	}
	return anchors_writer_new(dirfd, b->size, bits, &b->anchors);
}

int index_builder_finish_anchors(struct index_builder *b, const struct hash *root)
{
	int r = 0;

	if (b->anchors == NULL)
		return 0;
	if (b->base_anchors != NULL)
		r = anchors_writer_take(b->anchors, b->base_anchors, b->trust->same);
	if (r == 0)
		r = anchors_writer_finish(b->anchors, root);
	b->anchors = anchors_writer_free(b->anchors);
	return r;
}

int index_builder_finish_sectors(struct index_builder *b, const struct index *x)
{
	return b->sectors != NULL ? sectors_writer_finish(b->sectors, x) : 0;
}

int index_builder_finish(struct index_builder *b, struct hash *ret_root,
			 struct index_facts *ret_facts, struct err *e)
{
	struct identity after;
	int r = atomic_load(&b->error);

	index_reader_free_idle(b);
	if (r < 0)
		return err_set(e, r, "indexing: %s", strerror(-r));
	r = stat_identity(b->fd, &after, e);
	if (r < 0)
		return r;
	if (!identity_equal(&b->identity, &after))
		return err_set(e, -ESTALE, "it changed while it was read");
	r = index_writer_finish(b->writer, ret_root);
	if (r < 0)
		return err_set(e, r, "writing the index: %s", strerror(-r));
	if (ret_facts != NULL)
		*ret_facts = (struct index_facts){atomic_load(&b->read), atomic_load(&b->trusted)};
	return 0;
}

struct index_builder *index_builder_free(struct index_builder *b)
{
	if (b == NULL)
		return NULL;
	index_reader_free_idle(b);
	index_writer_free(b->writer);
	sectors_writer_free(b->sectors);
	anchors_writer_free(b->anchors);
	anchors_free(b->base_anchors);
	pthread_mutex_destroy(&b->lock);
	free(b);
	return NULL;
}

int index_build(int fd, int dirfd, const volatile bool *cancel, volatile uint64_t *progress,
		struct hash *ret_root, struct err *e)
{
	struct index_builder *b;
	int r = index_builder_new(fd, dirfd, NULL, &b, e);

	if (r < 0)
		return r;
	while ((r = index_builder_work(b, cancel)) > 0)
		if (progress != NULL)
			*progress = index_builder_progress(b);
	if (r < 0)
		err_set(e, r, "indexing: %s", strerror(-r));
	else
		r = index_builder_finish(b, ret_root, NULL, e);
	if (r == 0 && progress != NULL)
		*progress = index_builder_progress(b);
	index_builder_free(b);
	return r;
}
