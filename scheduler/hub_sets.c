/*
 * hub_sets.c: see hub_sets.h. The sets of a group are found anew, all of them, when its names have
 * changed, at most once a turn; whether one is whole is looked at when one of its files has
 * changed.
 */
#include "scheduler/hub_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/match.h"
#include "policy/sets.h"
#include "scheduler/canary.h"
#include "scheduler/catalog.h"
#include "scheduler/drift.h"
#include "scheduler/hub.h"
#include "scheduler/inventory.h"
#include "scheduler/reconcile.h"
#include "transfer/durable.h"

static bool group_has_sets(const struct hub_group *g)
{
	return g->cfg->publish != PUBLISH_FILE;
}

void hub_sets_changed(struct hub_group *g)
{
	g->sets_changed = true;
}

void hub_sets_touch(struct hub_file *f)
{
	if (!f->set)
		return;
	f->set->look = true;
	f->group->sets_look = true;
}

void hub_sets_version(struct hub_file *f, const struct hub_version *old)
{
	static const struct ties none;

	if (!ties_same(&f->current->ties, old ? &old->ties : &none) || f->current->v->deleted ||
	    (old && old->v->deleted))
		hub_sets_changed(f->group);
	hub_sets_touch(f);
	if (f->set)
		f->set->tell = true;
}

void hub_sets_drop(struct hub_file *f)
{
	for (size_t i = 0; f->set && i < f->set->n; i++)
		if (f->set->files[i] == f)
			f->set->files[i] = NULL;
	f->set = NULL;
	hub_sets_changed(f->group);
}

static void set_free(struct hub_group *g, struct hub_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->files[i] && s->files[i]->set == s)
			s->files[i]->set = NULL;
	TAILQ_REMOVE(&g->sets, s, entry);
	core_set_free(g->hub->core, s->core);
	free(s->files);
	free(s->name);
	free(s);
}

void hub_sets_free(struct hub_group *g)
{
	while (!TAILQ_EMPTY(&g->sets))
		set_free(g, TAILQ_FIRST(&g->sets));
}

/* One that was catalogued by an older program: what it says of others is read now, once. */
static void learn_ties(struct hub_file *f)
{
	struct hub_version *hv = f->current;
	int fd;

	if (ties_known(&hv->ties) || hv->v->deleted || f->state != FILE_CURRENT ||
	    f->group->dirfd < 0)
		return;
	if (beneath_open(f->group->dirfd, f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd) < 0)
		return;
	ties_done(&hv->ties);
	(void)ties_read(fd, f->path, &hv->ties);
	close(fd);
	hub_tx(f->group->hub);
	hub_recorded(f->group->hub, db_versions_ties(f->group->hub->db, hv->v->id, &hv->ties),
		     f->path);
}

struct collect {
	struct hub_group *g;
	struct set_item *items;
	struct hub_file **files;
	size_t n;
};

static void collect_file(void *arg, void *value)
{
	struct collect *c = arg;
	struct hub_file *f = value;
	struct set_item *x = &c->items[c->n];
	char *key = NULL;

	f->set = NULL;
	f->up = NULL;
	if (f->state == FILE_SKIPPED)
		return;
	if (f->current)
		learn_ties(f);
	*x = (struct set_item){.path = f->path};
	if (f->current) {
		x->parent = f->current->ties.parent;
		x->names = f->current->ties.names;
		x->gone = f->current->v->deleted && f->state == FILE_CURRENT;
	}
	if (c->g->cfg->set && !canary_is(f->path) && match_first(c->g->cfg->set, f->path, &key) > 0)
		x->key = key;
	c->files[c->n++] = f;
}

static int by_set(const void *a, const void *b, void *arg)
{
	const size_t *x = a, *y = b;
	const struct set_item *items = arg;

	if (items[*x].set != items[*y].set)
		return items[*x].set < items[*y].set ? -1 : 1;
	return sets_before(&items[*x], &items[*y]) ? -1 : sets_before(&items[*y], &items[*x]);
}

static struct hub_set *set_take(struct hub_group *g, struct strmap *old, const char *name)
{
	struct hub_set *s = strmap_remove(old, name);

	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->name = xstrdup(name);
		s->core = core_set_new(g->hub->core, g->name);
	} else {
		TAILQ_REMOVE(&g->sets, s, entry);
		free(s->files);
	}
	s->n = 0;
	s->files = NULL;
	s->look = true;
	return s;
}

/* The files order[0..n-1] are one set. */
static struct hub_set *set_make(const struct collect *c, struct strmap *old, const size_t *order,
				size_t n)
{
	const struct set_item *first = &c->items[order[0]];
	struct hub_set *s = set_take(c->g, old, first->key ? first->key : first->path);

	s->files = xcalloc(n, sizeof(struct hub_file *));
	for (size_t i = 0; i < n; i++) {
		const struct set_item *x = &c->items[order[i]];
		struct hub_file *f = c->files[order[i]];

		f->set = s;
		f->set_rank = (uint8_t)x->rank;
		f->orphan = x->orphan;
		free(f->missing);
		f->missing = x->missing
				     ? xasprintf("%.*s", (int)strcspn(x->missing, "\n"), x->missing)
				     : NULL;
		f->up = x->up == SET_NONE ? NULL : c->files[x->up];
		s->files[s->n++] = f;
	}
	return s;
}

static void make_all(const struct collect *c)
{
	struct hub_group *g = c->g;
	size_t *order = xcalloc(c->n + 1, sizeof(*order));
	struct hub_set_list made = TAILQ_HEAD_INITIALIZER(made);
	struct strmap old = {0};
	struct hub_set *s;

	TAILQ_FOREACH (s, &g->sets, entry)
		strmap_put(&old, s->name, s);
	for (size_t i = 0; i < c->n; i++)
		order[i] = i;
	qsort_r(order, c->n, sizeof(*order), by_set, c->items);
	for (size_t i = 0, n; i < c->n; i += n) {
		for (n = 1; i + n < c->n; n++)
			if (c->items[order[i + n]].set != c->items[order[i]].set)
				break;
		s = set_make(c, &old, order + i, n);
		TAILQ_INSERT_TAIL(&made, s, entry);
	}
	hub_sets_free(g); /* those that are no more */
	TAILQ_CONCAT(&g->sets, &made, entry);
	strmap_done(&old);
	free(order);
}

static void find_sets(struct hub_group *g)
{
	struct collect c = {.g = g,
			    .items = xcalloc(g->files.n + 1, sizeof(struct set_item)),
			    .files = xcalloc(g->files.n + 1, sizeof(struct hub_file *))};

	strmap_each(&g->files, collect_file, &c);
	sets_find(c.items, c.n, !g->cfg->set);
	make_all(&c);
	for (size_t i = 0; i < c.n; i++)
		free((char *)c.items[i].key);
	free(c.items);
	free(c.files);
	g->sets_look = true;
}

/* The members as the core has them: what is, or was, catalogued of each. */
static void tell(struct hub_group *g, struct hub_set *s)
{
	struct version **v = xcalloc(s->n + 1, sizeof(struct version *));
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->files[i]->current)
			v[n++] = s->files[i]->current->v;
	s->tell = false;
	core_set_tell(g->hub->core, s->core, s->name, v, n);
	free(v);
}

static const struct hash *root_of(const struct hub_file *f)
{
	return (const struct hash *)(const void *)f->current->v->root;
}

static void rest_on(struct hub_file *f)
{
	struct hub *h = f->group->hub;

	f->current->rests = true;
	f->current->rests_on = *root_of(f->up);
	hub_tx(h);
	hub_recorded(h, db_versions_rests(h->db, f->current->v->id, root_of(f->up)), f->path);
}

/* What this settled file rests on is not in the group. */
static void orphan_why(const struct hub_file *f, char *why, size_t size)
{
	if (f->missing)
		snprintf(why, size,
			 "%s: it lists %s, which is not in the group: bring that, or a manifest "
			 "without it, or force it by 'spokesync publish %s %s --force'",
			 f->path, f->missing, f->group->name, f->path);
	else if (f->current->ties.parent && !strcmp(f->current->ties.parent, TIES_UNTOLD))
		snprintf(why, size,
			 "%s: it holds the differences from another image, and its headers do not "
			 "tell from which: bring one that names it, or force it by 'spokesync "
			 "publish %s %s --force'",
			 f->path, f->group->name, f->path);
	else if (f->current->ties.parent && f->current->ties.parent[0])
		snprintf(why, size, "%s: its parent %s is not in the group", f->path,
			 f->current->ties.parent);
	else
		snprintf(why, size, "%s: the image that it belongs to is not there", f->path);
}

/* By their identifiers the image of that name is not the one that this one was made from. */
static bool not_its_parent(const struct hub_file *f)
{
	return container_format(f->path) == container_format(f->up->path) &&
	       container_match(&f->current->ties.ids, &f->up->current->ties.ids) == MATCH_NO;
}

/* Why this settled file holds its set, or false. */
static bool file_holds(struct hub_set *s, struct hub_file *f, char *why, size_t size)
{
	if (f->current->v->deleted)
		return false;
	if (f->orphan && !s->core->forced) {
		orphan_why(f, why, size);
		return true;
	}
	if (!f->up || f->up->current->v->deleted)
		return false;
	if (!f->current->rests && !s->core->forced && not_its_parent(f)) {
		snprintf(why, size,
			 "%s: %s is not the image that it was made from, by their identifiers: "
			 "bring that, or force it by 'spokesync publish %s %s --force'",
			 f->path, f->up->path, f->group->name, f->path);
		return true;
	}
	if (!f->current->rests || s->core->forced)
		rest_on(f);
	if (hash_equal(&f->current->rests_on, root_of(f->up)))
		return false;
	snprintf(why, size,
		 "%s was changed in place while %s holds differences from what it was: replace "
		 "that as well, or force it by 'spokesync publish %s %s --force'",
		 f->up->path, f->path, f->group->name, f->path);
	return true;
}

static bool unsettled(const struct hub_file *f, char *why, size_t size)
{
	const char *words = f->words;

	if (f->state == FILE_CURRENT)
		return false;
	if (!words)
		words = f->state == FILE_SETTLING ? settle_words(&f->settle) : "it is being read";
	snprintf(why, size, "%s: %s", f->path, words);
	return true;
}

static void look(struct hub_group *g, struct hub_set *s)
{
	char why[WIRE_PATH_MAX * 3 + 600] = "";

	s->look = false;
	if (!g->scan_ended)
		snprintf(why, sizeof(why), "its files are still being looked at");
	else if (g->problem[0])
		snprintf(why, sizeof(why), "group %s stands still: %s", g->name, g->problem);
	for (size_t i = 0; i < s->n && !why[0]; i++)
		(void)unsettled(s->files[i], why, sizeof(why));
	/* Only of a set that is at rest is known what rests on what. */
	for (size_t i = 0; i < s->n && !why[0]; i++)
		(void)file_holds(s, s->files[i], why, sizeof(why));
	core_set_hold(g->hub->core, s->core, why);
}

static void turn_group(struct hub_group *g)
{
	bool all = g->sets_changed;
	struct hub_set *s;

	if (!group_has_sets(g)) {
		hub_sets_free(g);
		g->sets_changed = g->sets_look = false;
		return;
	}
	if (g->sets_changed) {
		g->sets_changed = false;
		find_sets(g);
		reconcile_group_deletions(g);
	}
	if (!g->sets_look)
		return;
	g->sets_look = false;
	TAILQ_FOREACH (s, &g->sets, entry) {
		if (all || s->tell)
			tell(g, s);
		if (all || s->look)
			look(g, s);
	}
}

bool hub_sets_amiss(const struct spoke_state *sp, const struct version *v, char *why, size_t size)
{
	struct inventory *inv = inventory_get(sp->user, v->group);
	const struct drift *d = inv ? drift_of(inv, v->path) : NULL;

	if (!d || !drift_holds(inv, v) || inventory_has_content(inv, v))
		return false;
	snprintf(why, size, "%.100s is %s on %.64s: %s", path_last(v->path),
		 wire_local_word(d->what), sp->name, drift_words(inv, d));
	return true;
}

void hub_sets_turn(struct hub *h)
{
	struct hub_group *g;

	TAILQ_FOREACH (g, &h->groups, entry)
		turn_group(g);
}

int hub_force(struct hub *h, const char *group, const char *path, char *ret_why, size_t size)
{
	struct hub_group *g = hub_group(h, group);
	struct hub_file *f = g ? catalog_get(g, path) : NULL;
	struct hub_set *s;

	hub_sets_turn(h);
	s = f ? f->set : NULL;
	if (!s)
		return -ENOENT;
	snprintf(ret_why, size, "%s", s->core->why);
	core_set_force(h->core, s->core);
	look(g, s);
	hub_kick(h);
	return 0;
}
