/*
 * index_build.c: one read of a file -> its index. A piece is 4 MiB, read directly in one go where
 * nothing of it is trusted; holes are not read, all-zero blocks are found before they are hashed.
 * Pieces are taken in order, so several threads together still read the file from its beginning to
 * its end. Buffers go from thread to thread: as many as there were ever threads at work.
 */
#include "transfer/index_build.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "transfer/bulkio.h"
#include "transfer/extents.h"
#include "transfer/index_private.h"
#include "transfer/index_sectors.h"
#include "transfer/source.h"

#define PIECE_NODES 8u
#define PIECE	    (PIECE_NODES * NODE_SIZE)
#define SHARE_READ  (32u << 20) /* of one call of index_builder_work() */
#define SHARE_DONE  ((uint64_t)4 << 30)

/* What one thread reads with. */
struct reader {
	struct index_builder *b;
	struct bulk *bulk;
	uint8_t *buf;
	uint64_t from, data_start, data_end; /* [from, data_start) is a hole, then data */
	uint64_t read, trusted;		     /* since it was taken */
	SLIST_ENTRY(reader) entry;
};

struct index_builder {
	int fd;
	const struct index_trust *trust;
	struct identity identity;
	uint64_t size;
	struct index_writer *writer;
	struct sectors_writer *sectors; /* or NULL */
	struct hash zeros[NODE_BLOCKS];
	atomic_uint_fast64_t next; /* piece */
	atomic_uint_fast64_t done, read, trusted;
	atomic_int error;
	pthread_mutex_t lock; /* of idle */
	SLIST_HEAD(, reader) idle;
};

static struct reader *reader_free(struct reader *r)
{
	if (r != NULL) {
		bulk_close(r->bulk);
		free(r->buf);
		free(r);
	}
	return NULL;
}

static int reader_get(struct index_builder *b, struct reader **ret)
{
	struct reader *r;
	int error;

	pthread_mutex_lock(&b->lock);
	r = SLIST_FIRST(&b->idle);
	if (r != NULL)
		SLIST_REMOVE_HEAD(&b->idle, entry);
	pthread_mutex_unlock(&b->lock);
	if (r == NULL) {
		r = xcalloc(1, sizeof(*r));
		r->b = b;
		error = bulk_open(b->fd, &r->bulk);
		if (error < 0) {
			reader_free(r);
			return error;
		}
		r->buf = bulk_buffer(PIECE);
	}
	*ret = r;
	return 0;
}

static void reader_put(struct reader *r)
{
	struct index_builder *b = r->b;

	atomic_fetch_add(&b->read, r->read);
	atomic_fetch_add(&b->trusted, r->trusted);
	r->read = r->trusted = 0;
	pthread_mutex_lock(&b->lock);
	SLIST_INSERT_HEAD(&b->idle, r, entry);
	pthread_mutex_unlock(&b->lock);
}

/* Keeps the extent that holds offset, or the next one. At the end: [size, size). */
static int find_data(struct reader *r, uint64_t offset)
{
	uint64_t size = r->b->size;
	int error;

	if (offset >= r->from && offset < r->data_end)
		return 0;
	error = source_next_data(r->b->fd, offset, size, &r->data_start, &r->data_end);
	if (error == -ENXIO) {
		r->data_start = size;
		r->data_end = UINT64_MAX;
		error = 0;
	}
	r->from = offset;
	return error;
}

/* The file's bytes [offset, end) to `to`; holes as zeros. */
static int fill(struct reader *r, uint64_t offset, uint64_t end, uint8_t *to)
{
	for (uint64_t at = offset, stop; at < end; at = stop) {
		int error = find_data(r, at);
		uint64_t start;
		int64_t n;

		if (error < 0)
			return error;
		start = MIN(MAX(r->data_start, at), end);
		stop = MAX(start, MIN(r->data_end, end));
		memset(to + (at - offset), 0, start - at);
		if (stop == start)
			continue;
		n = bulk_read(r->bulk, to + (start - offset), stop - start, start);
		if (n < 0)
			return (int)n;
		if ((uint64_t)n != stop - start)
			return -ESTALE; /* it became shorter */
		r->read += (uint64_t)n;
	}
	return 0;
}

static bool trusted(const struct index_builder *b, uint64_t block)
{
	return b->trust != NULL && extents_same(b->trust->same, block);
}

/* Reads what is not trusted of the blocks [first, end). */
static int read_blocks(struct reader *r, uint64_t first, uint64_t end)
{
	for (uint64_t block = first, from; block < end;) {
		int error;

		for (; block < end && trusted(r->b, block); block++)
			;
		for (from = block; block < end && !trusted(r->b, block); block++)
			;
		error = fill(r, from * BLOCK_SIZE, MIN(block * BLOCK_SIZE, r->b->size),
			     r->buf + (from - first) * BLOCK_SIZE);
		if (error < 0)
			return error;
	}
	return 0;
}

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

		if (trusted(b, block)) {
			leaves[i] = *index_leaf(b->trust->base, block);
			r->trusted += len;
		} else {
			digest_block(data + (size_t)i * BLOCK_SIZE, len, &leaves[i]);
		}
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
		if (!trusted(b, node * NODE_BLOCKS + i))
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
	error = find_data(r, node * NODE_SIZE);
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
			int error = read_blocks(r, from * NODE_BLOCKS,
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
	int error = reader_get(b, &r);

	if (error == 0) {
		error = work(r, cancel);
		reader_put(r);
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

int index_builder_finish_sectors(struct index_builder *b, const struct index *x)
{
	return b->sectors != NULL ? sectors_writer_finish(b->sectors, x) : 0;
}

int index_builder_finish(struct index_builder *b, struct hash *ret_root,
			 struct index_facts *ret_facts, struct err *e)
{
	struct identity after;
	int r = atomic_load(&b->error);

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
	struct reader *r;

	if (b == NULL)
		return NULL;
	while ((r = SLIST_FIRST(&b->idle)) != NULL) {
		SLIST_REMOVE_HEAD(&b->idle, entry);
		reader_free(r);
	}
	index_writer_free(b->writer);
	sectors_writer_free(b->sectors);
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
