/*
 * hub_publish.c: see hub_publish.h. `was` is what the inventory says lies there, so that a spoke on
 * which somebody else wrote keeps that as preserved drift instead of losing it.
 */
#include "scheduler/hub_publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/catalog.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_log.h"
#include "scheduler/hub_notices.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "scheduler/peers.h"
#include "scheduler/reconcile.h"

static void publish_free(struct publishing *pub)
{
	TAILQ_REMOVE(&pub->spoke->publishing, pub, entry);
	free(pub->group);
	free(pub->ops.ops);
	free(pub->jobs);
	free(pub);
}

/* What the spoke has now. Returns how many changes of its inventory that was. */
static unsigned publish_record(struct publishing *pub, struct inventory *inv, size_t i)
{
	const struct wire_op *op = &pub->ops.ops[i];
	const struct hub_job *x = pub->jobs[i];
	bool was = inventory_item(inv, op->path);
	struct wire_entry *e;

	if (op->kind == WIRE_KEEP)
		return 0;
	if (op->kind != WIRE_DELETE)
		inv->put_at = daemon_now().mono;
	if (op->kind == WIRE_DELETE && wire_publish_again(&pub->ops, i))
		return was;
	e = xcalloc(1, sizeof(*e));
	snprintf(e->path, sizeof(e->path), "%s", op->path);
	e->gone = op->kind == WIRE_DELETE;
	e->root = op->root;
	e->size = op->size;
	e->mtime = op->mtime;
	e->mode = op->mode;
	e->seq = inv->seq;
	inventory_put(inv, e, x ? x->job->version->id : 0);
	if (op->kind == WIRE_RENAME) {
		snprintf(e->path, sizeof(e->path), "%s", op->from);
		e->gone = true;
		inventory_put(inv, e, 0);
	}
	free(e);
	return op->kind == WIRE_RENAME ? 2 : op->kind == WIRE_DELETE ? was : 1;
}

static enum job_outcome publish_refusal(const struct wire_op_result *r)
{
	switch (r->refused) {
	case REFUSED_IN_USE:
		return OUTCOME_IN_USE;
	case REFUSED_NO_SPACE:
	case REFUSED_OVER_QUOTA:
		return r->never ? OUTCOME_TOO_LARGE : OUTCOME_SPACE;
	case REFUSED_NO_BASE:
		return OUTCOME_AGAIN; /* what was staged, or to be copied, is gone: push again */
	case REFUSED_BAD_PATH:
		return OUTCOME_FAILED;
	default:
		return OUTCOME_RETRY;
	}
}

static void publish_drift(const struct publishing *pub, size_t i)
{
	const struct hub_job *x = pub->jobs[i];

	log_warn("spoke %s: %s/%s was not what was published there: kept in preserved/",
		 pub->spoke->name, pub->group, pub->ops.ops[i].path);
	if (x)
		hub_log_job(x, EVENT_DRIFT);
}

/* The first that could not be done, and not merely because of another. */
static size_t publish_culprit(const struct wire_published *p)
{
	size_t undone = SIZE_MAX;

	for (size_t i = 0; i < p->n_results; i++) {
		if (p->results[i].done)
			continue;
		if (p->results[i].refused != REFUSED_NOT)
			return i;
		undone = MIN(undone, i);
	}
	return undone;
}

/* The job that says why operation i could not be done: its own; else that of the same path, which
 * is put there anew after it was taken away; else the first. */
static struct hub_job *publish_speaker(const struct publishing *pub, size_t i)
{
	struct hub_job *first = NULL;

	if (pub->jobs[i])
		return pub->jobs[i];
	for (size_t k = 0; k < pub->ops.n_ops; k++) {
		if (!pub->jobs[k])
			continue;
		if (!strcmp(pub->ops.ops[k].path, pub->ops.ops[i].path))
			return pub->jobs[k];
		if (!first)
			first = pub->jobs[k];
	}
	return first;
}

/* One of a set that has no job may not be there, or not as it was told: that is asked. */
static enum job_outcome publish_outcome(struct publishing *pub, size_t i,
					const struct wire_op_result *r)
{
	enum job_outcome o = publish_refusal(r);

	if (pub->jobs[i] || o == OUTCOME_IN_USE || o == OUTCOME_SPACE || o == OUTCOME_TOO_LARGE)
		return o;
	peers_greet(pub->spoke);
	return OUTCOME_RETRY;
}

static void publish_failed(struct publishing *pub, size_t i, const struct wire_op_result *r)
{
	const struct wire_op *op = &pub->ops.ops[i];
	struct hub_job *x = publish_speaker(pub, i);
	enum job_outcome o = publish_outcome(pub, i, r);
	char text[600];

	snprintf(text, sizeof(text), "%s%s",
		 r->refused == REFUSED_NOT ? "not published" : wire_refusal_word(r->refused),
		 r->text[0] ? ": " : "");
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", r->text);
	if (r->refused == REFUSED_NO_BASE)
		peers_greet(pub->spoke);
	if (r->refused == REFUSED_ERROR)
		reconcile_in_way(inventory_make(pub->spoke, pub->group), op->path);
	if (!x)
		return;
	if (pub->jobs[i] && op->kind == WIRE_RENAME)
		x->no_rename = true;
	hub_job_ended(x, o, text);
	for (size_t k = 0; k < pub->ops.n_ops; k++)
		if (pub->jobs[k] && pub->jobs[k] != x)
			hub_job_ended(pub->jobs[k], OUTCOME_SET, "");
}

static void publish_results(struct publishing *pub, const struct wire_published *p)
{
	struct inventory *inv = inventory_get(pub->spoke, pub->group);
	size_t culprit = publish_culprit(p);
	unsigned changes = 0;

	if (!inv)
		return; /* the group no longer goes there */
	for (size_t i = 0; i < p->n_results; i++) {
		if (!p->results[i].done)
			continue;
		if (p->results[i].drift)
			publish_drift(pub, i);
		if (p->results[i].preserved && !p->results[i].drift && pub->ops.ops[i].was_known)
			inventory_preserved_add(inv, &pub->ops.ops[i].was);
		changes += publish_record(pub, inv, i);
	}
	/* Exactly so many further: nothing else happened there, and no page needs to be asked for.
	 */
	if (inv->epoch[0] && changes && p->seq == inv->seq + changes)
		inventory_position(inv, inv->epoch, p->seq);
	for (size_t i = 0; i < p->n_results; i++) {
		struct hub_job *x = pub->jobs[i];

		if (!x || !p->results[i].done)
			continue;
		pub->jobs[i] = NULL;
		hub_job_ended(x, OUTCOME_PUBLISHED, "");
	}
	if (culprit != SIZE_MAX)
		publish_failed(pub, culprit, &p->results[culprit]);
}

static void publish_unanswered(struct publishing *pub, enum job_outcome o, const char *text)
{
	for (size_t i = 0; i < pub->ops.n_ops; i++)
		if (pub->jobs[i])
			hub_job_ended(pub->jobs[i], o, text);
}

static void publish_answer(void *arg, const struct peer_answer *a, const struct wire_published *p)
{
	struct publishing *pub = arg;
	bool wire = false;

	for (size_t i = 0; i < pub->ops.n_ops; i++) {
		struct hub_job *x = pub->jobs[i];

		if (!x)
			continue;
		x->publishing = NULL;
		if (wire)
			continue;
		/* Of a set the first has the bytes of all. */
		x->before.wire_out += a->wire_out;
		x->before.wire_in += a->wire_in;
		wire = true;
	}
	if (a->error != PEER_OK)
		publish_unanswered(pub, hub_job_peer_outcome(a->error), a->text);
	else if (p->n_results != pub->ops.n_ops)
		publish_unanswered(pub, OUTCOME_RETRY,
				   "its answer to the publication makes no sense");
	else
		publish_results(pub, p);
	publish_free(pub);
}

/* Where nothing was sent this is its beginning: a crash before the answer must not make it look as
 * if the spoke had had it all along. */
static void publish_begins(struct hub_job *x)
{
	if (x->job->started.s)
		return;
	x->job->started = daemon_now().wall;
	hub_job_record(x);
}

/* One message has room for it: else a part of it would be seen for a time without the rest. */
static bool publish_fits(const struct publishing *pub)
{
	char *json;
	bool fits;

	if (pub->ops.n_ops <= WIRE_OPS_MAX / 8) /* of the longest names */
		return true;
	if (pub->ops.n_ops > WIRE_OPS_MAX)
		return false;
	json = wire_publish_encode(&pub->ops);
	fits = strlen(json) <= WIRE_BODY_MAX;
	free(json);
	return fits;
}

/* Nothing of it is sent. The lead says why, and the others that they wait for that one. */
static void publish_too_much(struct publishing *pub, struct hub_job *lead)
{
	char text[300];

	snprintf(text, sizeof(text),
		 "its set takes %zu operations at once there, more than one message holds (%d, and "
		 "%u MiB): give [group %s] a 'set' of fewer files, or 'publish = file'",
		 pub->ops.n_ops, WIRE_OPS_MAX, WIRE_BODY_MAX / (unsigned)MIB, pub->group);
	for (size_t i = 0; i < pub->ops.n_ops; i++)
		if (pub->jobs[i])
			hub_job_ended(pub->jobs[i],
				      pub->jobs[i] == lead ? OUTCOME_RETRY : OUTCOME_SET,
				      pub->jobs[i] == lead ? text : "");
}

void hub_publish(struct hub_job *x)
{
	struct publishing *pub = xcalloc(1, sizeof(*pub));

	pub->spoke = x->spoke;
	pub->group = xstrdup(x->job->version->group);
	hub_publish_collect(pub, x);
	TAILQ_INSERT_TAIL(&x->spoke->publishing, pub, entry);
	if (!publish_fits(pub)) {
		publish_too_much(pub, x);
		publish_free(pub);
		return;
	}
	for (size_t i = 0; i < pub->ops.n_ops; i++) {
		if (!pub->jobs[i])
			continue;
		pub->jobs[i]->publishing = pub;
		publish_begins(pub->jobs[i]);
	}
	peer_publish(x->spoke->peer, pub->group, &pub->ops, publish_answer, pub);
}

void hub_publish_cancel(struct hub_job *x)
{
	for (size_t i = 0; x->publishing && i < x->publishing->ops.n_ops; i++)
		if (x->publishing->jobs[i] == x)
			x->publishing->jobs[i] = NULL;
	x->publishing = NULL;
}

void hub_publish_drop(struct hub_spoke *s)
{
	while (!TAILQ_EMPTY(&s->publishing))
		publish_free(TAILQ_FIRST(&s->publishing));
}

void hub_publish_complete(struct hub *h, struct hub_version *hv)
{
	const struct group_cfg *g = config_group(h->d->config, hv->v->group);
	struct hub_spoke *s;
	struct inventory *inv;

	if (!g || !hv->current)
		return;
	for (size_t i = 0; i < g->n_spokes; i++) {
		s = hub_spoke(h, g->spokes[i]);
		inv = s ? inventory_get(s, g->name) : NULL;
		if (!inv || !inventory_has(inv, hv->v))
			return;
	}
	hv->completed = true;
	hub_log_version(hv, EVENT_COMPLETE);
	hub_notice_complete(hv);
}
