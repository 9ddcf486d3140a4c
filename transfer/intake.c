/*
 * intake.c: the bytes of a bundle as they come: spooled, cut into the header and whole frames, each
 * frame decoded from the spool and applied. A frame that was taken always advances the position,
 * also where its nodes did not prove. See staging.h.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transfer/durable.h"

#define SPOOL_GROUP \
	((uint64_t)16 << 20) /* uncommitted bundle bytes: the spool stays below 32 MiB */
#define COMMIT_GROUP ((uint64_t)64 << 20)

int staging_begin(struct staging *st, const struct hash *bundle, uint64_t offset)
{
	int r = staging_commit(st);

	if (r < 0)
		return r;
	if (st->has_bundle && hash_equal(&st->bundle, bundle))
		return offset == st->pos.consumed + st->pos.len ? 0 : -ERANGE;
	if (offset != 0)
		return -ERANGE;
	if (st->has_header)
		bundle_header_done(&st->header);
	st->has_header = false;
	st->base_bad = false;
	st->has_bundle = true;
	st->bundle = *bundle;
	st->pos = (struct spool_pos){0, 0, 0, 0};
	st->punched = 0;
	r = staging_note(st, J_BUNDLE, bundle->b, HASH_SIZE);
	if (r == 0)
		r = staging_commit(st);
	/* Only now: until then the old position spoke of these bytes. */
	if (r == 0 && ftruncate(st->spool_fd, 0) < 0)
		r = -errno;
	return r;
}

/* Spooled bytes in memory: the file is mapped, so a frame costs no memory of its own. */
struct view {
	void *map;
	size_t map_len;
	const uint8_t *data;
};

static int view_open(const struct staging *st, uint64_t at, size_t len, struct view *v)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), from = at - at % page;

	v->map_len = (size_t)(at - from) + len;
	v->map = mmap(NULL, v->map_len, PROT_READ, MAP_SHARED, st->spool_fd, (off_t)from);
	if (v->map == MAP_FAILED)
		return -errno;
	v->data = (const uint8_t *)v->map + (at - from);
	return 0;
}

static void view_close(struct view *v)
{
	munmap(v->map, v->map_len);
}

static void consumed(struct staging *st, uint64_t n)
{
	st->pos.consumed += n;
	st->pos.at += n;
	st->pos.len -= n;
	st->pos_dirty = true;
}

/* 1: the header was taken; 0: more bytes are needed. */
static int take_header(struct staging *st, struct err *e)
{
	size_t len = (size_t)MIN(st->pos.len, (uint64_t)BUNDLE_HEADER_MAX), used = 0;
	struct view v;
	int r = view_open(st, st->pos.at, len, &v);

	if (r < 0)
		return r;
	r = staging_load_header(st, v.data, len, &used, e);
	if (r == 0)
		r = staging_note(st, J_HEADER, v.data, used);
	view_close(&v);
	if (r == -EAGAIN)
		return len == BUNDLE_HEADER_MAX
			       ? err_set(e, -EBADMSG, "the bundle's header is too long")
			       : 0;
	if (r < 0)
		return r;
	consumed(st, used);
	return 1;
}

static int decode_and_apply(struct staging *st, const struct frame_head *h, const uint8_t *body,
			    struct err *e)
{
	struct frame f;
	uint64_t i;
	int r;

	pthread_mutex_lock(&st->as->lock);
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
	struct frame_head h;
	struct view v;
	uint64_t len;
	int r;

	if (st->pos.len < FRAME_HEAD_SIZE)
		return 0;
	r = view_open(st, st->pos.at, FRAME_HEAD_SIZE, &v);
	if (r < 0)
		return r;
	r = frame_head_decode(v.data, st->size, &h, e);
	view_close(&v);
	if (r < 0)
		return r;
	len = FRAME_HEAD_SIZE + (uint64_t)h.body_len;
	if (st->pos.len < len)
		return 0;
	r = view_open(st, st->pos.at, (size_t)len, &v);
	if (r < 0)
		return r;
	r = decode_and_apply(st, &h, v.data + FRAME_HEAD_SIZE, e);
	view_close(&v);
	if (r < 0)
		return r;
	st->pos.frames++;
	consumed(st, len);
	return 1;
}

int staging_write(struct staging *st, const void *buf, size_t len, struct err *e)
{
	int r;

	if (!st->has_bundle)
		return err_set(e, -EBADMSG, "no bundle was begun");
	r = durable_pwrite(st->spool_fd, buf, len, st->pos.at + st->pos.len);
	if (r < 0)
		return err_set(e, r, "cannot spool what came");
	st->pos.len += len;
	st->since_commit += len;
	st->spool_dirty = st->pos_dirty = true;
	do
		r = st->has_header ? take_frame(st, e) : take_header(st, e);
	while (r > 0);
	if (r == -EBADMSG || r == -EPROTONOSUPPORT)
		return staging_give_up(st, -EBADMSG);
	if (r == -ESTALE) { /* told by positions until an offer is accepted again */
		st->base_bad = true;
		r = staging_commit(st);
		return r < 0 ? r : -ESTALE;
	}
	if (r < 0)
		return r;
	if (st->pos.at - st->punched >= SPOOL_GROUP || st->since_commit >= COMMIT_GROUP)
		return staging_commit(st);
	return 0;
}
