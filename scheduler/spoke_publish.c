/*
 * spoke_publish.c: POST publish: operations one after the other, each repeatable. An operation
 * looks at what is there, makes ready what is to come (worker), records the intent (loop), changes
 * the directory (worker), records what is there now and forgets the intent (loop). What was there
 * and was not expected goes to preserved/ like anything that is replaced, and is told as drift.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scheduler/canary.h"
#include "scheduler/log.h"
#include "scheduler/spoke_local.h"
#include "scheduler/spoke_publish.h"

static void op_start(struct publishing *x);

static void publish_submit(struct publishing *x, void (*run)(struct work *w),
			   void (*done)(struct work *w))
{
	struct spoke *s = x->g->spoke;

	x->w.run = run;
	x->w.done = done;
	spoke_work_begun(s);
	/* A transfer's own lane, where there is one: nothing else touches it meanwhile. */
	pool_submit(s->d->pool, x->t ? &x->t->lane : &x->g->publish_lane, &x->w);
}

bool spoke_publishing(const struct spoke_group *g, const char *path)
{
	const struct publishing *x;

	TAILQ_FOREACH (x, &g->publishing, entry)
		for (size_t i = 0; i < x->ops.n_ops; i++)
			if (strcmp(x->ops.ops[i].path, path) == 0 ||
			    (x->ops.ops[i].kind == WIRE_RENAME &&
			     strcmp(x->ops.ops[i].from, path) == 0))
				return true;
	return false;
}

static void publish_over(void *arg)
{
	((struct publishing *)arg)->r = NULL;
}

void publishing_ended(struct spoke_group *g, struct sreq *r, struct wire_publish *ops,
		      struct wire_op_result *results)
{
	struct wire_published p = {results, ops->n_ops, g->seq};
	char *json = wire_published_encode(&p);

	if (r) {
		sreq_on_over(r, NULL, NULL);
		sreq_reply_json(r, 200, json);
	}
	free(json);
	spoke_tidy(g);
	free(results);
	wire_publish_done(ops);
}

/* By the disk's word. */
static enum wire_refusal refusal_full(struct publishing *x)
{
	uint64_t disk;

	x->need = (struct spoke_need){.disk = SPOKE_SPOOL_ROOM};
	return spoke_refusal_full(x->g, x->need.disk, &disk);
}

static enum wire_refusal refusal_of(struct publishing *x)
{
	if (x->refused != REFUSED_NOT)
		return x->refused;
	switch (x->error) {
	case -ENOSPC:
	case -EDQUOT:
		return refusal_full(x);
	case -ETXTBSY:
		return REFUSED_IN_USE;
	case -EAGAIN:
		return REFUSED_BUSY;
	case -ENOENT:
	case -ESTALE:
		return REFUSED_NO_BASE;
	case -EEXIST:
	case -ELOOP:
	case -EXDEV:
		return REFUSED_BAD_PATH;
	default:
		return REFUSED_ERROR;
	}
}

void publishing_give_back(struct publishing *x)
{
	spoke_space_hold(x->g, -(int64_t)x->copied);
	x->copied = 0;
}

static bool may_come_right(enum wire_refusal r)
{
	return r == REFUSED_IN_USE || r == REFUSED_BUSY || r == REFUSED_NO_SPACE ||
	       r == REFUSED_OVER_QUOTA;
}

void publishing_result(struct publishing *x)
{
	struct wire_op_result *res = &x->results[x->i];

	publishing_give_back(x);
	if (x->error < 0) {
		res->refused = refusal_of(x);
		res->never = x->never;
		snprintf(res->text, sizeof(res->text), "%.220s%s",
			 x->e.text[0] ? x->e.text : strerror(-x->error),
			 x->error == -EPERM && res->refused == REFUSED_ERROR
				 ? " (is it immutable? lsattr tells)"
				 : "");
		if (!x->local.done &&
		    (res->refused == REFUSED_NO_SPACE || res->refused == REFUSED_OVER_QUOTA))
			spoke_changes_room(x->g, &x->need);
		if (res->refused == REFUSED_IN_USE)
			spoke_changes_lock(x->g, x->locked);
		if (may_come_right(res->refused))
			log_info("group %s: %s: not yet: %s%s", x->g->name, publishing_op(x)->path,
				 res->refused == REFUSED_IN_USE ? "it is in use: " : "", res->text);
		else
			log_error("group %s: %s: not published: %s", x->g->name,
				  publishing_op(x)->path, res->text);
	} else {
		res->done = true;
	}
	if (x->t)
		spoke_transfer_release(x->t);
	x->t = NULL;
}

/* The operation is over; the next one, or the answer. */
static void op_end(struct publishing *x)
{
	if (x->set) {
		publication_changed(x);
		return;
	}
	publishing_result(x);
	x->i++;
	op_start(x);
}

/* What is there is not what the hub believes to be there. */
static bool is_drift(const struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);

	if (!x->look.present || (!op->was_known && !op->was_absent))
		return false;
	return op->was_absent || !publishing_is_recorded(x) || !hash_equal(&x->row.root, &op->was);
}

static bool keeps(const struct publishing *x)
{
	return x->g->cfg->preserve_quota > 0 && !canary_is(publishing_op(x)->path);
}

static void set_keep(struct publishing *x)
{
	x->keep[0] = '\0';
	if (keeps(x))
		snprintf(x->keep, sizeof(x->keep), "%lld.%llu.%u.%.200s", (long long)time(NULL),
			 (unsigned long long)x->g->seq, x->g->keep_counter++,
			 path_last(publishing_op(x)->path));
}

static void change_done(struct work *w)
{
	struct publishing *x = container_of(w, struct publishing, w);
	struct spoke_group *g = x->g;
	struct spoke *s = g->spoke;
	uint64_t seq = g->seq;

	if (x->error == 0) {
		if (!x->local.quiet)
			publishing_notice(x);
		x->error = db_begin(g->db);
		if (x->error == 0)
			x->error = publishing_record(x);
		if (x->error == 0)
			x->error = db_commit(g->db);
		if (x->error < 0) {
			err_set(&x->e, x->error, "database: %s", db_error(g->db));
			db_rollback(g->db);
			g->seq = seq;
		}
	} else if (x->undone &&
		   ((x->look.present && spoke_db_identity(g->db, &x->changes[0]) < 0) ||
		    spoke_db_intent_done(g->db, x->intent) < 0)) {
		log_error("group %s: database: %s", g->name, db_error(g->db));
	}
	if (x->error == 0 && !x->local.quiet) {
		spoke_preserve_trim(g);
		log_info("group %s: %s: %s%s", g->name, publishing_op(x)->path,
			 publishing_op(x)->kind == WIRE_DELETE ? "deleted"
			 : x->local.done		       ? "restored"
							       : "published",
			 x->results[x->i].drift ? "; what was there had changed here" : "");
	}
	op_end(x);
	spoke_work_ended(s);
}

/* A staged file that must be published, or a file that must not lie in preserved/ unlisted. */
static bool wants_intent(const struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);

	return x->ready || (x->keep[0] && x->look.present && !x->in_place &&
			    (op->kind == WIRE_DELETE || op->kind == WIRE_RENAME));
}

int publishing_intent(struct publishing *x, int64_t set)
{
	struct spoke_intent i = {.set = set,
				 .root = publishing_op(x)->root,
				 .identity = x->made,
				 .mode = x->attr.mode & 0777};
	bool removes = x->set && publishing_op(x)->kind == WIRE_DELETE && x->look.present;

	if (!wants_intent(x) && !removes)
		return 0;
	/* Of a set, what is to go goes after a restart too: the rest stands on that. */
	if (removes)
		i.identity = x->look.identity;
	snprintf(i.path, sizeof(i.path), "%s", publishing_op(x)->path);
	snprintf(i.source, sizeof(i.source), "%s",
		 removes    ? SPOKE_REMOVES
		 : x->ready ? x->staged
			    : "");
	if (x->look.present)
		snprintf(i.keep, sizeof(i.keep), "%s", x->keep);
	return spoke_db_intent(x->g->db, &i, &x->intent);
}

static void ready_done(struct work *w)
{
	struct publishing *x = container_of(w, struct publishing, w);
	const struct wire_op *op = publishing_op(x);
	struct spoke *s = x->g->spoke;

	if (x->error == 0) {
		x->results[x->i].drift = !x->in_place && is_drift(x);
		set_keep(x);
		if (!x->set)
			x->error = publishing_intent(x, 0);
		if (x->error < 0)
			err_set(&x->e, x->error, "database: %s", db_error(x->g->db));
		else if (op->kind == WIRE_META && !x->look.present)
			x->error = err_set(&x->e, -ESTALE, "%s is not here", op->path);
	}
	if (x->error == 0 && op->kind == WIRE_META && x->results[x->i].drift)
		x->error = err_set(&x->e, -ESTALE, "%s is not what it was", op->path);
	if (x->set)
		publication_ready(x);
	else if (x->error < 0)
		op_end(x);
	else
		publishing_change(x);
	spoke_work_ended(s);
}

void publishing_change(struct publishing *x)
{
	/* Of a set it was let go in between: there may be more of them than may be open. */
	if (x->set && publishing_op(x)->kind == WIRE_PUT && !x->t) {
		x->t = spoke_transfer_make(x->g, &publishing_op(x)->root);
		if (x->t)
			spoke_transfer_hold(x->t);
	}
	publish_submit(x, publishing_change_run, change_done);
}

static int op_facts(struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);
	struct spoke_group *g = x->g;
	int r;

	if (!spoke_path_allowed(g, op->path, &x->e) ||
	    (op->from[0] && !spoke_path_allowed(g, op->from, &x->e))) {
		x->refused = REFUSED_BAD_PATH;
		return -EPERM;
	}
	r = spoke_db_file(g->db, op->path, &x->row);
	x->has_row = r == 0;
	if (r < 0 && r != -ENOENT)
		return err_set(&x->e, r, "database: %s", db_error(g->db));
	if (op->kind == WIRE_RENAME)
		x->has_source = spoke_db_file(g->db, op->from, &x->source) == 0;
	else if (op->kind == WIRE_PUT || op->kind == WIRE_COPY_OF)
		x->has_source = spoke_db_holds(g->db, &op->root, &x->source) == 0;
	x->hashing = spoke_hashing(g, op->path);
	/* Who restores something here is not a transfer that others wait for. */
	x->quota = x->local.done ? UINT64_MAX : g->cfg->staging_quota;
	x->lock = g->cfg->lock;
	x->attr = (struct publish_attr){.mtime = op->mtime,
					.mode = g->cfg->mode >= 0 ? (mode_t)g->cfg->mode
								  : (mode_t)op->mode,
					.uid = g->uid,
					.gid = g->gid};
	if (g->cfg->protect == PROTECT_MODE)
		x->attr.mode &= ~(mode_t)0222;
	return 0;
}

void publishing_begin(struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);

	x->t = NULL;
	x->in_place = x->ready = x->undone = false;
	x->intent = 0;
	x->n_changes = 0;
	x->refused = REFUSED_NOT;
	x->never = false;
	x->e.text[0] = '\0';
	memset(&x->old, 0, sizeof(x->old));
	memset(&x->made, 0, sizeof(x->made));
	x->error = op_facts(x);
	if (x->error < 0) {
		if (x->set)
			publication_ready(x);
		else
			op_end(x);
		return;
	}
	if (op->kind == WIRE_PUT)
		x->t = spoke_transfer_make(x->g, &op->root);
	if (x->t)
		spoke_transfer_hold(x->t);
	publish_submit(x, publishing_ready_run, ready_done);
}

static void op_start(struct publishing *x)
{
	struct spoke_group *g = x->g;

	if (x->i < x->ops.n_ops) {
		publishing_begin(x);
		return;
	}
	TAILQ_REMOVE(&g->publishing, x, entry);
	if (x->local.done)
		x->local.done(x->local.arg, &x->results[0]);
	publishing_ended(g, x->r, &x->ops, x->results);
	free(x);
	publishing_left(g);
}

void publishing_start(struct publishing *x)
{
	if (x->set)
		publishing_begin(x);
	else
		op_start(x);
}

static void publish_body(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct wire_publish ops;
	struct publishing *x;
	struct err e = {""};

	if (wire_publish_decode(body, len, &ops, &e) < 0) {
		sreq_problem(r, 400, "%s", e.text);
		return;
	}
	if (ops.set[0]) {
		publication_start(arg, r, &ops);
		return;
	}
	x = xcalloc(1, sizeof(*x));
	x->g = arg;
	x->r = r;
	x->ops = ops;
	x->results = xcalloc(x->ops.n_ops + 1, sizeof(*x->results));
	sreq_on_over(r, publish_over, x);
	publishing_enter(x);
}

void spoke_publish_local(struct spoke_group *g, const struct wire_op *op,
			 const struct publish_local *local)
{
	struct publishing *x = xcalloc(1, sizeof(*x));

	x->g = g;
	x->local = *local;
	x->ops.ops = xcalloc(1, sizeof(*op));
	x->ops.ops[0] = *op;
	x->ops.n_ops = 1;
	x->results = xcalloc(2, sizeof(*x->results));
	publishing_enter(x);
}

void spoke_publish_request(struct spoke_group *g, struct sreq *r)
{
	sreq_collect(r, WIRE_BODY_MAX, publish_body, g);
}
