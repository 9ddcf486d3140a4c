/*
 * spoke_publish_set.c: a set is published: all of its operations or none. Each is made ready, the
 * slow part, while nothing changes; then all their intents are recorded in one transaction; then
 * one after the other is done. Whoever is killed in between goes on at the next start
 * (spoke_group.c), in the same order and no further than it can: at no time does a reader see what
 * the order does not allow.
 *
 * Where one cannot be made ready, nothing has changed, and the hub is told which one and why. Where
 * one fails later (a disk), those before it are done and are told as done, and the intents of the
 * rest go: the hub asks for them again, or for something newer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/spoke_publish.h"

struct publication {
	struct spoke_group *g;
	struct sreq *r; /* NULL: the hub left; it goes on */
	struct wire_publish ops;
	struct wire_op_result *results;
	struct publishing *each; /* of every operation */
	size_t at;
	int64_t intents; /* what theirs have in common */
	bool changing;	 /* a first change was begun */
};

bool publication_withdraws(const struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);

	for (size_t i = 0; x->set && i < x->i; i++)
		if (x->ops.ops[i].kind == WIRE_DELETE && !strcmp(x->ops.ops[i].path, op->path))
			return true;
	return false;
}

uint64_t publication_copied(const struct publishing *x)
{
	uint64_t bytes = 0;

	for (size_t i = 0; x->set && i < x->i; i++)
		bytes += x->set->each[i].copied;
	return bytes;
}

bool publication_takes(const struct publishing *x)
{
	for (size_t i = 0; x->set && i < x->i; i++)
		if (x->ops.ops[i].kind == WIRE_PUT &&
		    hash_equal(&x->ops.ops[i].root, &publishing_op(x)->root) &&
		    !x->set->each[i].in_place)
			return true;
	return false;
}

int publication_in_use(struct publishing *x)
{
	struct publication *p = x->set;
	int r = 0;

	if (p->changing)
		return 0;
	p->changing = true;
	for (size_t i = 0; i < p->ops.n_ops && r == 0; i++) {
		r = publishing_in_use(&p->each[i]);
		if (r < 0 && &p->each[i] != x) {
			x->e = p->each[i].e;
			x->locked = p->each[i].locked;
		}
	}
	return r;
}

static void publication_over(void *arg)
{
	((struct publication *)arg)->r = NULL;
}

/* Copies that were made ready and are not needed. */
static void drop_copies(struct publication *p)
{
	for (size_t i = 0; i < p->ops.n_ops; i++) {
		struct publishing *x = &p->each[i];

		publishing_give_back(x);
		/* Where it is not known how far it came, its intent needs them. */
		if (x->ready && !p->results[i].done && (!x->intent || i != p->at || x->undone) &&
		    !strchr(x->staged, '/') &&
		    unlinkat(p->g->store->staging_fd, x->staged, 0) < 0 && errno != ENOENT)
			log_warn("group %s: staging/%s: %s", p->g->name, x->staged,
				 strerror(errno));
	}
}

static void publication_end(struct publication *p)
{
	struct spoke_group *g = p->g;

	drop_copies(p);
	if (p->ops.n_ops)
		TAILQ_REMOVE(&g->publishing, &p->each[0], entry);
	publishing_ended(g, p->r, &p->ops, p->results);
	free(p->each);
	free(p);
	publishing_left(g);
}

static int record_intents(struct publication *p)
{
	int r = db_begin(p->g->db);

	if (r == 0)
		r = spoke_db_intent_set(p->g->db, &p->intents);
	for (size_t i = 0; i < p->ops.n_ops && r == 0; i++)
		r = publishing_intent(&p->each[i], p->intents);
	if (r == 0)
		r = db_commit(p->g->db);
	if (r < 0)
		db_rollback(p->g->db);
	return r;
}

/* Those of operations that were not begun. */
static void forget_intents(struct publication *p)
{
	/* It may have had none: then those before it are done, and theirs gone. */
	if (spoke_db_intents_drop(p->g->db, p->intents, p->each[p->at].intent + 1) < 0)
		log_error("group %s: database: %s", p->g->name, db_error(p->g->db));
}

/* The next one that changes anything, or the end. */
static void go_on(struct publication *p)
{
	while (p->at < p->ops.n_ops && p->ops.ops[p->at].kind == WIRE_KEEP)
		p->results[p->at++].done = true;
	if (p->at < p->ops.n_ops) {
		publishing_change(&p->each[p->at]);
		return;
	}
	log_info("group %s: set %s: published", p->g->name, p->ops.set);
	publication_end(p);
}

static void all_ready(struct publication *p)
{
	struct publishing *first = &p->each[0];
	int r = record_intents(p);

	p->at = 0;
	if (r < 0) {
		first->error = err_set(&first->e, r, "database: %s", db_error(p->g->db));
		publishing_result(first);
		publication_end(p);
		return;
	}
	go_on(p);
}

/* Called once for each, in order. */
void publication_ready(struct publishing *x)
{
	struct publication *p = x->set;

	if (x->error < 0) {
		publishing_result(x);
		publication_end(p);
		return;
	}
	if (x->t)
		spoke_transfer_release(x->t);
	x->t = NULL;
	if (++p->at < p->ops.n_ops)
		publishing_begin(&p->each[p->at]);
	else
		all_ready(p);
}

void publication_changed(struct publishing *x)
{
	struct publication *p = x->set;
	bool failed = x->error < 0;

	publishing_result(x);
	if (failed) {
		forget_intents(p);
		publication_end(p);
		return;
	}
	p->at++;
	go_on(p);
}

void publication_start(struct spoke_group *g, struct sreq *r, struct wire_publish *ops)
{
	struct publication *p;

	for (size_t i = 0; i < ops->n_ops; i++)
		if (ops->ops[i].kind == WIRE_RENAME) {
			sreq_problem(r, 400, "a set has no renames: copy-of, and delete later");
			wire_publish_done(ops);
			return;
		}
	p = xcalloc(1, sizeof(*p));
	p->g = g;
	p->r = r;
	p->ops = *ops;
	p->results = xcalloc(ops->n_ops + 1, sizeof(*p->results));
	p->each = xcalloc(ops->n_ops + 1, sizeof(*p->each));
	for (size_t i = 0; i < ops->n_ops; i++)
		p->each[i] = (struct publishing){
			.set = p, .g = g, .ops = *ops, .results = p->results, .i = i};
	sreq_on_over(r, publication_over, p);
	if (ops->n_ops)
		publishing_enter(&p->each[0]); /* it has all the paths */
	else
		publication_end(p);
}
