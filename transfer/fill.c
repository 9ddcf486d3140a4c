/*
 * fill.c: nodes that are as in a base, copied from its pin where blocks cannot be shared: read,
 * hashed, compared, written. The next piece is read while this one is hashed and written, and
 * writing to the disk begins at once: so a copy runs at the speed of the disk. Pages that were
 * written are let go soon after; zeros are not read at all. A bounded stretch a call, so that
 * frames get their turn.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "transfer/ahead.h"

#define COMMIT_BYTES ((uint64_t)256 << 20) /* copied again after a crash, at most */
#define BEHIND	     8u			   /* pieces that may be on their way to the disk */
#define PIECE_NODES  (AHEAD_PIECE / NODE_SIZE)

struct item {
	uint64_t first, n; /* nodes */
	unsigned pin;
	bool zero;
};

struct stretch {
	struct staging *st;
	struct item *items;
	struct ahead_piece *pieces; /* of the items that are read */
	size_t n_items, n_pieces, max;
};

static bool is_zero(const struct index *x, uint64_t node)
{
	uint64_t end = MIN((node + 1) * NODE_BLOCKS, blocks_of(index_size(x)));

	for (uint64_t b = node * NODE_BLOCKS; b < end; b++)
		if (!index_block_is_zero(x, b))
			return false;
	return true;
}

static uint64_t bytes_of(const struct staging *st, const struct item *i)
{
	return MIN(i->n * NODE_SIZE, st->size - i->first * NODE_SIZE);
}

/* One more node: with the item before it, or an item of its own. */
static int gather_node(struct stretch *s, uint64_t node)
{
	struct item *last = s->n_items ? &s->items[s->n_items - 1] : NULL;
	unsigned pin = NODE_PIN(s->st->nodes.state[node]);
	struct pin *p;
	int r = pin_ready(s->st, pin, &p);
	bool zero;

	if (r < 0)
		return r;
	zero = is_zero(p->index, node);
	if (last && last->pin == pin && last->zero == zero && last->first + last->n == node &&
	    last->n < PIECE_NODES) {
		last->n++;
	} else {
		s->items[s->n_items++] = (struct item){node, 1, pin, zero};
		if (!zero)
			s->pieces[s->n_pieces++] =
				(struct ahead_piece){.bulk = p->bulk, .offset = node * NODE_SIZE};
		last = &s->items[s->n_items - 1];
	}
	if (!zero)
		s->pieces[s->n_pieces - 1].len = (size_t)bytes_of(s->st, last);
	return 0;
}

static int gather(struct stretch *s)
{
	uint64_t node, from = s->st->fill_next;
	size_t n;
	int r = 0;

	for (n = 0; n < s->max && r == 0 && nodes_next_fill(&s->st->nodes, from, &node); n++) {
		r = gather_node(s, node);
		from = node + 1;
	}
	return r;
}

static int fill_node(struct staging *st, const struct item *i, uint64_t node, const uint8_t *data)
{
	struct build b;
	struct hash got;
	int r;

	build_begin(&b, st, node);
	if (i->zero)
		build_zero(&b, 0, b.n);
	else
		build_data(st, &b, 0, b.n, data);
	digest_node(b.leaves, b.n, &got);
	if (!hash_equal(&got, index_node(st->pins[i->pin].index, node)))
		return pin_is_bad(st, i->pin);
	r = build_write(st, &b);
	if (r == 0)
		nodes_set(&st->nodes, node, 1, (uint8_t)(NODE_BASE | i->pin));
	return r;
}

static int fill_item(struct staging *st, const struct item *i, struct ahead *a)
{
	uint8_t *data = NULL;
	int64_t got;
	uint64_t k;
	int r = 0;

	if (!i->zero) {
		got = ahead_next(a, &data);
		if (got < 0)
			return pin_read(st, i->pin, (int)got);
		if ((uint64_t)got != bytes_of(st, i))
			return pin_is_bad(st, i->pin);
	}
	for (k = 0; k < i->n && r == 0; k++)
		r = fill_node(st, i, i->first + k, data ? data + k * NODE_SIZE : NULL);
	return r;
}

/* On its way to the disk; and what was sent there some pieces ago leaves the memory. */
static void write_behind(struct stretch *s, size_t k)
{
	const struct item *now = &s->items[k], *then = k >= BEHIND ? &s->items[k - BEHIND] : NULL;
	int fd = s->st->image_fd;
	off_t at, len;

	if (!now->zero)
		(void)sync_file_range(fd, (off_t)(now->first * NODE_SIZE),
				      (off_t)bytes_of(s->st, now), SYNC_FILE_RANGE_WRITE);
	if (!then || then->zero)
		return;
	at = (off_t)(then->first * NODE_SIZE);
	len = (off_t)bytes_of(s->st, then);
	(void)sync_file_range(fd, at, len,
			      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				      SYNC_FILE_RANGE_WAIT_AFTER);
	(void)posix_fadvise(fd, at, len, POSIX_FADV_DONTNEED);
}

static int fill_stretch(struct stretch *s)
{
	struct ahead *a = NULL;
	size_t k;
	int r = gather(s);

	if (r == 0 && s->n_pieces)
		r = ahead_start(s->pieces, s->n_pieces, &a);
	for (k = 0; k < s->n_items && r == 0; k++) {
		r = fill_item(s->st, &s->items[k], a);
		if (r == 0)
			write_behind(s, k);
		s->st->fill_next = s->items[k].first + s->items[k].n;
	}
	ahead_stop(a);
	return r;
}

int staging_fill(struct staging *st, uint64_t max)
{
	struct stretch s = {.st = st, .max = (size_t)MAX(max / NODE_SIZE, 1u)};
	uint64_t node;
	int r;

	s.items = xcalloc(s.max, sizeof(*s.items));
	s.pieces = xcalloc(s.max, sizeof(*s.pieces));
	r = fill_stretch(&s);
	free(s.items);
	free(s.pieces);
	if (r < 0)
		return r;
	if (!nodes_next_fill(&st->nodes, st->fill_next, &node))
		st->fill_next = 0;
	if (!st->nodes.filling || st->since_commit >= COMMIT_BYTES)
		r = staging_commit_group(st); /* told only once it is durable */
	return r < 0 ? r : st->nodes.filling > 0;
}
