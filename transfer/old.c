/*
 * old.c: a few windows over the file, the least recently used one read anew. A window is as long as
 * what is wanted, or, where it goes on where the one before ended, twice as long as that: single
 * blocks that are scattered cost a block each, and long runs are read in long pieces.
 */
#include "transfer/old.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/bulkio.h"

#define WINDOWS	    4u
#define WINDOW_MOST 64u /* blocks */

struct window {
	uint8_t *data;
	uint64_t first, n; /* blocks */
	uint64_t used;
};

struct old {
	struct bulk *bulk;
	struct index *index;
	const struct survivors *left;
	uint64_t size, clock;
	struct window windows[WINDOWS];
};

int old_open(int fd, struct index *x, const struct survivors *left, bool cached, struct old **ret)
{
	struct old *o = xcalloc(1, sizeof(*o));
	int r = cached ? bulk_open_cached(fd, &o->bulk) : bulk_open(fd, &o->bulk);

	if (r < 0) {
		free(o);
		return r;
	}
	o->index = x;
	o->left = left;
	o->size = index_size(x);
	*ret = o;
	return 0;
}

struct old *old_close(struct old *o)
{
	if (o == NULL)
		return NULL;
	for (unsigned i = 0; i < WINDOWS; i++)
		free(o->windows[i].data);
	bulk_close(o->bulk);
	free(o);
	return NULL;
}

uint64_t old_size(const struct old *o)
{
	return o->size;
}

const struct index *old_index(const struct old *o)
{
	return o->index;
}

bool old_has(const struct old *o, uint64_t block)
{
	uint64_t at, n;

	return block < blocks_of(o->size) &&
	       (o->left == NULL || survivors_where(o->left, block, &at, &n));
}

bool old_origin(const struct old *o, uint64_t at, uint64_t *ret_block)
{
	if (o->left != NULL)
		return survivors_origin(o->left, at, ret_block);
	*ret_block = at;
	return true;
}

static int load(struct old *o, struct window *w, uint64_t first, uint64_t n)
{
	uint64_t at = first, in_a_row = n;
	struct hash leaves[WINDOW_MOST];
	int64_t got;
	size_t len;

	if (o->left != NULL && !survivors_where(o->left, first, &at, &in_a_row))
		return -ENODATA;
	n = MIN(n, in_a_row);
	len = MIN((first + n) * BLOCK_SIZE, o->size) - first * BLOCK_SIZE;
	if (w->data == NULL)
		w->data = bulk_buffer((size_t)WINDOW_MOST * BLOCK_SIZE);
	w->n = 0;
	got = bulk_read(o->bulk, w->data, len, at * BLOCK_SIZE);
	if (got < 0)
		return (int)got;
	if ((size_t)got != len && o->left == NULL)
		return -EBADE;
	memset(w->data + got, 0, len - (size_t)got); /* the new content may end earlier, in zeros */
	digest_blocks(w->data, len, leaves);
	for (uint64_t k = 0; k < n; k++) {
		if (!hash_equal(&leaves[k], index_leaf(o->index, first + k)))
			return -EBADE;
	}
	w->first = first;
	w->n = n;
	return 0;
}

/* The window that has this block, or the one to be read anew; *ret_n: blocks to read. */
static struct window *choose(struct old *o, uint64_t block, size_t wanted, uint64_t *ret_n)
{
	uint64_t n = MIN((wanted + BLOCK_SIZE - 1) / BLOCK_SIZE, WINDOW_MOST);
	struct window *oldest = &o->windows[0];

	*ret_n = 0;
	for (unsigned i = 0; i < WINDOWS; i++) {
		struct window *w = &o->windows[i];

		if (block >= w->first && block < w->first + w->n)
			return w;
		if (w->n > 0 && block == w->first + w->n)
			n = MIN(MAX(n, 2 * w->n), WINDOW_MOST);
		if (w->used < oldest->used)
			oldest = w;
	}
	*ret_n = MIN(n, blocks_of(o->size) - block);
	return oldest;
}

int old_bytes(struct old *o, uint64_t at, size_t len, size_t wanted, const uint8_t **ret,
	      size_t *ret_len)
{
	uint64_t block = at / BLOCK_SIZE, n, end;
	struct window *w;
	int r;

	if (len < 1 || at >= o->size || len > o->size - at)
		return -ERANGE;
	wanted = MAX(len, wanted) + at % BLOCK_SIZE;
	w = choose(o, block, wanted, &n);
	if (n > 0) {
		r = load(o, w, block, n);
		if (r < 0)
			return r;
	}
	w->used = ++o->clock;
	end = (w->first + w->n) * BLOCK_SIZE;
	*ret = w->data + (at - w->first * BLOCK_SIZE);
	*ret_len = MIN(len, end - at);
	return 0;
}

int old_copy(struct old *o, uint64_t at, size_t len, uint8_t *to)
{
	while (len > 0) {
		const uint8_t *p;
		size_t n;
		int r = old_bytes(o, at, len, len, &p, &n);

		if (r < 0)
			return r;
		memcpy(to, p, n);
		to += n;
		at += n;
		len -= n;
	}
	return 0;
}

int old_blocks(struct old *o, uint64_t first, uint64_t n, uint8_t *to)
{
	uint64_t blocks = blocks_of(o->size), at = first * BLOCK_SIZE, len = n * BLOCK_SIZE, have;

	if (n < 1 || first >= blocks || n > blocks - first)
		return -ERANGE;
	have = MIN(len, o->size - at);
	memset(to + have, 0, len - have);
	return old_copy(o, at, have, to);
}
