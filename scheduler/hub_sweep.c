/*
 * hub_sweep.c: see hub_sweep.h. What is needed is collected first, from all who may name it; only
 * then is anything unlinked.
 */
#include "scheduler/hub_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/db_history.h"
#include "scheduler/catalog.h"
#include "scheduler/generation.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_old.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "transfer/anchors.h"
#include "transfer/index_sectors.h"
#include "transfer/source.h"

#define HISTORY_KEPT 2000u /* finished jobs, on disk and for `jobs --all` */

/* Roots in a sorted array: they may be a hundred thousand. */
struct roots {
	struct hash *root;
	size_t n, cap;
};

static void roots_add(struct roots *r, const void *root)
{
	if (r->n == r->cap) {
		r->cap *= 2;
		r->root = xrealloc(r->root, r->cap * sizeof(*r->root));
	}
	memcpy(&r->root[r->n++], root, HASH_SIZE);
}

static int roots_compare(const void *a, const void *b)
{
	return memcmp(a, b, HASH_SIZE);
}

static bool roots_have(void *arg, const struct hash *root)
{
	const struct roots *r = arg;

	return bsearch(root, r->root, r->n, HASH_SIZE, roots_compare);
}

static void roots_add_file(void *arg, void *value)
{
	const struct hub_file *f = value;

	if (f->current && !f->current->v->deleted)
		roots_add(arg, f->current->v->root);
}

static void roots_add_item(void *arg, void *value)
{
	const struct inventory_item *item = value;

	roots_add(arg, item->root.b);
}

static void roots_add_spoke(struct roots *r, struct hub_spoke *s)
{
	const struct hub_job *x;
	struct inventory *inv;
	struct job *j;

	TAILQ_FOREACH (inv, &s->inventories, entry) {
		strmap_each(&inv->items, roots_add_item, r);
		for (unsigned i = 0; i < inv->n_preserved; i++)
			roots_add(r, inv->preserved[i].b);
	}
	TAILQ_FOREACH (j, &s->state->jobs, by_spoke) {
		roots_add(r, j->version->root);
		x = hub_job_of(j);
		if (x && x->has_partial)
			roots_add(r, x->partial.b);
	}
}

static bool index_file(const char *name, struct hash *ret_root)
{
	char hex[HASH_HEX + 1];

	snprintf(hex, sizeof(hex), "%.*s", (int)HASH_HEX, name);
	return hash_parse(hex, ret_root) == 0 &&
	       (strlen(name) == HASH_HEX || strcmp(name + HASH_HEX, ANCHOR_SUFFIX) == 0 ||
		strcmp(name + HASH_HEX, SECTORS_SUFFIX) == 0 ||
		strcmp(name + HASH_HEX, INDEX_PART) == 0);
}

/* One that cannot be read is made again, or asked for, where it is missing; not where it lies
 * there. */
static bool index_good(struct hub *h, const char *name)
{
	struct index *x;
	struct err e;

	if (strlen(name) != HASH_HEX)
		return true; /* what lies beside an index is looked at by those who use it */
	if (index_open(h->index_dirfd, name, &x, &e) < 0) {
		log_warn("index %.16s: %s; it is dropped", name, e.text);
		return false;
	}
	index_unref(x);
	return true;
}

static void sweep_indexes(struct hub *h, struct roots *needed)
{
	struct dirent *entry;
	struct hash root;
	unsigned n = 0;
	DIR *d = dir_list(h->index_dirfd);

	if (!d)
		return;
	while ((entry = readdir(d))) {
		/* Only finished indexes and anchors: others belong to their writers. */
		if (!index_file(entry->d_name, &root))
			continue;
		if (roots_have(needed, &root) && index_good(h, entry->d_name))
			continue;
		if (unlinkat(h->index_dirfd, entry->d_name, 0) == 0)
			n++;
	}
	closedir(d);
	if (n)
		log_debug("%u indexes that nothing needs any more are gone", n);
}

/* A tombstone whose path no spoke lists has done its work: lists now, not when it was last heard
 * of. What it published without being heard, or is asked to publish, is told in a greeting after
 * that. */
static bool tombstone_over(const struct hub_file *f)
{
	const struct hub_group *g = f->group;
	const struct inventory *inv;
	struct hub_spoke *s;

	for (size_t i = 0; i < g->cfg->n_spokes; i++) {
		s = hub_spoke(g->hub, g->cfg->spokes[i]);
		inv = s ? inventory_get(s, g->name) : NULL;
		if (!inv || !inv->epoch[0] || inventory_item(inv, f->path) ||
		    s->greeted_version < f->current->v->id || !TAILQ_EMPTY(&s->publishing))
			return false;
	}
	return true;
}

static void sweep_tombstone(void *arg, void *value)
{
	struct hub_file *f = value;

	(void)arg;
	if (f->state == FILE_CURRENT && f->current && f->current->v->deleted && tombstone_over(f))
		catalog_drop(f);
}

void hub_sweep(struct hub *h)
{
	struct roots needed = {.root = xcalloc(1, sizeof(struct hash)), .cap = 1};
	struct hub_group *g;
	struct hub_spoke *s;

	TAILQ_FOREACH (g, &h->groups, entry) {
		if (g->n_tombstones)
			strmap_each(&g->files, sweep_tombstone, NULL);
		strmap_each(&g->files, roots_add_file, &needed);
	}
	TAILQ_FOREACH (s, &h->spokes, entry)
		roots_add_spoke(&needed, s);
	qsort(needed.root, needed.n, HASH_SIZE, roots_compare);
	TAILQ_FOREACH (g, &h->groups, entry)
		hub_old_sweep(g, roots_have, &needed);
	/* One that was just written, and whose version is about to be, is named by nobody yet. */
	if (!h->n_indexing)
		sweep_indexes(h, &needed);
	free(needed.root);
	core_forget_ended(h->core, HISTORY_KEPT, hub_job_free, NULL);
	hub_tx(h);
	hub_recorded(h, db_jobs_prune(h->db, HISTORY_KEPT), "history");
	hub_recorded(h, db_history_prune(h->db, daemon_now().wall), "history");
}

/* One that is being made belongs to a row that is not in the table of files yet: only what is
 * older than every version under way is looked at, and that is so when a group is opened. */
struct keeping {
	struct hub_group *group;
	struct strmap ids;
};

static void keep_version(struct keeping *k, const struct hub_version *hv)
{
	char *name;

	if (!hv || !hv->generation || hv->group != k->group)
		return;
	name = xcalloc(1, 24);
	generation_name(hv->v->id, name);
	if (strmap_get(&k->ids, name))
		free(name);
	else
		strmap_put(&k->ids, name, name);
}

static void keep_file(void *arg, void *value)
{
	keep_version(arg, ((const struct hub_file *)value)->current);
}

static void keep_old(void *arg, struct hub_version *hv)
{
	keep_version(arg, hv);
}

static bool keep_generation(void *arg, uint64_t id)
{
	const struct keeping *k = arg;
	char name[24];

	return strmap_get(&k->ids, generation_name(id, name));
}

void hub_sweep_generations(struct hub_group *g)
{
	struct keeping k = {.group = g};
	struct hub_spoke *s;
	struct job *j;

	if (g->n_indexing)
		return;
	strmap_each(&g->files, keep_file, &k);
	hub_old_each(g, keep_old, &k);
	TAILQ_FOREACH (s, &g->hub->spokes, entry)
		TAILQ_FOREACH (j, &s->state->jobs, by_spoke)
			if (hub_job_of(j))
				keep_version(&k, hub_job_of(j)->version);
	generation_sweep(g, keep_generation, &k);
	strmap_done_free(&k.ids);
}
