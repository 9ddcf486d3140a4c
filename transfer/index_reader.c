/*
 * index_reader.c: the bytes of a piece for index_build.c: holes are not read, nor what is trusted.
 */
#include "transfer/index_build_private.h"

#include <errno.h>
#include <string.h>

static bool leaves(const struct index_builder *b)
{
	return b->trust != NULL && b->trust->leave;
}

int index_reader_open(struct fetcher *f)
{
	const struct index_builder *b = f->reader->b;

	return leaves(b) ? bulk_open_cached(b->fd, &f->bulk) : bulk_open(b->fd, &f->bulk);
}

void index_reader_rest(struct fetcher *f)
{
	if (leaves(f->reader->b))
		bulk_leave(f->bulk);
}

void index_reader_close(struct fetcher *f)
{
	f->bulk = bulk_close(f->bulk);
}

int index_reader_find_data(struct fetcher *f, uint64_t offset)
{
	uint64_t size = f->reader->b->size;
	int error;

	if (offset >= f->from && offset < f->data_end)
		return 0;
	error = source_next_data(f->reader->b->fd, offset, size, &f->data_start, &f->data_end);
	if (error == -ENXIO) {
		f->data_start = size;
		f->data_end = UINT64_MAX;
		error = 0;
	}
	f->from = offset;
	return error;
}

/* The file's bytes [offset, end) to `to`; holes as zeros. */
static int fill(struct fetcher *f, uint64_t offset, uint64_t end, uint8_t *to)
{
	for (uint64_t at = offset, stop; at < end; at = stop) {
		int error = index_reader_find_data(f, at);
		uint64_t start;
		int64_t n;

		if (error < 0)
			return error;
		start = MIN(MAX(f->data_start, at), end);
		stop = MAX(start, MIN(f->data_end, end));
		memset(to + (at - offset), 0, start - at);
		if (stop == start)
			continue;
		n = bulk_read(f->bulk, to + (start - offset), stop - start, start);
		if (n < 0)
			return (int)n;
		if ((uint64_t)n != stop - start)
			return -ESTALE; /* it became shorter */
		f->read += (uint64_t)n;
	}
	return 0;
}

int index_reader_blocks(struct fetcher *f, uint64_t first, uint64_t end, uint8_t *buf)
{
	const struct index_builder *b = f->reader->b;

	for (uint64_t block = first, from; block < end;) {
		int error;

		for (; block < end && index_builder_trusts(b, block); block++)
			;
		for (from = block; block < end && !index_builder_trusts(b, block); block++)
			;
		error = fill(f, from * BLOCK_SIZE, MIN(block * BLOCK_SIZE, b->size),
			     buf + (from - first) * BLOCK_SIZE);
		if (error < 0)
			return error;
	}
	return 0;
}
