/*
 * intake.c: the bytes of a bundle as they come: spooled, cut into the header and whole frames, each
 * frame decoded from the spool and applied. A frame that was taken always advances the position,
 * also where its nodes did not prove. See staging.h.
 *
 * Spooling and applying are two, on two threads: so the next frame comes in while this one is
 * decoded, hashed, written and synced.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define COMMIT_GROUP ((uint64_t)64 << 20)

static void forget_header(struct staging *st)
{
	if (st->has_header)
		bundle_header_done(&st->header);
	st->has_header = false;
}

static int begin_anew(struct staging *st, const struct hash *bundle)
{
	int r;

	forget_header(st);
	st->base_bad = false;
	st->has_bundle = true;
	st->bundle = *bundle;
	st->pos = st->kept = (struct spool_pos){0, 0, 0};
	r = staging_note(st, J_BUNDLE, bundle->b, HASH_SIZE);
	if (r == 0)
		r = staging_commit(st);
	/* Only now: until then the old position spoke of these bytes. */
	return r < 0 ? r : spool_clear(st->spool);
}

int staging_begin(struct staging *st, const struct hash *bundle, uint64_t offset, int *ret_spool)
{
	int r = staging_commit(st);

	if (r < 0)
		return r;
	if (!st->has_bundle || !hash_equal(&st->bundle, bundle))
		r = offset != 0 ? -ERANGE : begin_anew(st, bundle);
	else if (offset != st->pos.consumed + st->pos.len)
		r = -ERANGE;
	else if (spool_load(st->spool, st->pos.consumed, offset) < 0)
		r = staging_give_up(st, -ERANGE); /* what was told cannot be read: all anew */
	if (r == 0)
		r = spool_dup(st->spool);
	if (r < 0)
		return r;
	st->receiving = true;
	*ret_spool = r;
	return 0;
}

int staging_rest(struct staging *st)
{
	int r = staging_commit(st);

	if (r == 0) {
		st->receiving = false;
		spool_rest(st->spool);
	}
	return r;
}

int staging_spool(int spool, uint64_t offset, const void *buf, size_t len)
{
	return spool_write(spool, offset, buf, len);
}

/* What a restart would go on from must stay, and what was not applied. */
uint64_t staging_room(const struct staging *st)
{
	uint64_t first = st->kept.len ? st->kept.consumed : st->pos.consumed;

	return first + SPOOL_SIZE;
}

uint64_t staging_received(const struct staging *st)
{
	return st->pos.consumed + st->pos.len;
}

static void consumed(struct staging *st, uint64_t n)
{
	st->pos.consumed += n;
	st->pos.len -= n;
}

/* 1: the header was taken; 0: more bytes are needed. */
static int take_header(struct staging *st, struct err *e)
{
	size_t len = (size_t)MIN(st->pos.len, (uint64_t)BUNDLE_HEADER_MAX), used = 0;
	const uint8_t *data = spool_at(st->spool, st->pos.consumed);
	int r = staging_load_header(st, data, len, &used, e);

	if (r == 0)
		r = staging_note(st, J_HEADER, data, used);
	if (r == -EAGAIN)
		return len == BUNDLE_HEADER_MAX
			       ? err_set(e, -EBADMSG, "the bundle's header is too long")
			       : 0;
	if (r < 0)
		return r;
	consumed(st, used);
	return 1;
}

/* A prefix is read from the pins, and every block compared with the base's record. */
static int read_prefix(void *arg, const struct prefix_run *run, uint8_t *to)
{
	struct staging *st = arg;

	return build_blocks(st, st->base_pin[run->base], run->first, run->n, to);
}

static int decode_and_apply(struct staging *st, const struct frame_head *h, const uint8_t *body,
			    struct err *e)
{
	struct frame f;
	uint64_t i;
	int r;

	pthread_mutex_lock(&st->as->lock);
	frame_decoder_on_prefix(st->as->decoder, read_prefix, st);
	r = frame_decode(st->as->decoder, h, body, st->size, st->header.n_bases, &f, e);
	if (r == 0) {
		r = assemble_frame(st, &f);
	} else if (r == -EBADMSG) {
		/* A frame that does not decode: all of its nodes come again. */
		for (i = h->first_node; i < (uint64_t)h->first_node + h->n_nodes; i++)
			if (!node_proven(st->nodes.state[i]))
				nodes_set(&st->nodes, i, 1, NODE_FAILED);
		r = 0;
	}
	pthread_mutex_unlock(&st->as->lock);
	return r;
}

/* 1: a frame was taken; 0: more bytes are needed. */
static int take_frame(struct staging *st, struct err *e)
{
	const uint8_t *data = spool_at(st->spool, st->pos.consumed);
	struct frame_head h;
	uint64_t len;
	int r;

	if (st->pos.len < FRAME_HEAD_SIZE)
		return 0;
	r = frame_head_decode(data, st->size, &h, e);
	if (r < 0)
		return r;
	len = FRAME_HEAD_SIZE + (uint64_t)h.body_len;
	if (st->pos.len < len)
		return 0;
	r = decode_and_apply(st, &h, data + FRAME_HEAD_SIZE, e);
	if (r < 0)
		return r;
	st->pos.frames++;
	consumed(st, len);
	/* On its way to the disk while the next one is decoded: the commit finds little to wait
	 * for. */
	if (st->image_dirty)
		(void)sync_file_range(st->image_fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 1;
}

int staging_apply(struct staging *st, uint64_t len, struct err *e)
{
	int more, r;

	if (!st->receiving)
		return err_set(e, -EBADMSG, "no bundle was begun");
	st->pos.len += len;
	more = r = st->has_header ? take_frame(st, e) : take_header(st, e);
	if (r == -EBADMSG || r == -EPROTONOSUPPORT)
		return staging_give_up(st, -EBADMSG);
	if (r == -ESTALE) { /* told by positions until an offer is accepted again */
		st->base_bad = true;
		r = staging_commit(st);
		return r < 0 ? r : -ESTALE;
	}
	if (r < 0)
		return r;
	/* A spooled part that was synced is held back until a commit lets it go. */
	if (st->since_commit >= COMMIT_GROUP ||
	    (st->kept.len && st->pos.consumed > st->kept.consumed))
		r = staging_commit_group(st);
	return r < 0 ? r : more;
}
