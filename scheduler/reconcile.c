/*
 * reconcile.c: see reconcile.h.
 *
 * A deletion waits until what may replace the file is published: as long as anything of the group
 * is on its way to that spoke, or settles, the old content stays there as a base, and as what a
 * renamed file is copied from. delete_grace counts from then, and from when the file was found
 * gone. A rename takes its old name away at once, since its content is there under the new one; but
 * not within delete_grace: then it is a copy.
 *
 * What goes of a set goes together. Where its files were found gone at different times, or some
 * still have to wait, those that are asked for already are kept back until all are.
 */
#include "scheduler/reconcile.h"

#include <string.h>

#include "scheduler/canary.h"
#include "scheduler/catalog.h"
#include "scheduler/core_sets.h"
#include "scheduler/drift.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/inventory.h"

/* In sets, also what was given up there counts: old images of a set may rest on what is to go. */
static bool given_up_there(const struct inventory *s, const struct hub_group *g)
{
	struct core *c = s->spoke->hub->core;
	struct job *j;

	if (g->cfg->publish == PUBLISH_FILE)
		return false;
	TAILQ_FOREACH (j, core_ended(c), by_spoke)
		if (j->spoke == s->spoke->state && j->kind != JOB_DELETE &&
		    !strcmp(j->version->group, g->name) && core_job_missing(c, j))
			return true;
	return false;
}

/* Anything that will need, or may turn out to need, what lies there. A file that a guest holds open
 * for weeks does not count: nobody knows when it will settle. */
static bool deletion_waits(const struct inventory *s, const struct hub_group *g)
{
	const struct hub_file *f;
	const struct job *j;

	if (!g->scan_ended)
		return true; /* what lies there is not known yet */
	if (g->n_unsettled) {
		TAILQ_FOREACH (f, &g->settling, entry)
			if (!f->settle.held && !f->settle.gone && !f->words)
				return true;
		TAILQ_FOREACH (f, &g->hub->ready, entry)
			if (f->group == g)
				return true;
		if (g->n_indexing)
			return true;
	}
	TAILQ_FOREACH (j, &s->spoke->state->jobs, by_spoke)
		if (j->kind == JOB_PUT && !job_over(j) && !(j->waits & WAIT_HELD) &&
		    !strcmp(j->version->group, g->name))
			return true;
	return given_up_there(s, g);
}

/* Of delete_grace, what is left; then it is asked for again. */
static bool in_grace(const struct inventory *s, const struct hub_version *hv)
{
	struct hub *h = s->spoke->hub;
	struct now now = daemon_now();
	int64_t grace = hv->group->cfg->delete_grace_us, left;

	if (!grace)
		return false;
	left = grace - (now.wall.s - hv->v->mtime_s) * SECOND_US;
	left = MAX(MIN(left, grace), grace - (now.mono.us - s->put_at.us));
	if (left <= 0)
		return false;
	h->grace_due.us = MIN(h->grace_due.us, now.mono.us + left);
	return true;
}

bool reconcile_may_rename(const struct inventory *s, const struct hub_version *gone)
{
	return !in_grace(s, gone);
}

/* What a user or a final failure ended is not begun again for the same version. */
static bool given_up(const struct job *j, const struct version *v)
{
	return j && j->version->id == v->id && core_job_given_up(j);
}

/* True where nothing is to be done for it. */
static bool reconciled(struct inventory *s, const struct version *v)
{
	struct job *j = core_job_of(s->spoke->hub->core, s->spoke->name, s->group, v->path);
	bool same = j && j->version->id == v->id;

	if (drift_holds(s, v))
		return true;
	if (!s->epoch[0] && v->deleted)
		return true; /* what it holds is not known yet */
	if (inventory_has(s, v)) {
		if (same && !job_over(j))
			hub_jobs_satisfied(j);
		return true;
	}
	return (same && !job_over(j)) || given_up(j, v);
}

static void reconcile_deletion(struct inventory *s, struct hub_version *hv)
{
	if (!reconciled(s, hv->v))
		hub_jobs_add(s->spoke, JOB_DELETE, hv);
}

static void reconcile_content(struct inventory *s, struct hub_version *hv)
{
	if (!reconciled(s, hv->v))
		hub_jobs_add(s->spoke, inventory_has_content(s, hv->v) ? JOB_META : JOB_PUT, hv);
}

void reconcile_version(struct hub_version *hv)
{
	struct hub_group *g = hv->group;
	struct hub_spoke *s;

	if (hv->v->deleted && !canary_is(hv->v->path)) {
		reconcile_group_deletions(g);
		return;
	}
	TAILQ_FOREACH (s, &g->hub->spokes, entry) {
		if (!group_has_spoke(g->cfg, s->name))
			continue;
		if (hv->v->deleted)
			reconcile_deletion(inventory_make(s, g->name), hv);
		else
			reconcile_content(inventory_make(s, g->name), hv);
	}
	hub_kick(g->hub);
}

static void content_of(void *arg, void *value)
{
	const struct hub_file *f = value;

	if (f->current && !f->current->v->deleted)
		reconcile_content(arg, f->current);
}

/* Of a group whose deletions wait for nothing else. */
static void deletion_of(void *arg, void *value)
{
	const struct hub_file *f = value;
	struct hub_version *hv = f->current;

	if (hv && hv->v->deleted && !reconciled(arg, hv->v) &&
	    (canary_is(f->path) || !in_grace(arg, hv)))
		hub_jobs_add(((struct inventory *)arg)->spoke, JOB_DELETE, hv);
}

/* Is a deletion of this set still to be asked for there? */
static bool not_asked(struct inventory *s, const struct set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->members[i]->deleted && !reconciled(s, set->members[i]))
			return true;
	return false;
}

static void keep_back(struct inventory *s)
{
	struct core *c = s->spoke->hub->core;
	const struct set *last = NULL;
	bool kept = false;
	struct job *j;

	TAILQ_FOREACH (j, &s->spoke->state->jobs, by_spoke) {
		const struct set *set = j->version->set;

		if (j->kind != JOB_DELETE || !set || strcmp(j->version->group, s->group))
			continue;
		if (set != last) /* jobs of a set mostly follow each other */
			kept = not_asked(s, set);
		last = set;
		core_set_keep(c, j, kept);
	}
}

static void look_at_deletions(struct inventory *s)
{
	struct hub_group *g = hub_group(s->spoke->hub, s->group);

	s->deletions_look = false;
	if (!g || !group_has_spoke(g->cfg, s->spoke->name) || !g->n_tombstones)
		return;
	if (!deletion_waits(s, g))
		strmap_each(&g->files, deletion_of, s);
	keep_back(s);
}

/* Is b below a, were a a directory? */
static bool is_below(const char *a, const char *b)
{
	size_t len = strlen(a);

	return !strncmp(a, b, len) && b[len] == '/';
}

struct in_way {
	struct inventory *inv;
	const char *path;
};

static void reconcile_in_way_one(void *arg, void *value)
{
	const struct in_way *w = arg;
	struct hub_file *f = value;

	if (f->current && f->current->v->deleted &&
	    (is_below(f->path, w->path) || is_below(w->path, f->path)))
		reconcile_deletion(w->inv, f->current);
}

void reconcile_in_way(struct inventory *s, const char *path)
{
	struct in_way w = {s, path};
	struct hub_group *g = hub_group(s->spoke->hub, s->group);

	if (!g || !g->n_tombstones || !group_has_spoke(g->cfg, s->spoke->name))
		return;
	strmap_each(&g->files, reconcile_in_way_one, &w);
	reconcile_deletions(s);
}

void reconcile_inventory(struct inventory *s)
{
	struct hub_group *g = hub_group(s->spoke->hub, s->group);

	if (!g || !group_has_spoke(g->cfg, s->spoke->name))
		return;
	/* New contents first: deletions wait for them. */
	strmap_each(&g->files, content_of, s);
	reconcile_deletions(s);
}

void reconcile_deletions(struct inventory *s)
{
	s->deletions_look = s->spoke->hub->deletions_look = true;
	hub_kick(s->spoke->hub);
}

void reconcile_group_deletions(struct hub_group *g)
{
	struct hub_spoke *s;
	struct inventory *inv;

	/* Before the first scan they wait anyway. */
	if (!g->n_tombstones || !g->scan_ended)
		return;
	TAILQ_FOREACH (s, &g->hub->spokes, entry) {
		inv = inventory_get(s, g->name);
		if (inv)
			reconcile_deletions(inv);
	}
}

struct mono reconcile_turn(struct hub *h, struct now now)
{
	bool grace_over = h->grace_due.us <= now.mono.us;
	struct inventory *inv;
	struct hub_spoke *s;

	if (!grace_over && !h->deletions_look)
		return h->grace_due;
	if (grace_over)
		h->grace_due = MONO_NEVER;
	h->deletions_look = false;
	TAILQ_FOREACH (s, &h->spokes, entry)
		TAILQ_FOREACH (inv, &s->inventories, entry)
			if (grace_over || inv->deletions_look)
				look_at_deletions(inv);
	return h->grace_due;
}
