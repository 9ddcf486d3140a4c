/*
 * index_reader.c: the bytes of a piece for index_build.c: holes are not read, nor what is trusted.
 * Readers go from thread to thread: as many as there were ever threads at work.
 */
#include "transfer/index_build_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool leaves(const struct index_builder *b)
{
	return b->trust != NULL && b->trust->leave;
}

static struct reader *reader_free(struct reader *r)
{
	if (r != NULL) {
		bulk_close(r->bulk);
		anchors_batch_free(r->anchors);
		free(r->buf);
		free(r);
	}
	return NULL;
}

int index_reader_get(struct index_builder *b, struct reader **ret)
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
		error = leaves(b) ? bulk_open_cached(b->fd, &r->bulk) : bulk_open(b->fd, &r->bulk);
		if (error < 0) {
			reader_free(r);
			return error;
		}
		r->buf = bulk_buffer(PIECE);
		r->anchors = b->anchors != NULL ? anchors_batch_new(b->anchors) : NULL;
	}
	*ret = r;
	return 0;
}

void index_reader_put(struct reader *r)
{
	struct index_builder *b = r->b;

	atomic_fetch_add(&b->read, r->read);
	atomic_fetch_add(&b->trusted, r->trusted);
	r->read = r->trusted = 0;
	if (leaves(b))
		bulk_leave(r->bulk);
	pthread_mutex_lock(&b->lock);
	SLIST_INSERT_HEAD(&b->idle, r, entry);
	pthread_mutex_unlock(&b->lock);
}

void index_reader_free_idle(struct index_builder *b)
{
	struct reader *r;

	while ((r = SLIST_FIRST(&b->idle)) != NULL) {
		SLIST_REMOVE_HEAD(&b->idle, entry);
		reader_free(r);
	}
}

int index_reader_find_data(struct reader *r, uint64_t offset)
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
		int error = index_reader_find_data(r, at);
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

int index_reader_blocks(struct reader *r, uint64_t first, uint64_t end)
{
	for (uint64_t block = first, from; block < end;) {
		int error;

		for (; block < end && index_builder_trusts(r->b, block); block++)
			;
		for (from = block; block < end && !index_builder_trusts(r->b, block); block++)
			;
		error = fill(r, from * BLOCK_SIZE, MIN(block * BLOCK_SIZE, r->b->size),
			     r->buf + (from - first) * BLOCK_SIZE);
		if (error < 0)
			return error;
	}
	return 0;
}
