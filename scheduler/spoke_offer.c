/*
 * spoke_offer.c: POST offers: may this content come, what of it is here, what is missing. Checks
 * the name, waits for a superseded transfer to end, has the transfer's lane look
 * (spoke_offer_work.c), and answers with the position.
 */
#include "scheduler/spoke_offer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"

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
	x->j.run = spoke_offer_run;
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
