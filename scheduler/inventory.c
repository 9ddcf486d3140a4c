/*
 * inventory.c: see inventory.h.
 */
#include "scheduler/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/catalog.h"
#include "scheduler/core_sets.h"
#include "scheduler/drift.h"
#include "scheduler/hub_log.h"

#define BYTES_MOST   (32 * MIB) /* some 200,000 files */
#define RETIMES_MOST 3u		/* of a content, in a run of the hub */

struct inventory *inventory_get(struct hub_spoke *s, const char *group)
{
	struct inventory *inv;

	TAILQ_FOREACH (inv, &s->inventories, entry)
		if (!strcmp(inv->group, group))
			return inv;
	return NULL;
}

struct inventory *inventory_make(struct hub_spoke *s, const char *group)
{
	struct inventory *inv = inventory_get(s, group);

	if (inv)
		return inv;
	inv = xcalloc(1, sizeof(*inv));
	inv->spoke = s;
	inv->group = xstrdup(group);
	inv->put_at = daemon_now().mono;
	TAILQ_INSERT_TAIL(&s->inventories, inv, entry);
	return inv;
}

static void inventory_empty(struct inventory *s)
{
	strmap_done_free(&s->items);
	s->bytes = 0;
}

bool inventory_too_large(const struct inventory *s)
{
	return s->bytes > BYTES_MOST;
}

struct inventory *inventory_free(struct inventory *s)
{
	if (!s)
		return NULL;
	TAILQ_REMOVE(&s->spoke->inventories, s, entry);
	inventory_empty(s);
	drift_clear(s);
	free(s->preserved);
	free(s->group);
	free(s);
	return NULL;
}

const struct inventory_item *inventory_item(const struct inventory *s, const char *path)
{
	return strmap_get(&s->items, path);
}

const struct version *inventory_current(const struct inventory *s, const char *path)
{
	struct hub_group *g = hub_group(s->spoke->hub, s->group);
	const struct hub_file *f = g ? catalog_get(g, path) : NULL;

	return f && f->current ? f->current->v : NULL;
}

void inventory_restore(struct inventory *s, const struct wire_entry *e, uint64_t told)
{
	struct inventory_item *item = strmap_get(&s->items, e->path);
	size_t size = sizeof(*item) + strlen(e->path) + 1;

	if (item) {
		strmap_remove(&s->items, item->path);
		free(item);
		s->bytes -= size;
	}
	if (e->gone)
		return;
	item = xcalloc(1, size);
	s->bytes += size;
	memcpy(item->path, e->path, size - sizeof(*item));
	item->root = e->root;
	item->size = e->size;
	item->mtime = e->mtime;
	item->mode = e->mode;
	item->told = told;
	strmap_put(&s->items, item->path, item);
}

/* Somebody there changed the time of what is current: it is not as it was published any more. Not
 * where a filesystem keeps whole seconds, or every other one, and not while something is on its way
 * to that name. */
static bool retimed(const struct inventory *s, const struct inventory_item *old,
		    const struct wire_entry *e)
{
	int64_t by = e->mtime.sec - old->mtime.sec;
	const struct version *v;
	const struct job *j;

	if (!old->told || e->local != LOCAL_NOT || (by >= -2 && by <= 2))
		return false;
	v = inventory_current(s, e->path);
	j = core_job_of(s->spoke->hub->core, s->spoke->name, s->group, e->path);
	return v && v->id == old->told && (!j || job_over(j));
}

/* Its time is set again: some times, since whoever changes it may do so after each publication. */
static bool retime(struct inventory *s, struct inventory_item *old, const struct wire_entry *e)
{
	const struct group_cfg *g = config_group(s->spoke->hub->d->config, s->group);
	bool again = g && g->drift == DRIFT_REPAIR && old->retimes < RETIMES_MOST;

	old->retimes += again;
	hub_log_drift(s, e->path, EVENT_DRIFT, "retimed",
		      again			    ? "its time is set again"
		      : old->retimes < RETIMES_MOST ? "it is left"
						    : "it is left: somebody changes it each time");
	return again;
}

void inventory_put(struct inventory *s, const struct wire_entry *e, uint64_t told)
{
	struct inventory_item *item = strmap_get(&s->items, e->path);
	struct hub *h = s->spoke->hub;
	unsigned retimes = 0;

	if (told)
		drift_over(s, e->path);
	/* What it was given stays known while the content is the same, whatever mode its
	 * filesystem, or a mode of its own configuration, made of it. */
	if (item && !e->gone && hash_equal(&item->root, &e->root)) {
		if (!told && !(retimed(s, item, e) && retime(s, item, e)))
			told = item->told;
		retimes = item->retimes;
	}
	inventory_restore(s, e, told);
	item = strmap_get(&s->items, e->path);
	if (item)
		item->retimes = retimes;
	core_sets_look(h->core);
	hub_tx(h);
	hub_recorded(h, db_inventory_put(h->db, s->spoke->name, s->group, e, told), "an inventory");
}

void inventory_clear(struct inventory *s)
{
	struct hub *h = s->spoke->hub;

	inventory_empty(s);
	hub_tx(h);
	hub_recorded(h, db_inventory_clear(h->db, s->spoke->name, s->group), "an inventory");
}

void inventory_position(struct inventory *s, const char *epoch, uint64_t seq)
{
	struct hub *h = s->spoke->hub;

	if (epoch != s->epoch)
		snprintf(s->epoch, sizeof(s->epoch), "%s", epoch);
	s->seq = seq;
	hub_tx(h);
	hub_recorded(h, db_inventory_position(h->db, s->spoke->name, s->group, s->epoch, seq),
		     "an inventory");
}

/* ---- what is in preserved/ there ---- */

static int compare_roots(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash));
}

bool inventory_preserved_restore(struct inventory *s, const struct hash *root)
{
	unsigned at = 0;
	int order = 1;

	while (at < s->n_preserved && (order = compare_roots(&s->preserved[at], root)) < 0)
		at++;
	if (s->n_preserved == WIRE_PRESERVED_MAX || order == 0)
		return false;
	if (!s->preserved)
		s->preserved = xcalloc(WIRE_PRESERVED_MAX, sizeof(*s->preserved));
	memmove(&s->preserved[at + 1], &s->preserved[at],
		(s->n_preserved - at) * sizeof(*s->preserved));
	s->preserved[at] = *root;
	s->n_preserved++;
	return true;
}

void inventory_preserved_add(struct inventory *s, const struct hash *root)
{
	struct hub *h = s->spoke->hub;

	if (!inventory_preserved_restore(s, root))
		return;
	hub_tx(h);
	hub_recorded(h, db_preserved_put(h->db, s->spoke->name, s->group, root), "an inventory");
}

void inventory_preserved(struct inventory *s, const struct hash *roots, unsigned n)
{
	struct hub *h = s->spoke->hub;

	if (n == s->n_preserved && (!n || !memcmp(s->preserved, roots, n * sizeof(*roots))))
		return;
	free(s->preserved);
	s->preserved = NULL;
	s->n_preserved = 0;
	hub_tx(h);
	hub_recorded(h, db_preserved_clear(h->db, s->spoke->name, s->group), "an inventory");
	for (unsigned i = 0; i < n; i++)
		inventory_preserved_add(s, &roots[i]);
}

bool inventory_preserved_told(const struct inventory *s, const struct wire_group *w)
{
	struct hash tag;

	if (!w->has_preserved)
		return s->n_preserved == 0;
	wire_preserved_tag(s->preserved, s->n_preserved, &tag);
	return hash_equal(&tag, &w->preserved_tag);
}

bool inventory_has_content(const struct inventory *s, const struct version *v)
{
	const struct inventory_item *item = inventory_item(s, v->path);

	if (v->deleted || !item)
		return v->deleted && !item;
	return !memcmp(item->root.b, v->root, HASH_SIZE);
}

bool inventory_has(const struct inventory *s, const struct version *v)
{
	const struct inventory_item *item = inventory_item(s, v->path);

	if (!inventory_has_content(s, v))
		return false;
	if (v->deleted || item->told == v->id)
		return true;
	return item->mtime.sec == v->mtime_s && item->mtime.nsec == v->mtime_ns &&
	       item->mode == v->mode;
}

struct search {
	const struct hash *root;
	const char *path;
	struct hash *roots;
	size_t n;
};

static void search_root(void *arg, void *value)
{
	const struct inventory_item *item = value;
	struct search *s = arg;

	if (hash_equal(&item->root, s->root))
		s->path = item->path;
}

const char *inventory_path_of(const struct inventory *s, const struct hash *root)
{
	struct search search = {.root = root};

	strmap_each((struct strmap *)&s->items, search_root, &search);
	return search.path;
}

static void collect_root(void *arg, void *value)
{
	const struct inventory_item *item = value;
	struct search *s = arg;

	s->roots[s->n++] = item->root;
}

/* Sorted, so that spokes in the same state get the same bases and share one bundle. */
struct hash *inventory_roots(const struct inventory *s, size_t *ret_n)
{
	struct search c = {.roots = xcalloc(s->items.n + s->n_preserved + 1,
					    sizeof(struct hash))}; /* one to spare */
	size_t n = 0;

	strmap_each((struct strmap *)&s->items, collect_root, &c);
	for (unsigned i = 0; i < s->n_preserved; i++)
		c.roots[c.n++] = s->preserved[i];
	qsort(c.roots, c.n, sizeof(*c.roots), compare_roots);
	for (size_t i = 0; i < c.n; i++)
		if (!n || !hash_equal(&c.roots[n - 1], &c.roots[i]))
			c.roots[n++] = c.roots[i];
	*ret_n = n;
	return c.roots;
}
