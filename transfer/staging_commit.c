/*
 * staging_commit.c: makes durable what was done since the last time, in the order that lets a crash
 * at any point be found out, and takes the picture that positions are answered from.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "transfer/durable.h"

int staging_note(struct staging *st, uint32_t type, const void *data, size_t len)
{
	st->journal_dirty = true;
	return journal_append(st->journal, type, data, len);
}

static int sync_if(int fd, bool *dirty)
{
	int r = *dirty ? durable_datasync(fd) : 0;

	if (r == 0)
		*dirty = false;
	return r;
}

static int note_commit(struct staging *st, const struct spool_pos *pos)
{
	struct pack p = {NULL, 0, 0};
	size_t i;
	int r;

	pack_u64(&p, pos->consumed);
	pack_u64(&p, pos->len);
	pack_u64(&p, pos->frames);
	pack_u64(&p, st->leaves.end);
	for (i = 0; i < st->nodes.n_changes; i++) {
		pack_u64(&p, st->nodes.changes[i].state);
		pack_u64(&p, st->nodes.changes[i].first);
		pack_u64(&p, st->nodes.changes[i].n);
	}
	r = staging_note(st, J_COMMIT, p.data, p.len);
	pack_done(&p);
	return r;
}

/* Where the position would speak of len spooled bytes: would it be another one? */
static bool moves(const struct staging *st, uint64_t len)
{
	return st->pos.consumed != st->kept.consumed || len != st->kept.len;
}

static bool uncommitted(const struct staging *st, uint64_t len)
{
	return st->image_dirty || st->leaves.dirty || st->journal_dirty || st->nodes.n_changes ||
	       moves(st, len);
}

bool staging_uncommitted(const struct staging *st)
{
	return uncommitted(st, st->pos.len);
}

/*
 * Of the bytes in the spool the first len, less those that are in its file. What a restart would go
 * on from until the journal speaks of these is not overwritten: see staging_room().
 */
static int store_part(struct staging *st, uint64_t len)
{
	uint64_t stored = st->pos.consumed == st->kept.consumed ? st->kept.len : 0;

	return spool_store(st->spool, st->pos.consumed + stored, st->pos.consumed + len);
}

/* len: of the bytes in the spool those that the position shall speak of. */
static int commit(struct staging *st, uint64_t len)
{
	struct spool_pos pos = {st->pos.consumed, len, st->pos.frames};
	bool image = st->image_dirty;
	int r;

	if (!uncommitted(st, len))
		return 0;
	r = sync_if(st->image_fd, &st->image_dirty);
	if (r == 0)
		r = sync_if(st->leaves.fd, &st->leaves.dirty);
	if (r == 0 && len && moves(st, len))
		r = store_part(st, len);
	if (r == 0 && (moves(st, len) || st->nodes.n_changes))
		r = note_commit(st, &pos);
	if (r == 0)
		r = journal_sync(st->journal);
	if (r < 0)
		return r;
	nodes_changes_done(&st->nodes);
	st->journal_dirty = false;
	st->kept = pos;
	st->since_commit = 0;
	if (image) /* written once, not read again soon: the machine keeps its cache */
		(void)posix_fadvise(st->image_fd, 0, 0, POSIX_FADV_DONTNEED);
	staging_take_shot(st);
	return 0;
}

int staging_commit(struct staging *st)
{
	return commit(st, st->pos.len);
}

/* The beginning of a frame that soon is whole is not worth a write. What was told stays told. */
int staging_commit_group(struct staging *st)
{
	return commit(st, st->pos.consumed == st->kept.consumed ? st->kept.len : 0);
}

static uint64_t frames_in_bundle(const struct staging *st)
{
	uint64_t n = st->header.n_frames;
	size_t i;

	for (i = 0; i < st->header.n_left_out; i++)
		n -= MIN(n, st->header.left_out[i].n);
	return n;
}

static void shot_bases(const struct staging *st, struct wire_position *p)
{
	const struct pin *pin;
	unsigned k;

	p->refused = REFUSED_NO_BASE;
	strcpy(p->text, "a base is missing here or is not what it was");
	for (k = 0; k < st->n_pins && p->n_have < WIRE_BASES_MAX; k++) {
		pin = &st->pins[k];
		/* Of a pin that was lost the base is here: an offer that names it pins it again. */
		if (!pin->bad || (pin->lost && !staging_has_pin(st, &pin->root)))
			p->have[p->n_have++] = pin->root;
	}
}

void staging_take_shot(struct staging *st)
{
	struct wire_position p;

	memset(&p, 0, sizeof(p));
	p.has_bundle = st->has_bundle;
	p.bundle = st->bundle;
	p.offset = st->has_bundle ? st->kept.consumed + st->kept.len : 0;
	p.complete = st->has_header && st->kept.frames == frames_in_bundle(st);
	p.staged = st->staged;
	p.read_again = st->read_again;
	p.filling = st->nodes.filling > 0;
	p.proven_bytes = nodes_proven_bytes(&st->nodes, st->size);
	if (st->base_bad)
		shot_bases(st, &p);
	nodes_runs(&st->nodes, true, &p.failed, &p.n_failed);
	pthread_mutex_lock(&st->lock);
	wire_position_done(&st->shot);
	st->shot = p;
	pthread_mutex_unlock(&st->lock);
}

void staging_position(struct staging *st, bool map, struct wire_position *ret)
{
	pthread_mutex_lock(&st->lock);
	*ret = st->shot;
	ret->failed = NULL;
	if (st->shot.n_failed) {
		ret->failed = xcalloc(st->shot.n_failed, sizeof(*ret->failed));
		memcpy(ret->failed, st->shot.failed, st->shot.n_failed * sizeof(*ret->failed));
	}
	pthread_mutex_unlock(&st->lock);
	if (map)
		nodes_runs(&st->nodes, false, &ret->proven, &ret->n_proven);
}

void staging_accept(struct staging *st)
{
	st->base_bad = false;
	staging_take_shot(st);
}

/* The bundle cannot go on: it is forgotten, what it brought stays. Returns error. */
int staging_give_up(struct staging *st, int error)
{
	int r;

	if (st->has_header)
		bundle_header_done(&st->header);
	st->has_header = st->has_bundle = st->receiving = false;
	st->pos = st->kept = (struct spool_pos){0, 0, 0};
	r = staging_note(st, J_GIVEN_UP, NULL, 0);
	if (r == 0)
		r = staging_commit(st);
	return r < 0 ? r : error;
}
