/*
 * spoke_transfer.c: the transfers of a group: found, held, opened from disk, worked on in their
 * lanes, filled in the background, finished, destroyed. What a request wants of them is in the
 * verbs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_job.h"

#define FILL_STEP (64 * MIB) /* then other work of the lane has its turn */

struct spoke_transfer *spoke_transfer_get(const struct spoke_group *g, const struct hash *root)
{
	struct spoke_transfer *t;

	TAILQ_FOREACH (t, &g->transfers, entry)
		if (!t->gone && hash_equal(&t->root, root))
			return t;
	return NULL;
}

static void transfer_free(struct spoke_transfer *t)
{
	uint64_t held = t->gone ? 0 : spoke_space_rest(t);

	TAILQ_REMOVE(&t->group->transfers, t, entry);
	spoke_resting_put(t->group, t->hex, held);
	staging_close(t->st);
	free(t);
}

/* One that rests is closed; it is found on disk when it is asked for. So transfers that nobody goes
 * on with do not keep others out. */
static bool close_resting(struct spoke_group *g)
{
	struct spoke_transfer *t;

	TAILQ_FOREACH (t, &g->transfers, entry)
		if (t->users == 0) {
			transfer_free(t);
			return true;
		}
	return false;
}

struct spoke_transfer *spoke_transfer_make(struct spoke_group *g, const struct hash *root)
{
	struct spoke_transfer *t = spoke_transfer_get(g, root);
	unsigned n = 0;

	if (t)
		return t;
	TAILQ_FOREACH (t, &g->transfers, entry)
		n++;
	if (n >= SPOKE_TRANSFERS_MAX && !close_resting(g))
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->group = g;
	t->root = *root;
	hash_hex(root, t->hex);
	lane_init(&t->lane);
	TAILQ_INSERT_TAIL(&g->transfers, t, entry);
	spoke_space_charge(t, spoke_resting_take(g, t->hex));
	return t;
}

void spoke_transfer_hold(struct spoke_transfer *t)
{
	t->users++;
}

void spoke_transfer_release(struct spoke_transfer *t)
{
	struct spoke_offer *waiter = t->waiter;

	if (--t->users > 0)
		return;
	if (waiter) {
		t->waiter = NULL;
		spoke_offer_go_on(waiter, t); /* holds and releases it */
		return;
	}
	if (!t->gone && t->st)
		return;
	transfer_free(t);
}

int spoke_transfer_open(struct spoke_transfer *t, struct err *e)
{
	int r;

	if (t->gone)
		return -ENOENT;
	if (t->st && staging_deleted(t->st)) {
		log_warn("group %s: staging/%s was deleted; it is begun anew", t->group->name,
			 t->hex);
		t->st = staging_close(t->st);
	}
	if (t->st)
		return 0;
	r = staging_open(t->group->store, t->group->spoke->assembler, &t->root, &t->st, e);
	if (r == -EBADMSG) {
		/* What is left of it makes no sense: it starts anew. */
		r = staging_discard(t->group->store, &t->root);
		return r < 0 ? r : -ENOENT;
	}
	return r;
}

int spoke_transfer_check(struct spoke_transfer *t, int r)
{
	if (r < 0 && r != -EBADMSG && r != -ESTALE && r != -ERANGE && r != -EAGAIN)
		t->st = staging_close(t->st);
	return r;
}

unsigned spoke_transfer_destroy(struct spoke_transfer *t, struct identity_change *changes)
{
	struct err e;
	unsigned n = 0;

	/* Opened first: its pins must be let go one by one, because that changes the bases' ctime.
	 */
	if (!t->st &&
	    staging_open(t->group->store, t->group->spoke->assembler, &t->root, &t->st, &e) < 0)
		t->st = NULL;
	if (t->st)
		n = staging_unpin(t->st, changes);
	t->st = staging_close(t->st);
	t->gone = true;
	spoke_space_release(t);
	if (staging_discard(t->group->store, &t->root) < 0)
		return n; /* found again at the next start */
	return n;
}

struct unsure {
	struct spoke_group *g;
	const struct hash *root;
	char (*paths)[WIRE_PATH_MAX + 1];
	size_t n;
};

static int unsure_path(void *arg, const struct spoke_file *f)
{
	struct unsure *u = arg;

	if (!hash_equal(&f->root, u->root))
		return 0;
	u->paths = xrealloc(u->paths, (u->n + 1) * sizeof(*u->paths));
	memcpy(u->paths[u->n++], f->path, sizeof(*u->paths));
	return 0;
}

void spoke_drifted(struct spoke_group *g, const struct hash *root)
{
	struct unsure u = {.g = g, .root = root};
	size_t i;
	int r = spoke_db_unsure(g->db, root);

	if (r == 0)
		r = spoke_db_each(g->db, unsure_path, &u);
	for (i = 0; i < u.n && r == 0; i++) {
		log_warn("group %s: %s is not what it was recorded to be; it is hashed again",
			 g->name, u.paths[i]);
		r = spoke_db_lost(g->db, u.paths[i], g->seq + 1, LOCAL_NOT);
		if (r == 0) {
			g->seq++;
			spoke_index_later(g, u.paths[i]);
		}
	}
	if (r < 0)
		log_error("group %s: database: %s", g->name, db_error(g->db));
	free(u.paths);
}

static void job_run(struct work *w)
{
	struct spoke_job *j = container_of(w, struct spoke_job, w);
	struct spoke_transfer *t = j->t;
	struct wire_position p;

	j->run(j);
	if (!t->st || t->gone)
		return;
	if (staging_indexed_again(t->st) > 0)
		log_warn("group %s: the index of a base of %s could not be used; it was read once "
			 "more",
			 t->group->name, t->hex);
	j->n_bad = staging_bad_bases(t->st, j->bad, SPOKE_BAD_MAX);
	staging_position(t->st, false, &p);
	j->received = p.proven_bytes;
	if (staging_size(t->st) > t->proven_at)
		spoke_space_progress(t, j->received - MIN(j->received, t->proven_at),
				     staging_size(t->st) - t->proven_at);
	if (staging_is_staged(t->st))
		spoke_space_staged(t);
	j->more = (staging_filling(t->st) && p.refused == REFUSED_NOT) ||
		  (staging_complete(t->st) && !t->finishing_failed);
	wire_position_done(&p);
}

static void background(struct spoke_transfer *t);

static void job_done(struct work *w)
{
	struct spoke_job *j = container_of(w, struct spoke_job, w);
	struct spoke_transfer *t = j->t;
	struct spoke_group *g = t->group;
	struct spoke *s = g->spoke;
	bool more = j->more;
	unsigned i;

	t->received = MAX(t->received, j->received);
	for (i = 0; i < j->n_changes; i++)
		if (spoke_db_identity(g->db, &j->changes[i]) < 0)
			log_error("group %s: database: %s", g->name, db_error(g->db));
	for (i = 0; i < j->n_bad; i++) {
		struct spoke_file f;

		if (spoke_db_holds(g->db, &j->bad[i], &f) == 0)
			spoke_drifted(g, &j->bad[i]);
	}
	j->done(j);
	if (more && !t->background && !s->stopping && !t->gone && !t->waiter)
		background(t);
	spoke_transfer_release(t);
	spoke_work_ended(s);
}

void spoke_job_submit(struct spoke_job *j)
{
	j->w.run = job_run;
	j->w.done = job_done;
	spoke_transfer_hold(j->t);
	spoke_work_begun(j->t->group->spoke);
	pool_submit(j->t->group->spoke->d->pool, &j->t->lane, &j->w);
}

int spoke_job_position(struct spoke_job *j, bool map, bool commit, struct wire_position *ret,
		       struct err *e)
{
	struct spoke_transfer *t = j->t;
	int r = spoke_transfer_open(t, e);

	if (r == 0 && commit)
		r = spoke_transfer_check(t, staging_commit(t->st));
	if (r < 0)
		return r;
	staging_position(t->st, map, ret);
	ret->received = staging_received(t->st);
	return 0;
}

struct bg {
	struct spoke_job j;
	bool full;
	int r;
	struct err e;
};

static void bg_run(struct spoke_job *j)
{
	struct bg *b = container_of(j, struct bg, j);
	struct spoke_transfer *t = j->t;

	b->r = spoke_transfer_open(t, &b->e);
	if (b->r == 0)
		b->r = staging_fill(t->st, FILL_STEP);
	if (b->r == 0 && staging_complete(t->st))
		b->r = staging_finish(t->st, b->full, &t->group->spoke->cancel, &b->e);
	if (b->r == -EBADMSG)
		t->finishing_failed = true;
	spoke_transfer_check(t, b->r);
}

static void bg_done(struct spoke_job *j)
{
	struct bg *b = container_of(j, struct bg, j);
	struct spoke_transfer *t = j->t;

	t->background = false;
	if (b->r < 0 && b->r != -ECANCELED && b->r != -ESTALE) {
		snprintf(t->error, sizeof(t->error), "%.190s",
			 b->e.text[0] ? b->e.text : strerror(-b->r));
		log_error("group %s: %s: %s", t->group->name, t->path[0] ? t->path : t->hex,
			  t->error);
	}
	free(b);
}

static void background(struct spoke_transfer *t)
{
	struct bg *b = xcalloc(1, sizeof(*b));

	t->background = true;
	b->full = t->group->cfg->verify == VERIFY_FULL;
	b->j.t = t;
	b->j.run = bg_run;
	b->j.done = bg_done;
	spoke_job_submit(&b->j);
}
