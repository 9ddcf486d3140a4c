/*
 * hub_publish_ops.c: what a publication consists of. A file by itself is one operation. A set is
 * all that is to come of it, in order, with a word for each member that is there already and has to
 * stay so; deletions come the other way round.
 *
 * Names that are new can simply be made in order. An image that is replaced in place has no order
 * in which its child, old or new, always finds the parent that it was made from. So whatever rests
 * on the old one is taken away before: manifests, .pvp, and the images, the deepest first; and is
 * put there again, as it is to be, after the parent. A reader who comes in between finds less,
 * never half a set; whoever has a file open keeps it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sets.h"
#include "scheduler/catalog.h"
#include "scheduler/core_sets.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_publish.h"
#include "scheduler/hub_sets.h"
#include "scheduler/inventory.h"
#include "scheduler/reconcile.h"

/* A member of a set, as it is to come to one spoke. */
struct member {
	const struct version *version;
	const struct hub_file *file; /* NULL: not catalogued any more */
	struct hub_job *job;	     /* NULL: nothing is to be done for it */
	const struct inventory_item *there;
	bool in_place;	/* an image that replaces another of its name */
	bool withdrawn; /* taken away first */
};

struct members {
	struct member *list;
	size_t n;
};

/* Gone here, and not only just, nothing else is below or above it there, and nothing of a set rests
 * on it: it may be what the file was renamed from. */
static bool publish_may_rename(const struct hub_job *x, const struct inventory *inv,
			       const char *from)
{
	const struct hub_group *g = x->version->group;
	const char *path = x->job->version->path;
	size_t n = strlen(from), m = strlen(path);
	const struct hub_file *f;

	if (x->no_rename || hub_group(x->hub, g->name) != g ||
	    (!strncmp(from, path, MIN(n, m)) && (n < m ? path[n] : from[m]) == '/'))
		return false;
	f = catalog_get((struct hub_group *)g, from);
	return f && f->current && f->current->v->deleted && (!f->set || f->set->n == 1) &&
	       reconcile_may_rename(inv, f->current);
}

static void publish_op(const struct hub_job *x, struct inventory *inv, bool in_set,
		       struct wire_op *op)
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
		op->kind = !in_set && publish_may_rename(x, inv, from) ? WIRE_RENAME : WIRE_COPY_OF;
		snprintf(op->from, sizeof(op->from), "%s", from);
	}
}

/* What there is as the inventory has it: the wire's for an operation that no job asks for. */
static void there_op(const struct member *m, enum wire_op_kind kind, struct wire_op *op)
{
	const struct inventory_item *item = m->there;

	op->kind = kind;
	snprintf(op->path, sizeof(op->path), "%s", m->version->path);
	op->root = op->was = item->root;
	op->was_known = true;
	op->size = item->size;
	op->mtime = item->mtime;
	op->mode = item->mode;
	if (kind == WIRE_COPY_OF)
		snprintf(op->from, sizeof(op->from), "%s", m->version->path);
}

static struct wire_op *add(struct publishing *pub, struct hub_job *x)
{
	size_t i = pub->ops.n_ops++;

	pub->ops.ops = xrealloc(pub->ops.ops, pub->ops.n_ops * sizeof(pub->ops.ops[0]));
	pub->jobs = xrealloc(pub->jobs, pub->ops.n_ops * sizeof(struct hub_job *));
	memset(&pub->ops.ops[i], 0, sizeof(pub->ops.ops[i]));
	pub->jobs[i] = x;
	return &pub->ops.ops[i];
}

static bool is_image(const struct member *m)
{
	return m->file && m->file->set_rank == SET_IMAGE;
}

static void members_find(struct members *s, const struct hub_job *lead, struct inventory *inv)
{
	const struct set *set = lead->job->version->set;
	struct hub_group *g = hub_group(lead->hub, set->group);

	*s = (struct members){xcalloc(set->n + 1, sizeof(struct member)), set->n};
	for (size_t i = 0; i < set->n; i++) {
		struct member *m = &s->list[i];
		struct job *j = core_set_job(lead->hub->core, lead->job, i);

		m->version = set->members[i];
		m->file = g ? catalog_get(g, m->version->path) : NULL;
		m->job = j ? hub_job_of(j) : NULL;
		m->there = inventory_item(inv, m->version->path);
		m->in_place = is_image(m) && m->job && m->job->job->kind == JOB_PUT && m->there &&
			      memcmp(m->there->root.b, m->version->root, HASH_SIZE) != 0;
	}
}

static struct member *member_of(const struct members *s, const struct hub_file *f)
{
	for (size_t i = 0; f && i < s->n; i++)
		if (s->list[i].file == f)
			return &s->list[i];
	return NULL;
}

/* Does it rest, by some steps, on an image that is replaced in place? */
static bool rests_on_replaced(const struct members *s, const struct member *m)
{
	const struct hub_file *up = m->file ? m->file->up : NULL;

	for (size_t steps = 0; up && steps < s->n; steps++, up = up->up) {
		const struct member *parent = member_of(s, up);

		if (parent && parent->in_place)
			return true;
	}
	return false;
}

/* It stays as it is, and so its parent cannot be away: forced, or the parent is repaired. */
static bool has_child_that_stays(const struct members *s, const struct member *m)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct member *c = &s->list[i];

		if (c->there && !c->job && !c->version->deleted && c->file && is_image(c) &&
		    c->file->up == m->file)
			return true;
	}
	return false;
}

static bool comes_or_goes(const struct member *m)
{
	return m->in_place || (is_image(m) && m->version->deleted && m->there);
}

/* True where anything has to be taken away first. What each of several that are replaced rested on
 * before is not known here, so all of them are. */
static bool withdraw(struct members *s)
{
	size_t replaced = 0;
	bool any = false;

	for (size_t i = 0; i < s->n; i++)
		replaced += s->list[i].in_place;
	for (size_t i = 0; i < s->n && replaced; i++) {
		struct member *m = &s->list[i];

		if (!comes_or_goes(m) || has_child_that_stays(s, m))
			continue;
		m->withdrawn = rests_on_replaced(s, m) || (m->in_place && replaced > 1);
		any |= m->withdrawn;
	}
	for (size_t i = 0; i < s->n && any; i++) {
		struct member *m = &s->list[i];

		if (m->there && m->file && m->file->set_rank >= SET_PROPERTIES)
			m->withdrawn = true;
	}
	return any;
}

static void add_withdrawals(struct publishing *pub, const struct members *s)
{
	for (size_t i = s->n; i-- > 0;)
		if (s->list[i].withdrawn)
			there_op(&s->list[i], WIRE_DELETE, add(pub, NULL));
}

static void add_member(struct publishing *pub, const struct member *m, struct inventory *inv)
{
	struct wire_op *op;

	if (m->job) {
		op = add(pub, m->job);
		publish_op(m->job, inv, true, op);
		if (!m->withdrawn)
			return;
		op->was_known = false;
		op->was_absent = true;
		/* Other attributes of what is no longer there. */
		if (op->kind == WIRE_META) {
			op->kind = WIRE_COPY_OF;
			snprintf(op->from, sizeof(op->from), "%s", op->path);
		}
	} else if (m->there && !m->version->deleted) {
		op = add(pub, NULL);
		there_op(m, m->withdrawn ? WIRE_COPY_OF : WIRE_KEEP, op);
		if (m->withdrawn) {
			op->was_known = false;
			op->was_absent = true;
		}
	}
}

static void collect_puts(struct publishing *pub, struct members *s, struct inventory *inv)
{
	if (withdraw(s))
		add_withdrawals(pub, s);
	for (size_t i = 0; i < s->n; i++)
		/* Room is for what is to be done; what only has to stay comes after. */
		if (s->list[i].job || s->list[i].withdrawn || pub->ops.n_ops < WIRE_OPS_MAX / 2)
			add_member(pub, &s->list[i], inv);
}

void hub_publish_collect(struct publishing *pub, struct hub_job *lead)
{
	struct inventory *inv = inventory_make(pub->spoke, pub->group);
	const struct set *set = lead->job->version->set;
	struct members s;

	if (!set || set->n < 2) {
		publish_op(lead, inv, false, add(pub, lead));
		return;
	}
	members_find(&s, lead, inv);
	if (lead->job->kind == JOB_DELETE) {
		for (size_t i = s.n; i-- > 0;)
			if (s.list[i].job)
				publish_op(s.list[i].job, inv, true, add(pub, s.list[i].job));
	} else {
		collect_puts(pub, &s, inv);
	}
	if (pub->ops.n_ops > 1)
		snprintf(pub->ops.set, sizeof(pub->ops.set), "%s", set->name);
	free(s.list);
}
