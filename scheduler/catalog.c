/*
 * catalog.c: see catalog.h.
 */
#include "scheduler/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/canary.h"
#include "scheduler/generation.h"
#include "scheduler/hub_old.h"
#include "scheduler/hub_sets.h"
#include "scheduler/group.h"
#include "scheduler/reconcile.h"

struct hub_file *catalog_get(struct hub_group *g, const char *path)
{
	return strmap_get(&g->files, path);
}

static bool state_unsettled(enum file_state s)
{
	return s == FILE_SETTLING || s == FILE_READY || s == FILE_INDEXING;
}

/* Adds (or with n = -1 takes away) what the file counts for. */
static void catalog_count(struct hub_file *f, int n)
{
	struct hub_group *g = f->group;
	bool canary = canary_is(f->path); /* it is none of the group's files */

	if (state_unsettled(f->state) && !canary)
		g->n_unsettled += (uint64_t)n;
	if (f->state == FILE_INDEXING)
		g->n_indexing += (uint64_t)n;
	if (f->state == FILE_SKIPPED)
		g->n_skipped += (uint64_t)n;
	if (!f->current)
		return;
	if (f->current->v->deleted) {
		g->n_tombstones += (uint64_t)n;
		return;
	}
	if (canary)
		return;
	g->n_files += (uint64_t)n;
	if (n > 0)
		g->n_bytes += f->current->v->size;
	else
		g->n_bytes -= f->current->v->size;
}

/* Off the list that its state stands for. */
static void catalog_unlist(struct hub_file *f)
{
	if (f->state == FILE_SETTLING)
		TAILQ_REMOVE(&f->group->settling, f, entry);
	if (f->state == FILE_READY)
		TAILQ_REMOVE(&f->group->hub->ready, f, entry);
}

struct hub_file *catalog_make(struct hub_group *g, const char *path)
{
	struct hub_file *f = catalog_get(g, path);

	if (f)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->group = g;
	f->path = xstrdup(path);
	f->state = FILE_SETTLING;
	f->due = MONO_NEVER;
	TAILQ_INSERT_TAIL(&g->settling, f, entry);
	catalog_count(f, 1);
	strmap_put(&g->files, f->path, f);
	hub_sets_changed(g);
	return f;
}

void catalog_drop(struct hub_file *f)
{
	catalog_count(f, -1);
	catalog_unlist(f);
	if (state_unsettled(f->state))
		reconcile_group_deletions(f->group);
	hub_sets_drop(f);
	strmap_remove(&f->group->files, f->path);
	if (f->current) {
		f->current->current = false;
		hub_version_unref(f->current);
	}
	free(f->words);
	free(f->lock);
	free(f->missing);
	free(f->path);
	free(f);
}

void catalog_state(struct hub_file *f, enum file_state state, const char *words)
{
	char *copy = words ? xstrdup(words) : NULL;
	bool was_unsettled = state_unsettled(f->state);

	free(f->words);
	f->words = copy;
	hub_sets_touch(f);
	if (f->state == state)
		return;
	if ((f->state == FILE_SKIPPED) != (state == FILE_SKIPPED))
		hub_sets_changed(f->group);
	catalog_count(f, -1);
	catalog_unlist(f);
	f->state = state;
	if (state == FILE_SETTLING)
		TAILQ_INSERT_TAIL(&f->group->settling, f, entry);
	if (state == FILE_READY)
		TAILQ_INSERT_TAIL(&f->group->hub->ready, f, entry);
	catalog_count(f, 1);
	/* Deletions wait for what has not settled. */
	if (was_unsettled && !state_unsettled(state))
		reconcile_group_deletions(f->group);
}

/* Nearly always the latest of all, so the place is looked for from the end. */
void catalog_settling(struct hub_file *f, struct mono due)
{
	struct hub_file_list *list = &f->group->settling;
	struct hub_file *before;

	catalog_state(f, FILE_SETTLING, NULL);
	TAILQ_REMOVE(list, f, entry);
	f->due = due;
	before = TAILQ_LAST(list, hub_file_list);
	while (before && before->due.us > due.us)
		before = TAILQ_PREV(before, hub_file_list, entry);
	if (before)
		TAILQ_INSERT_AFTER(list, before, f, entry);
	else
		TAILQ_INSERT_HEAD(list, f, entry);
}

void catalog_current(struct hub_file *f, struct hub_version *hv)
{
	struct hub_version *old = f->current;

	catalog_count(f, -1);
	f->current = hub_version_ref(hv);
	hv->current = true;
	catalog_count(f, 1);
	hub_sets_version(f, old);
	if (old) {
		old->current = false;
		hub_old_keep(old, hv);
		hub_version_unref(old);
	}
}

struct hub_version *hub_version_new(struct hub_group *g, const struct version_row *r)
{
	struct hub_version *hv = xcalloc(1, sizeof(*hv));
	struct version *v = version_new(r->group, r->path);

	v->id = r->id;
	v->size = r->size;
	v->nonzero = r->nonzero;
	v->indexed = r->indexed;
	memcpy(v->root, r->root.b, sizeof(v->root));
	v->mtime_s = r->mtime.sec;
	v->mtime_ns = r->mtime.nsec;
	v->mode = r->mode;
	v->deleted = r->deleted;
	hv->v = v;
	hv->group = g;
	group_ref(g);
	hv->identity = r->identity;
	hv->generation = r->generation;
	hv->kept = r->kept;
	hv->read = r->read;
	hv->has_origin = r->has_origin;
	hv->origin = r->origin;
	ties_copy(&hv->ties, &r->ties);
	hv->rests = r->rests;
	hv->rests_on = r->rests_on;
	hv->refs = 1;
	return hv;
}

struct hub_version *hub_version_ref(struct hub_version *hv)
{
	hv->refs++;
	return hv;
}

struct hub_version *hub_version_unref(struct hub_version *hv)
{
	struct hub *h;

	if (!hv || --hv->refs)
		return NULL;
	h = hv->group->hub;
	/* At the end of the daemon everything is let go, and nothing is forgotten. */
	if (!hv->current && !h->stopping) {
		hub_tx(h);
		hub_recorded(h, db_versions_retire(h->db, hv->v->id), "a version that is over");
		hub_recorded(h, db_versions_drop(h->db, hv->v->id), "a version that is over");
		if (hv->generation)
			generation_drop(hv->group, hv->v->id);
	}
	version_unref(hv->v);
	group_unref(hv->group);
	ties_done(&hv->ties);
	free(hv);
	return NULL;
}
