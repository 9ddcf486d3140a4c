/*
 * scrub.c: see scrub.h. A hole is read without the disk: its blocks must be zeros in the record.
 */
#include "transfer/scrub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/bulkio.h"
#include "transfer/leaves.h"

#define PIECE ((size_t)1 << 20)

struct pass {
	struct scrub *x;
	struct index *index;
	struct bulk *bulk;
	uint8_t *buf;
	uint64_t size, blocks;
	const atomic_bool *cancel;
};

static void found_bad(struct pass *p, uint64_t block, uint64_t n)
{
	if (p->x->bad == 0)
		p->x->first_bad = block;
	p->x->bad += n;
}

static uint64_t rank(const struct pass *p, uint64_t block)
{
	return block < p->blocks ? index_rank(p->index, block) : index_nonzero_blocks(p->index);
}

static void check_hole(struct pass *p, uint64_t from, uint64_t to)
{
	uint64_t first = from / BLOCK_SIZE, end = blocks_of(to), before = rank(p, first);
	uint64_t n = rank(p, end) - before;

	if (n > 0)
		found_bad(p, index_nonzero_at(p->index, before), n);
}

static void check_bytes(struct pass *p, uint64_t at, size_t len)
{
	struct hash leaves[PIECE / BLOCK_SIZE];
	uint64_t first = at / BLOCK_SIZE;

	digest_blocks(p->buf, len, leaves);
	for (uint64_t i = 0; i < blocks_of(len); i++) {
		if (!hash_equal(&leaves[i], index_leaf(p->index, first + i)))
			found_bad(p, first + i, 1);
	}
}

/* Data on disk up to `to`, until `end` bytes were read in all. */
static int check_data(struct pass *p, uint64_t to, uint64_t end)
{
	struct scrub *x = p->x;

	while (x->next < to && x->read < end) {
		size_t len = (size_t)MIN(to - x->next, (uint64_t)PIECE);
		int64_t n;

		if (p->cancel && *p->cancel)
			return -ECANCELED;
		n = bulk_read(p->bulk, p->buf, len, x->next);
		if (n < 0)
			return (int)n;
		if ((size_t)n != len)
			return -ESTALE; /* it became shorter */
		check_bytes(p, x->next, len);
		x->next += len;
		x->read += len;
	}
	return 0;
}

static int walk(struct pass *p, int fd, uint64_t max)
{
	struct scrub *x = p->x;
	uint64_t end = x->read + max, start, stop;
	int r;

	while (x->next < p->size) {
		r = source_next_data(fd, x->next, p->size, &start, &stop);
		if (r == -ENXIO)
			start = stop = p->size;
		else if (r < 0)
			return r;
		check_hole(p, x->next, start);
		x->next = start;
		r = check_data(p, stop, end);
		if (r < 0)
			return r;
		if (x->read >= end)
			break;
	}
	return x->next < p->size;
}

static int is_recorded(int fd, const struct identity *recorded)
{
	struct identity now;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	identity_of(&st, &now);
	return S_ISREG(st.st_mode) && identity_equal(&now, recorded) ? 0 : -ESTALE;
}

static int open_pass(struct pass *p, const struct store *s, int fd, const struct hash *root)
{
	int r = leaves_index(s->index_fd, root, &p->index);

	if (r < 0)
		return r == -ENOMEM ? r : -ENODATA;
	if (index_size(p->index) != p->size)
		return -ENODATA;
	r = bulk_open(fd, &p->bulk);
	p->buf = bulk_buffer(PIECE);
	return r;
}

int scrub_part(const struct store *s, const char *path, const struct identity *recorded,
	       const struct hash *root, struct scrub *x, uint64_t max, const atomic_bool *cancel)
{
	struct pass p = {.x = x,
			 .size = recorded->size,
			 .blocks = blocks_of(recorded->size),
			 .cancel = cancel};
	int fd, r, q;

	r = beneath_open(s->root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
	if (r < 0)
		return r;
	r = is_recorded(fd, recorded);
	if (r == 0)
		r = open_pass(&p, s, fd, root);
	if (r == 0)
		r = walk(&p, fd, max);
	/* Who changed it meanwhile changed what was compared. */
	q = r >= 0 ? is_recorded(fd, recorded) : 0;
	/* Nor does a record that cannot be read say that the file is bad. */
	if (q == 0 && r >= 0 && !index_sound(p.index))
		q = -ENODATA;
	index_unref(p.index);
	bulk_close(p.bulk);
	free(p.buf);
	close(fd);
	return q < 0 ? q : r;
}
