/*
 * spoke_offer_work.c: what an offer needs of the disk, in the transfer's lane: looks for the
 * content itself, checks space with figures, finds and pins the bases, and takes over what a
 * superseded transfer proved. What it may change of the group is told in the job, for the loop.
 */
#include "scheduler/spoke_offer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ADOPT_BYTES (2 * GIB) /* of one offer; the next one goes on */

/* Opens a recorded file and sees whether it is as it was. */
static int open_recorded(struct spoke_group *g, const struct spoke_file *f, int *ret_fd)
{
	struct identity now;
	struct stat st;
	int fd, r;

	r = beneath_open(f->in_preserved ? g->store->preserved_fd : g->store->root_fd, f->path,
			 O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
	if (r < 0)
		return -ESTALE;
	if (fstat(fd, &st) == 0) {
		identity_of(&st, &now);
		if (identity_equal(&now, &f->identity)) {
			*ret_fd = fd;
			return 0;
		}
	}
	close(fd);
	return -ESTALE;
}

static void add_bad(struct spoke_offer *x, const struct hash *root)
{
	if (x->j.n_bad < SPOKE_BAD_MAX)
		x->j.bad[x->j.n_bad++] = *root;
}

/* What is proven is written: of the disk it wants the rest, of the quota all. */
static struct spoke_need need_of(const struct spoke_offer *x, uint64_t proven)
{
	const struct wire_offer *o = &x->o;
	bool shares = x->j.t->group->store->reflink && o->n_bases > 0;
	uint64_t data = shares ? o->literal_bytes + o->moved_bytes : o->nonzero_bytes;
	uint64_t leaves = nodes_of(o->size) * BLOCK_SIZE + blocks_of(o->nonzero_bytes) * HASH_SIZE;
	uint64_t left = o->size - MIN(o->size, proven);

	data += leaves;
	return (struct spoke_need){.disk = MIN(data, left + leaves) + SPOKE_SPOOL_ROOM,
				   .quota = data + SPOKE_SPOOL_ROOM};
}

static void say_full(struct spoke_offer *x, const struct spoke_need *need,
		     const struct spoke_room *left)
{
	struct wire_position *p = &x->p;
	char text[200];
	enum wire_refusal why = spoke_refusal_room(need, left, x->quota, &p->never, text);
	bool disk = why == REFUSED_NO_SPACE;

	p->need = disk ? need->disk : need->quota;
	p->available = disk ? left->disk : left->quota;
	spoke_refuse(p, why, text);
}

/* Space on disk and in the quota, less what other transfers were promised. */
static bool check_space(struct spoke_offer *x, uint64_t proven)
{
	struct spoke_room room = {.quota = x->quota}, left;
	struct spoke_transfer *t = x->j.t;

	x->need = need_of(x, proven);
	if (store_free_bytes(t->group->store, &room.disk) < 0)
		room.disk = 0;
	t->proven_at = proven;
	if (!spoke_space_take(t, &x->need, &room, &left)) {
		say_full(x, &x->need, &left);
		return false;
	}
	x->p.need = x->need.disk;
	x->p.available = MIN(left.disk, left.quota);
	return true;
}

/* Pins every base; what is not here, or no longer what it was, is told with what is. */
static int pin_bases(struct spoke_offer *x)
{
	struct spoke_transfer *t = x->j.t;
	struct wire_position *p = &x->p;
	bool all = true;
	unsigned i;
	int fd, r;

	for (i = 0; i < x->o.n_bases; i++) {
		r = staging_has_pin(t->st, &x->o.bases[i]) ? 0 : -ESTALE;
		if (r < 0 && x->base_known[i]) {
			r = open_recorded(t->group, &x->bases[i], &fd);
			if (r == 0) {
				struct identity_change *c = &x->j.changes[x->j.n_changes];

				r = staging_pin(t->st, &x->o.bases[i], fd, &x->bases[i].identity, c,
						&x->e);
				if (r == 0)
					x->j.n_changes++;
				close(fd);
			}
			if (r == -ESTALE)
				add_bad(x, &x->o.bases[i]);
		}
		if (r < 0 && r != -ESTALE)
			return r;
		if (r == 0)
			p->have[p->n_have++] = x->o.bases[i];
		all = all && r == 0;
	}
	if (!all)
		spoke_refuse(p, REFUSED_NO_BASE, "a base is missing here or is not what it was");
	return 0;
}

static int adopt(struct spoke_offer *x)
{
	struct spoke_transfer *t = x->j.t;
	struct staging *old;
	uint64_t next = 0;
	int r;

	if (!x->old)
		return 0;
	r = staging_open(t->group->store, t->group->spoke->assembler, &x->old->root, &old, NULL);
	if (r < 0)
		return 0; /* nothing to take over */
	r = staging_adopt(t->st, old, x->o.partial_same, x->o.n_partial_same, ADOPT_BYTES, &next);
	staging_close(old);
	return r < 0 ? r : 0;
}

static int accept_offer(struct spoke_offer *x)
{
	struct spoke_transfer *t = x->j.t;
	struct wire_position p;
	uint64_t proven = 0;
	bool fresh = false;
	int r = spoke_store_mend(t->group, &x->e);

	if (r == 0)
		r = spoke_transfer_open(t, &x->e);
	if (r == 0) {
		staging_position(t->st, false, &p);
		proven = p.proven_bytes;
		wire_position_done(&p);
		if (staging_size(t->st) != x->o.size)
			return err_set(&x->e, -EBADMSG, "the transfer under way has another size");
	} else if (r != -ENOENT) {
		return r;
	}
	if (!check_space(x, proven))
		return 0;
	if (r == -ENOENT) {
		fresh = true;
		x->e.text[0] = '\0'; /* that it was not there is no error */
		r = staging_create(t->group->store, t->group->spoke->assembler, &t->root, x->o.size,
				   &t->st, &x->e);
	}
	if (r == 0)
		r = pin_bases(x);
	if (r == 0 && x->p.refused == REFUSED_NOT)
		r = adopt(x);
	if (r == 0)
		r = staging_commit(t->st);
	if (r < 0 || x->p.refused != REFUSED_NOT) {
		if (fresh)
			spoke_space_release(t);
		return r;
	}
	staging_accept(t->st);
	if (staging_complete(t->st) && staging_size(t->st) == 0)
		r = staging_finish(t->st, false, NULL, &x->e); /* nothing to send */
	if (r == 0)
		staging_position(t->st, true, &x->p);
	return r;
}

void spoke_offer_run(struct spoke_job *j)
{
	struct spoke_offer *x = container_of(j, struct spoke_offer, j);
	int fd;

	if (x->is_held) {
		if (open_recorded(j->t->group, &x->held, &fd) == 0) {
			close(fd);
			x->p.have_it = true;
			return;
		}
		add_bad(x, &x->o.root);
	}
	x->r_code = spoke_transfer_check(j->t, accept_offer(x));
}
