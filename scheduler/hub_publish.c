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

struct publishing {
	struct hub_spoke *spoke;
	struct hub_job *job; /* NULL: nobody waits for the answer */
	struct wire_op op;
	TAILQ_ENTRY(publishing) entry; /* spoke->publishing */
};

static void publish_free(struct publishing *pub)
{
	TAILQ_REMOVE(&pub->spoke->publishing, pub, entry);
	free(pub);
}

/* Gone here, and nothing else is below or above it there: it may be what the file was renamed from.
 */
static bool publish_may_rename(const struct hub_job *x, const char *from)
{
	const struct hub_group *g = x->version->group;
	const char *path = x->job->version->path;
	size_t n = strlen(from), m = strlen(path);
	const struct hub_file *f;

	if (x->no_rename || hub_group(x->hub, g->name) != g ||
	    (!strncmp(from, path, MIN(n, m)) && (n < m ? path[n] : from[m]) == '/'))
		return false;
	f = catalog_get((struct hub_group *)g, from);
	return f && f->current && f->current->v->deleted;
}

static void publish_op(const struct hub_job *x, struct inventory *inv, struct wire_op *op)
{
	const struct version *v = x->job->version;
	const struct inventory_item *item = inventory_item(inv, v->path);
	const struct hash *root = (const struct hash *)(const void *)v->root;
	const char *from;

	op->kind = x->job->kind == JOB_DELETE ? WIRE_DELETE
		   : x->job->kind == JOB_META ? WIRE_META
					      : WIRE_PUT;
	snprintf(op->path, sizeof(op->path), "%s", v->path);
	op->root = *root;
	op->size = v->size;
	op->mtime = (struct wire_time){.sec = v->mtime_s, .nsec = v->mtime_ns};
	op->mode = v->mode;
	if (item) {
		op->was_known = true;
		op->was = item->root;
	} else {
		op->was_absent = inv->epoch[0];
	}
	if (op->kind != WIRE_PUT || !x->have)
		return;
	/* Nothing was staged: it lies there under another name, or here with other attributes. */
	from = inventory_path_of(inv, root);
	if (item && hash_equal(&item->root, root)) {
		op->kind = WIRE_META;
	} else if (from) {
		op->kind = publish_may_rename(x, from) ? WIRE_RENAME : WIRE_COPY_OF;
		snprintf(op->from, sizeof(op->from), "%s", from);
	}
}

static void publish_done(struct hub_job *x, const struct wire_op *op, uint64_t seq)
{
	struct inventory *inv = inventory_make(x->spoke, x->job->version->group);
	struct wire_entry *e = xcalloc(1, sizeof(*e));

	snprintf(e->path, sizeof(e->path), "%s", op->path);
	e->gone = op->kind == WIRE_DELETE;
	memcpy(e->root.b, x->job->version->root, HASH_SIZE);
	e->size = op->size;
	e->mtime = op->mtime;
	e->mode = op->mode;
	e->seq = seq;
	inventory_put(inv, e, x->job->version->id);
	if (op->kind == WIRE_RENAME) {
		snprintf(e->path, sizeof(e->path), "%s", op->from);
		e->gone = true;
		inventory_put(inv, e, 0);
		seq--; /* two changes there */
	}
	free(e);
	/* Exactly one further: nothing else happened there, and no page needs to be asked for. */
	if (inv->epoch[0] && seq == inv->seq + 1)
		inventory_position(inv, inv->epoch, seq + (op->kind == WIRE_RENAME));
	hub_job_ended(x, OUTCOME_PUBLISHED, "");
}

static enum job_outcome publish_refusal(enum wire_refusal r)
{
	switch (r) {
	case REFUSED_IN_USE:
		return OUTCOME_IN_USE;
	case REFUSED_NO_SPACE:
	case REFUSED_OVER_QUOTA:
		return OUTCOME_SPACE;
	case REFUSED_NO_BASE:
		return OUTCOME_AGAIN; /* what was staged, or to be copied, is gone: push again */
	case REFUSED_BAD_PATH:
		return OUTCOME_FAILED;
	default:
		return OUTCOME_RETRY;
	}
}

static void publish_result(struct hub_job *x, const struct wire_op *op,
			   const struct wire_op_result *r, uint64_t seq)
{
	char text[300];

	if (r->drift) {
		log_warn("spoke %s: %s/%s was not what was published there: kept in preserved/",
			 x->spoke->name, x->job->version->group, op->path);
		hub_log_job(x, "drift");
	}
	if (r->done) {
		publish_done(x, op, seq);
		return;
	}
	snprintf(text, sizeof(text), "%s%s%s",
		 r->refused == REFUSED_NOT ? "not published" : wire_refusal_word(r->refused),
		 r->text[0] ? ": " : "", r->text);
	if (r->refused == REFUSED_NO_BASE)
		peers_greet(x->spoke);
	if (op->kind == WIRE_RENAME)
		x->no_rename = true;
	if (r->refused == REFUSED_ERROR)
		reconcile_in_way(inventory_make(x->spoke, x->job->version->group), op->path);
	hub_job_ended(x, publish_refusal(r->refused), text);
}

static void publish_answer(void *arg, const struct peer_answer *a, const struct wire_published *p)
{
	struct publishing *pub = arg;
	struct hub_job *x = pub->job;

	if (x) {
		x->publishing = NULL;
		x->before.wire_out += a->wire_out;
		x->before.wire_in += a->wire_in;
		if (a->error != PEER_OK)
			hub_job_ended(x, hub_job_peer_outcome(a->error), a->text);
		else if (p->n_results != 1)
			hub_job_ended(x, OUTCOME_RETRY,
				      "its answer to the publication makes no sense");
		else
			publish_result(x, &pub->op, &p->results[0], p->seq);
	}
	publish_free(pub);
}

void hub_publish(struct hub_job *x)
{
	struct inventory *inv = inventory_make(x->spoke, x->job->version->group);
	struct publishing *pub = xcalloc(1, sizeof(*pub));
	struct wire_publish ops = {.ops = &pub->op, .n_ops = 1};

	pub->job = x;
	pub->spoke = x->spoke;
	TAILQ_INSERT_TAIL(&x->spoke->publishing, pub, entry);
	x->publishing = pub;
	publish_op(x, inv, &pub->op);
	peer_publish(x->spoke->peer, x->job->version->group, &ops, publish_answer, pub);
}

void hub_publish_cancel(struct hub_job *x)
{
	if (x->publishing)
		x->publishing->job = NULL;
	x->publishing = NULL;
}

void hub_publish_drop(struct hub_spoke *s)
{
	while (!TAILQ_EMPTY(&s->publishing))
		publish_free(TAILQ_FIRST(&s->publishing));
}

void hub_publish_complete(struct hub *h, const struct hub_version *hv)
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
	hub_log_version(hv, "complete");
	hub_notice_complete(hv);
}
