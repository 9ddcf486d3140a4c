/*
 * index_build.c: one read of a file -> its index. A piece is 1 MiB, read directly in one go where
 * nothing of it is trusted (index_reader.c), while those before it are hashed (index_ahead.c);
 * all-zero blocks are found before they are hashed. Pieces are taken in order, so several threads
 * together still read the file from its beginning to its end.
 */
#include "transfer/index_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/index_build_private.h"
#include "transfer/index_private.h"
#include "transfer/mapped.h"

#define HELPED_LEAST (64u << 20)
#define HELPERS_MAX  7

static uint64_t node_end(const struct index_builder *b, uint64_t node)
{
	return MIN((node + 1) * NODE_SIZE, b->size);
}

static uint64_t block_bytes(const struct index_builder *b, uint64_t from, uint64_t to)
{
	return MIN(to * BLOCK_SIZE, b->size) - MIN(from * BLOCK_SIZE, b->size);
}

/* Blocks [from, to), which were read. */
static void hash_run(struct reader *r, uint64_t from, uint64_t to, const uint8_t *data,
		     struct hash *leaves)
{
	digest_blocks(data, block_bytes(r->b, from, to), leaves);
	for (uint64_t block = from; r->anchors != NULL && block < to; block++, leaves++) {
		if (!hash_equal(leaves, &hash_zero_block))
			anchors_batch_block(r->anchors, block, data + (block - from) * BLOCK_SIZE,
					    block_bytes(r->b, block, block + 1));
	}
}

static int hash_node(struct reader *r, uint64_t node, const uint8_t *data)
{
	struct index_builder *b = r->b;
	struct hash leaves[NODE_BLOCKS];
	uint64_t first = node * NODE_BLOCKS, end = first + index_node_blocks(b->size, node), to;

	for (uint64_t block = first; block < end; block = to) {
		for (to = block; to < end && index_builder_trusts(b, to); to++)
			leaves[to - first] = *index_leaf(b->trust->base, to);
		if (to > block)
			atomic_fetch_add(&b->trusted, block_bytes(b, block, to));
		for (block = to; to < end && !index_builder_trusts(b, to);)
			to++;
		hash_run(r, block, to, data + (block - first) * BLOCK_SIZE, &leaves[block - first]);
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
static int skip_node(struct fetcher *f, uint64_t node)
{
	struct index_builder *b = f->reader->b;
	int error;

	if (node_trusted(b, node)) {
		atomic_fetch_add(&b->trusted, node_end(b, node) - node * NODE_SIZE);
		error = index_writer_same(b->writer, node, b->trust->base);
		return error < 0 ? error : 1;
	}
	error = index_reader_find_data(f, node * NODE_SIZE);
	if (error < 0 || f->data_start < node_end(b, node))
		return error;
	error = index_writer_node(b->writer, node, b->zeros);
	return error < 0 ? error : 1;
}

/* [from, node): as many as are to be read, in one go. */
static int read_nodes(struct fetcher *f, struct piece *p, uint64_t from, uint64_t node)
{
	uint64_t end = MIN(node * NODE_BLOCKS, blocks_of(f->reader->b->size));

	if (from == node)
		return 0;
	for (uint64_t i = from; i < node; i++)
		p->read[i - p->first] = true;
	return index_reader_blocks(f, from * NODE_BLOCKS, end,
				   p->buf + (from - p->first) * NODE_SIZE);
}

int index_builder_fetch(struct fetcher *f, struct piece *p)
{
	uint64_t from = p->first, before = f->read;
	int n = 0, error = 0;

	memset(p->read, 0, sizeof(p->read));
	for (uint64_t node = p->first; error >= 0 && node < p->end; node++) {
		error = skip_node(f, node);
		n += error == 0;
		if (error <= 0)
			continue;
		error = read_nodes(f, p, from, node);
		from = node + 1;
	}
	if (error >= 0)
		error = read_nodes(f, p, from, p->end);
	atomic_fetch_add(&f->reader->b->read, f->read - before);
	return error < 0 ? error : n;
}

bool index_builder_claim(struct index_builder *b, uint64_t *ret_first, uint64_t *ret_end)
{
	uint64_t nodes = nodes_of(b->size), first = atomic_fetch_add(&b->next, 1) * PIECE_NODES;

	if (first >= nodes)
		return false;
	*ret_first = first;
	*ret_end = MIN(first + PIECE_NODES, nodes);
	return true;
}

void index_builder_done(struct index_builder *b, const struct piece *p)
{
	atomic_fetch_add(&b->done, node_end(b, p->end - 1) - p->first * NODE_SIZE);
}

static int hash_piece(struct reader *r, const struct piece *p)
{
	int error = 0;

	for (uint64_t node = p->first; error == 0 && node < p->end; node++) {
		if (p->read[node - p->first])
			error = hash_node(r, node, p->buf + (node - p->first) * NODE_SIZE);
	}
	if (error == 0)
		index_builder_done(r->b, p);
	return error;
}

int index_builder_work(struct index_builder *b, const atomic_bool *cancel)
{
	uint64_t pieces = (nodes_of(b->size) + PIECE_NODES - 1) / PIECE_NODES;
	struct reader *r;
	struct piece *p;
	int error = index_ahead_start(b, cancel, &r), more;

	if (error == 0) {
		while (error == 0 && (more = index_ahead_next(r, &p)) != 0) {
			error = more < 0 ? more : hash_piece(r, p);
			if (more > 0)
				index_ahead_back(r, p);
		}
		index_ahead_stop(r);
	}
	if (error < 0)
		atomic_store(&b->error, error);
	return error < 0 ? error : atomic_load(&b->next) < pieces;
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

	index_ahead_free_idle(b);
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
	index_ahead_free_idle(b);
	index_writer_free(b->writer);
	sectors_writer_free(b->sectors);
	anchors_writer_free(b->anchors);
	anchors_free(b->base_anchors);
	pthread_mutex_destroy(&b->lock);
	free(b);
	return NULL;
}

struct helped {
	struct index_builder *b;
	const atomic_bool *cancel;
};

static void *help(void *arg)
{
	const struct helped *h = arg;

	while (index_builder_work(h->b, h->cancel) > 0)
		;
	return NULL;
}

/* All cores hash: without instructions for SHA-256 one of them is slower than most disks. */
static int work_together(struct index_builder *b, const atomic_bool *cancel,
			 _Atomic uint64_t *progress)
{
	struct helped h = {b, cancel};
	pthread_t threads[HELPERS_MAX];
	long most = b->size < HELPED_LEAST ? 0 : sysconf(_SC_NPROCESSORS_ONLN) - 1;
	long n = 0;
	int r;

	while (n < MIN(most, HELPERS_MAX) && mapped_thread(&threads[n], help, &h) == 0)
		n++;
	while ((r = index_builder_work(b, cancel)) > 0)
		if (progress != NULL)
			*progress = index_builder_progress(b);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	return r;
}

int index_build(int fd, int dirfd, const atomic_bool *cancel, _Atomic uint64_t *progress,
		struct hash *ret_root, struct err *e)
{
	struct index_builder *b;
	int r = index_builder_new(fd, dirfd, NULL, &b, e);

	if (r < 0)
		return r;
	r = work_together(b, cancel, progress);
	if (r < 0)
		err_set(e, r, "indexing: %s", strerror(-r));
	else
		r = index_builder_finish(b, ret_root, NULL, e);
	if (r == 0 && progress != NULL)
		*progress = index_builder_progress(b);
	index_builder_free(b);
	return r;
}
