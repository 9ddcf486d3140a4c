/*
 * index_build.c: one read of a file -> its index. Holes are not read, data is read directly in
 * pieces of 4 MiB, all-zero blocks are found before they are hashed. One thread a file; several
 * files are indexed side by side.
 */
#include "transfer/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "transfer/bulkio.h"
#include "transfer/index_private.h"
#include "transfer/source.h"

#define PIECE (8u * NODE_SIZE)

struct build {
	int fd;
	struct bulk *bulk;
	struct index_writer *writer;
	uint8_t *buf;
	uint64_t size;
	uint64_t data_start, data_end; /* the extent at or after where we are */
};

/* Keeps the extent that holds offset, or the next one. At the end: [size, size). */
static int find_data(struct build *b, uint64_t offset)
{
	int r;

	if (offset < b->data_end)
		return 0;
	r = source_next_data(b->fd, offset, b->size, &b->data_start, &b->data_end);
	if (r == -ENXIO) {
		b->data_start = b->data_end = b->size;
		r = 0;
	}
	return r;
}

/* The file's bytes [offset, offset + len) into buf; holes as zeros. */
static int fill(struct build *b, uint64_t offset, size_t len)
{
	uint64_t end = offset + len, at = offset;

	while (at < end) {
		uint8_t *to = b->buf + (at - offset);
		uint64_t start, stop;
		int64_t n;
		int r = find_data(b, at);

		if (r < 0)
			return r;
		start = MIN(MAX(b->data_start, at), end);
		stop = MIN(b->data_end, end);
		memset(to, 0, start - at);
		at = start;
		if (stop <= start)
			continue;
		n = bulk_read(b->bulk, b->buf + (start - offset), stop - start, start);
		if (n < 0)
			return (int)n;
		if ((uint64_t)n != stop - start)
			return -ESTALE; /* it became shorter */
		at = stop;
	}
	return 0;
}

static int hash_nodes(struct build *b, uint64_t offset, size_t len)
{
	struct hash leaves[NODE_BLOCKS];

	for (size_t at = 0; at < len; at += NODE_SIZE) {
		size_t end = MIN(at + NODE_SIZE, len);
		unsigned n = 0;
		int r;

		for (size_t p = at; p < end; p += BLOCK_SIZE)
			digest_block(b->buf + p, MIN(BLOCK_SIZE, end - p), &leaves[n++]);
		r = index_writer_node(b->writer, (offset + at) / NODE_SIZE, leaves);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whole nodes of a hole from offset on; returns where it stopped, or -errno. */
static int64_t skip_hole(struct build *b, uint64_t offset)
{
	struct hash zeros[NODE_BLOCKS];
	uint64_t end =
		b->data_start == b->size ? b->size : b->data_start - b->data_start % NODE_SIZE;
	int r;

	for (unsigned i = 0; i < NODE_BLOCKS; i++)
		zeros[i] = hash_zero_block;
	/* A bounded stretch, so that progress and cancel are looked at. */
	end = MIN(end, offset + 1024 * (uint64_t)NODE_SIZE);
	for (; offset < end; offset += NODE_SIZE) {
		r = index_writer_node(b->writer, offset / NODE_SIZE, zeros);
		if (r < 0)
			return r;
	}
	return (int64_t)MIN(offset, b->size);
}

static int64_t step(struct build *b, uint64_t offset)
{
	size_t len = MIN(PIECE, b->size - offset);
	int r = find_data(b, offset);

	if (r < 0)
		return r;
	if (b->data_start >= offset + NODE_SIZE || b->data_start == b->size)
		return skip_hole(b, offset);
	r = fill(b, offset, len);
	if (r == 0)
		r = hash_nodes(b, offset, len);
	return r < 0 ? r : (int64_t)(offset + len);
}

static int build_all(struct build *b, const volatile bool *cancel, volatile uint64_t *progress)
{
	for (uint64_t offset = 0; offset < b->size;) {
		int64_t next;

		if (cancel != NULL && *cancel)
			return -ECANCELED;
		next = step(b, offset);
		if (next < 0)
			return (int)next;
		offset = (uint64_t)next;
		if (progress != NULL)
			*progress = offset;
	}
	return 0;
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

int index_build(int fd, int dirfd, const volatile bool *cancel, volatile uint64_t *progress,
		struct hash *ret_root, struct err *e)
{
	struct identity before, after;
	struct build b = {.fd = fd};
	int r = stat_identity(fd, &before, e);

	if (r < 0)
		return r;
	b.size = before.size;
	b.buf = bulk_buffer(PIECE);
	r = bulk_open(fd, &b.bulk);
	if (r == 0)
		r = index_writer_new(dirfd, b.size, &b.writer);
	if (r == 0)
		r = build_all(&b, cancel, progress);
	if (r < 0) {
		err_set(e, r, "indexing: %s", strerror(-r));
		goto cleanup;
	}
	r = stat_identity(fd, &after, e);
	if (r == 0 && !identity_equal(&before, &after))
		r = err_set(e, -ESTALE, "it changed while it was read");
	if (r == 0) {
		r = index_writer_finish(b.writer, ret_root);
		if (r < 0)
			err_set(e, r, "writing the index: %s", strerror(-r));
	}
cleanup:
	index_writer_free(b.writer);
	bulk_close(b.bulk);
	free(b.buf);
	return r;
}
