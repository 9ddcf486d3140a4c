/*
 * drift.c: see drift.h.
 */
#include "scheduler/drift.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/catalog.h"
#include "scheduler/core_sets.h"
#include "scheduler/hub_log.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"

/* Files of one greeting that the job log names: a directory full of them is not its business. */
#define FOREIGN_TOLD 100u
/* Of files that are no version here so many are kept: what was restored, say, before the state of
 * this hub was lost. */
#define UNKNOWN_MOST 10000u

const struct drift *drift_of(const struct inventory *inv, const char *path)
{
	return strmap_get(&inv->drift, path);
}

void drift_restore(struct inventory *inv, const struct drift_row *r)
{
	struct drift *old = strmap_get(&inv->drift, r->path), *d;
	size_t len = strlen(r->path) + 1;

	if (old) {
		strmap_remove(&inv->drift, old->path);
		free(old);
	}
	d = xcalloc(1, sizeof(*d) + len);
	d->what = r->what;
	d->since = r->since;
	d->version = r->version;
	memcpy(d->path, r->path, len);
	strmap_put(&inv->drift, d->path, d);
}

static void record(struct inventory *inv, const struct drift *d)
{
	struct hub *h = inv->spoke->hub;
	struct drift_row r = {d->path, d->what, d->since, d->version};

	core_sets_look(h->core);
	hub_tx(h);
	hub_recorded(h, db_drift_put(h->db, inv->spoke->name, inv->group, &r), "drift");
}

void drift_over(struct inventory *inv, const char *path)
{
	struct hub *h = inv->spoke->hub;
	struct drift *d = strmap_get(&inv->drift, path);

	if (!d)
		return;
	core_sets_look(h->core);
	hub_tx(h);
	hub_recorded(h, db_drift_drop(h->db, inv->spoke->name, inv->group, path), "drift");
	strmap_remove(&inv->drift, d->path);
	hub_log_drift(inv, d->path, EVENT_DRIFT_OVER, wire_local_word(d->what), "");
	free(d);
}

void drift_clear(struct inventory *inv)
{
	strmap_done_free(&inv->drift);
}

/* What the hub can tell by itself, of a file that it did not put there but found as it should be.
 */
static enum wire_local judge(const struct inventory *inv, const struct wire_entry *e,
			     const struct version *v)
{
	const struct inventory_item *old = inventory_item(inv, e->path);

	if (e->local != LOCAL_NOT || !old || !v || v->deleted ||
	    memcmp(old->root.b, v->root, HASH_SIZE) != 0)
		return e->local;
	if (e->gone)
		return inv->hashing ? LOCAL_NOT : LOCAL_REMOVED;
	return hash_equal(&old->root, &e->root) ? LOCAL_NOT : LOCAL_CHANGED;
}

/* Nothing is known of that name here: somebody put it there. */
static bool is_foreign(const struct inventory *inv, const char *path)
{
	struct hub_group *g = hub_group(inv->spoke->hub, inv->group);
	const struct hub_file *f = g ? catalog_get(g, path) : NULL;

	return g && g->scan_ended && (!f || (!f->current && f->state == FILE_SKIPPED));
}

/* What is on its way there is not what its administrator wants. */
static void let_go(struct inventory *inv, const struct version *v, const char *path)
{
	struct core *core = inv->spoke->hub->core;
	struct job *j = core_job_of(core, inv->spoke->name, inv->group, path);

	if (j && v && !job_over(j) && j->version->id == v->id)
		core_job_unwanted(core, j, "an older version was restored there");
}

void drift_told(struct inventory *inv, const struct wire_entry *e)
{
	const struct version *v = inventory_current(inv, e->path);
	enum wire_local what = judge(inv, e, v);
	const struct drift *old = drift_of(inv, e->path), *d;
	bool as_wanted =
		v && (v->deleted ? e->gone : !e->gone && !memcmp(e->root.b, v->root, HASH_SIZE));

	if (what == LOCAL_NOT || (as_wanted && what != LOCAL_RESTORED)) {
		if (!e->gone && !inventory_item(inv, e->path) && is_foreign(inv, e->path) &&
		    inv->foreign_told++ < FOREIGN_TOLD)
			hub_log_drift(inv, e->path, EVENT_DRIFT, "foreign", "it stays as it is");
		drift_over(inv, e->path);
		return;
	}
	if ((old && old->what == what) || (!old && !v && inv->drift.n >= UNKNOWN_MOST))
		return;
	drift_restore(inv, &(struct drift_row){e->path, what, daemon_now().wall, v ? v->id : 0});
	d = drift_of(inv, e->path);
	record(inv, d);
	if (what == LOCAL_RESTORED)
		let_go(inv, v, e->path);
	hub_log_drift(inv, e->path, EVENT_DRIFT, wire_local_word(what), drift_words(inv, d));
}

/* The list of those that are to go, by name: removing changes the map. */
struct stale {
	const struct inventory *inv;
	char **paths;
	size_t n;
};

static void find_stale(void *arg, void *value)
{
	const struct drift *d = value;
	struct stale *s = arg;
	bool there = inventory_item(s->inv, d->path) != NULL;

	if (there != (d->what == LOCAL_REMOVED || d->what == LOCAL_UNREADABLE))
		return;
	s->paths = xrealloc(s->paths, (s->n + 1) * sizeof(*s->paths));
	s->paths[s->n++] = xstrdup(d->path);
}

void drift_sweep(struct inventory *inv)
{
	struct stale s = {.inv = inv};

	strmap_each(&inv->drift, find_stale, &s);
	for (size_t i = 0; i < s.n; i++) {
		drift_over(inv, s.paths[i]);
		free(s.paths[i]);
	}
	free(s.paths);
}

bool drift_holds(const struct inventory *inv, const struct version *v)
{
	const struct hub_group *g = hub_group(inv->spoke->hub, inv->group);
	const struct drift *d = drift_of(inv, v->path);

	return d && d->version == v->id &&
	       (d->what == LOCAL_RESTORED || (g && g->cfg->drift == DRIFT_REPORT));
}

const char *drift_words(const struct inventory *inv, const struct drift *d)
{
	const struct version *v = inventory_current(inv, d->path);

	if (d->what == LOCAL_RESTORED)
		return v && v->id != d->version
			       ? "it was restored there; a newer version takes its place"
			       : "it was restored there and stays until a newer version comes, or "
				 "until it is given back (spokesync restore --release, there)";
	if (!v)
		return "it is not known here any more";
	if (drift_holds(inv, v))
		return "it is reported only (drift = report); 'spokesync verify --repair' brings it "
		       "back";
	return "it is brought back, by what differs; what lies there is preserved";
}

struct repair {
	struct inventory *inv;
	const char *path;
	unsigned n;
};

static void repair_one(void *arg, void *value)
{
	struct repair *r = arg;
	struct drift *d = value;

	if ((r->path && strcmp(r->path, d->path) != 0) || d->what == LOCAL_RESTORED)
		return;
	d->version = 0;
	record(r->inv, d);
	r->n++;
}

unsigned drift_repair(struct inventory *inv, const char *path)
{
	struct repair r = {inv, path, 0};

	strmap_each(&inv->drift, repair_one, &r);
	return r.n;
}

struct foreign {
	const struct inventory *inv;
	uint64_t n, max;
	drift_path_fn *fn;
	void *arg;
};

static void count_foreign(void *arg, void *value)
{
	const struct inventory_item *item = value;
	struct foreign *f = arg;

	if (!is_foreign(f->inv, item->path))
		return;
	if (f->n++ < f->max)
		f->fn(f->arg, item->path);
}

uint64_t drift_foreign(const struct inventory *inv, uint64_t max, drift_path_fn *fn, void *arg)
{
	struct foreign f = {.inv = inv, .max = max, .fn = fn, .arg = arg};

	strmap_each((struct strmap *)&inv->items, count_foreign, &f);
	return f.n;
}
