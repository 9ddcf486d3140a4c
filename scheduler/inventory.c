/*
 * inventory.c: see inventory.h.
 */
#include "scheduler/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct share *share_get(struct hub_spoke *s, const char *group)
{
	struct share *share;

	TAILQ_FOREACH (share, &s->shares, entry)
		if (!strcmp(share->group, group))
			return share;
	return NULL;
}

struct share *share_make(struct hub_spoke *s, const char *group)
{
	struct share *share = share_get(s, group);

	if (share)
		return share;
	share = xcalloc(1, sizeof(*share));
	share->spoke = s;
	share->group = xstrdup(group);
	TAILQ_INSERT_TAIL(&s->shares, share, entry);
	return share;
}

static void item_free(void *arg, void *value)
{
	(void)arg;
	free(value);
}

static void share_empty(struct share *s)
{
	strmap_each(&s->items, item_free, NULL);
	strmap_done(&s->items);
}

struct share *share_free(struct share *s)
{
	if (!s)
		return NULL;
	TAILQ_REMOVE(&s->spoke->shares, s, entry);
	share_empty(s);
	free(s->group);
	free(s);
	return NULL;
}

const struct share_item *share_item(const struct share *s, const char *path)
{
	return strmap_get(&s->items, path);
}

void share_restore(struct share *s, const struct wire_entry *e, uint64_t told)
{
	struct share_item *item = strmap_get(&s->items, e->path);
	size_t size = sizeof(*item) + strlen(e->path) + 1;

	if (item) {
		strmap_remove(&s->items, item->path);
		free(item);
	}
	if (e->gone)
		return;
	item = xcalloc(1, size);
	memcpy(item->path, e->path, size - sizeof(*item));
	item->root = e->root;
	item->size = e->size;
	item->mtime = e->mtime;
	item->mode = e->mode;
	item->told = told;
	strmap_put(&s->items, item->path, item);
}

void share_put(struct share *s, const struct wire_entry *e, uint64_t told)
{
	const struct share_item *old = share_item(s, e->path);
	struct hub *h = s->spoke->hub;

	/* What it was given stays known while the content is the same, whatever mtime and mode its
	 * filesystem, or a mode of its own configuration, made of it. */
	if (!told && old && !e->gone && hash_equal(&old->root, &e->root))
		told = old->told;
	share_restore(s, e, told);
	hub_tx(h);
	hub_recorded(h, db_inventory_put(h->db, s->spoke->name, s->group, e, told), "an inventory");
}

void share_clear(struct share *s)
{
	struct hub *h = s->spoke->hub;

	share_empty(s);
	hub_tx(h);
	hub_recorded(h, db_inventory_clear(h->db, s->spoke->name, s->group), "an inventory");
}

void share_position(struct share *s, const char *epoch, uint64_t seq)
{
	struct hub *h = s->spoke->hub;

	if (epoch != s->epoch)
		snprintf(s->epoch, sizeof(s->epoch), "%s", epoch);
	s->seq = seq;
	hub_tx(h);
	hub_recorded(h, db_inventory_position(h->db, s->spoke->name, s->group, s->epoch, seq),
		     "an inventory");
}

bool share_has_content(const struct share *s, const struct version *v)
{
	const struct share_item *item = share_item(s, v->path);

	if (v->deleted || !item)
		return v->deleted && !item;
	return !memcmp(item->root.b, v->root, HASH_SIZE);
}

bool share_has(const struct share *s, const struct version *v)
{
	const struct share_item *item = share_item(s, v->path);

	if (!share_has_content(s, v))
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
	const struct share_item *item = value;
	struct search *s = arg;

	if (hash_equal(&item->root, s->root))
		s->path = item->path;
}

const char *share_path_of(const struct share *s, const struct hash *root)
{
	struct search search = {.root = root};

	strmap_each((struct strmap *)&s->items, search_root, &search);
	return search.path;
}

static void collect_root(void *arg, void *value)
{
	const struct share_item *item = value;
	struct search *s = arg;

	s->roots[s->n++] = item->root;
}

static int compare_roots(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash));
}

/* Sorted, so that spokes in the same state get the same bases and share one bundle. */
struct hash *share_roots(const struct share *s, size_t *ret_n)
{
	struct search c = {.roots = xcalloc(s->items.n + 1, sizeof(struct hash))};
	size_t n = 0;

	strmap_each((struct strmap *)&s->items, collect_root, &c);
	qsort(c.roots, c.n, sizeof(*c.roots), compare_roots);
	for (size_t i = 0; i < c.n; i++)
		if (!n || !hash_equal(&c.roots[n - 1], &c.roots[i]))
			c.roots[n++] = c.roots[i];
	*ret_n = n;
	return c.roots;
}
