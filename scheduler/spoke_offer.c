/*
 * spoke_offer.c: POST offers: may this content come, what of it is here, what is missing. Checks
 * the name, looks for the content itself, finds and pins the bases, checks space with figures,
 * takes over what a superseded transfer proved, and answers with the position.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_job.h"

#define ADOPT_BYTES (2 * GIB) /* of one offer; the next one goes on */

struct spoke_offer {
	struct spoke_job j;
	struct sreq *r; /* NULL: the hub left */
	struct wire_offer o;
	struct spoke_file held, bases[WIRE_BASES_MAX];
	bool is_held, base_known[WIRE_BASES_MAX];
	struct spoke_transfer *old; /* superseded: held while it is read */
	uint64_t quota;
	struct spoke_need need;
	struct wire_position p;
	int r_code;
	struct err e;
};

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
	uint64_t data = shares ? o->literal_bytes : o->nonzero_bytes;
	uint64_t leaves = nodes_of(o->size) * BLOCK_SIZE + blocks_of(o->nonzero_bytes) * HASH_SIZE;
	uint64_t left = o->size - MIN(o->size, proven);

	data += leaves;
	return (struct spoke_need){.disk = MIN(data, left + leaves) + SPOKE_SPOOL_ROOM,
				   .quota = data + SPOKE_SPOOL_ROOM};
}

/* The words of it: what is missing, and of what. */
static void say_full(struct spoke_offer *x, const struct spoke_need *need,
		     const struct spoke_room *left)
{
	struct wire_position *p = &x->p;
	char want[UNITS_TEXT], have[UNITS_TEXT], all[UNITS_TEXT], text[200];
	bool disk = need->disk > left->disk;

	p->need = disk ? need->disk : need->quota;
	p->available = disk ? left->disk : left->quota;
	units_size(p->need, want);
	units_size(p->available, have);
	units_size(x->quota, all);
	if (disk)
		snprintf(text, sizeof(text), "disk: needs %s, %s free", want, have);
	else if (need->quota > x->quota)
		snprintf(text, sizeof(text), "staging quota: needs %s, and all of it is %s", want,
			 all);
	else
		snprintf(text, sizeof(text), "staging quota: needs %s, %s free of %s", want, have,
			 all);
	p->never = !disk && need->quota > x->quota;
	spoke_refuse(p, disk ? REFUSED_NO_SPACE : REFUSED_OVER_QUOTA, text);
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

static void offer_run(struct spoke_job *j)
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

void spoke_reply_position(struct sreq *r, unsigned status, const struct wire_position *p)
{
	char *json = wire_position_encode(p);

	sreq_reply_json(r, status, json);
	free(json);
}

static void offer_over(void *arg)
{
	struct spoke_offer *x = arg;

	x->r = NULL;
}

/* Space was looked at before: of what went wrong after that it is not the cause, mostly. */
static enum wire_refusal refusal_of(struct spoke_offer *x)
{
	if (x->r_code == -EMFILE)
		return REFUSED_BUSY;
	if (x->r_code != -ENOSPC && x->r_code != -EDQUOT)
		return REFUSED_ERROR;
	return spoke_refusal_full(x->j.t->group, x->p.need, &x->p.available);
}

/* What it is charged of the quota already is its own, and in nobody's way. */
static void wait_for_room(const struct spoke_offer *x)
{
	const struct spoke_transfer *t = x->j.t;
	struct spoke_need more = x->need;

	more.quota -= MIN(more.quota, t->need);
	spoke_changes_room(t->group, &more);
}

static void offer_done(struct spoke_job *j)
{
	struct spoke_offer *x = container_of(j, struct spoke_offer, j);
	struct spoke_transfer *t = j->t;

	if (x->old)
		spoke_transfer_release(x->old);
	if (x->r_code < 0)
		spoke_refuse(&x->p, refusal_of(x), x->e.text[0] ? x->e.text : strerror(-x->r_code));
	if (x->p.refused == REFUSED_NO_SPACE || x->p.refused == REFUSED_OVER_QUOTA)
		wait_for_room(x);
	if (x->p.refused != REFUSED_NOT)
		log_info("group %s: %s refused: %s", t->group->name, x->o.path, x->p.text);
	else
		t->error[0] = '\0';
	if (x->r) {
		struct sreq *r = x->r;

		sreq_on_over(r, NULL, NULL);
		spoke_reply_position(r, spoke_refusal_status(x->p.refused), &x->p);
	}
	wire_position_done(&x->p);
	wire_offer_done(&x->o);
	free(x);
}

static void offer_submit(struct spoke_offer *x)
{
	x->j.run = offer_run;
	x->j.done = offer_done;
	spoke_job_submit(&x->j);
}

/* A superseded transfer is read from while nobody writes to it, and nobody does any more. */
static void take_old(struct spoke_offer *x, struct spoke_transfer *old)
{
	old->st = staging_close(old->st);
	spoke_transfer_hold(old);
	x->old = old;
}

void spoke_offer_go_on(struct spoke_offer *x, struct spoke_transfer *old)
{
	struct spoke_transfer *t = x->j.t;

	if (old->gone) {
		spoke_transfer_hold(old);
		spoke_transfer_release(old);
	} else {
		take_old(x, old);
	}
	offer_submit(x);
	spoke_transfer_release(t);
}

/*
 * What lies there is being hashed, as after a crash in the middle of a publication: it may be just
 * this content. To send it again would cost all of it, and put aside what is right.
 */
static bool may_be_there(struct spoke_offer *x, struct spoke_group *g)
{
	if (x->is_held || !spoke_hashing(g, x->o.path))
		return false;
	spoke_refuse(&x->p, REFUSED_BUSY, "what lies there is being read");
	return true;
}

static void offer_refused(struct spoke_offer *x)
{
	spoke_reply_position(x->r, spoke_refusal_status(x->p.refused), &x->p);
	wire_offer_done(&x->o);
	free(x);
}

/* True: its PUT is still being ended; what it brought is worth the wait. */
static bool wait_for_old(struct spoke_offer *x, struct spoke_group *g)
{
	struct spoke_transfer *old;

	if (!x->o.has_partial || x->o.n_partial_same == 0)
		return false;
	old = spoke_transfer_make(g, &x->o.partial);
	if (!old || old == x->j.t)
		return false;
	if (old->users == 0) {
		take_old(x, old);
		return false;
	}
	if (old->waiter)
		return false;
	old->waiter = x;
	spoke_transfer_hold(x->j.t);
	spoke_put_end_all(old);
	return true;
}

static void offer_start(struct spoke_group *g, struct spoke_offer *x)
{
	struct spoke_transfer *t;
	unsigned i;

	x->is_held = spoke_db_holds(g->db, &x->o.root, &x->held) == 0;
	if (may_be_there(x, g)) {
		offer_refused(x);
		return;
	}
	x->j.t = spoke_transfer_make(g, &x->o.root);
	if (!x->j.t) {
		spoke_refuse(&x->p, REFUSED_BUSY, "too many transfers at a time");
		offer_refused(x);
		return;
	}
	memcpy(x->j.t->path, x->o.path, sizeof(x->j.t->path));
	x->j.t->size = x->o.size;
	for (i = 0; i < x->o.n_bases; i++)
		x->base_known[i] = spoke_db_holds(g->db, &x->o.bases[i], &x->bases[i]) == 0;
	x->quota = g->cfg->staging_quota;
	sreq_on_over(x->r, offer_over, x);
	t = x->j.t;
	spoke_transfer_hold(t); /* nothing does yet, and another may be made beside it */
	if (!wait_for_old(x, g))
		offer_submit(x);
	spoke_transfer_release(t);
}

static void offer_body(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct spoke_group *g = arg;
	struct spoke_offer *x = xcalloc(1, sizeof(*x));
	struct err e = {""};

	x->r = r;
	if (wire_offer_decode(body, len, &x->o, &e) < 0) {
		sreq_problem(r, 400, "%s", e.text);
		free(x);
		return;
	}
	if (x->o.size > FILE_SIZE_MAX || !spoke_path_allowed(g, x->o.path, &e)) {
		spoke_refuse(&x->p, REFUSED_BAD_PATH, e.text[0] ? e.text : "larger than 64 TiB");
		log_warn("group %s: offer refused: %s", g->name, x->p.text);
		offer_refused(x);
		return;
	}
	offer_start(g, x);
}

void spoke_offer(struct spoke_group *g, struct sreq *r)
{
	sreq_collect(r, WIRE_BODY_MAX, offer_body, g);
}
