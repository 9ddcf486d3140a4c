/*
 * hub_old.c: see hub_old.h. A content is looked for by its root among the current versions of all
 * groups (the old file under its own name, when a changed copy came under another), among those
 * that jobs still bring, and among the kept. Asked once for each base of a bundle, so a pass over
 * the catalog is cheap enough.
 *
 * What a generation costs are its blocks that the next newer one has not, counted in the indexes:
 * up to some 100 MB of each to read, so by a worker. Until it is counted it costs nothing.
 */
#include "scheduler/hub_old.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/catalog.h"
#include "scheduler/generation.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/log.h"

struct hub_old {
	struct hub_version *hv;
	uint64_t cost; /* bytes */
	uint64_t than; /* the version that it is, or is being, compared with */
	struct reckoning *reckoning;
	TAILQ_ENTRY(hub_old) entry;
};

struct reckoning {
	struct work work;
	struct hub_old *old; /* NULL: nobody wants to know any more */
	int index_dirfd;
	struct hash was, is;
	uint64_t cost;
};

struct looking {
	const struct hash *root;
	int fd;
};

static void look_at(struct looking *l, struct hub_version *hv)
{
	if (l->fd >= 0 || !hv || hv->v->deleted || !hv->v->indexed ||
	    memcmp(hv->v->root, l->root->b, HASH_SIZE) != 0)
		return;
	if (generation_open(hv, &l->fd) < 0)
		l->fd = -1;
}

static void look_at_file(void *arg, void *value)
{
	look_at(arg, ((const struct hub_file *)value)->current);
}

int hub_old_bytes(void *arg, const struct hash *root, int *ret_fd)
{
	struct looking l = {.root = root, .fd = -1};
	struct hub *h = arg;
	struct hub_old *old;
	struct hub_group *g;
	struct hub_spoke *s;
	struct job *j;

	TAILQ_FOREACH (g, &h->groups, entry) {
		strmap_each(&g->files, look_at_file, &l);
		TAILQ_FOREACH (old, &g->old, entry)
			look_at(&l, old->hv);
	}
	TAILQ_FOREACH (s, &h->spokes, entry)
		TAILQ_FOREACH (j, &s->state->jobs, by_spoke)
			if (hub_job_of(j))
				look_at(&l, hub_job_of(j)->version);
	if (l.fd < 0)
		return -ENOENT;
	*ret_fd = l.fd;
	return 0;
}

static struct hub_old *older_of(const struct hub_old *old)
{
	struct hub_old *o = TAILQ_PREV(old, hub_old_list, entry);

	while (o && strcmp(o->hv->v->path, old->hv->v->path))
		o = TAILQ_PREV(o, hub_old_list, entry);
	return o;
}

static const struct hub_version *newer_than(const struct hub_old *old)
{
	const struct hub_version *hv = old->hv;
	const struct hub_old *o = TAILQ_NEXT(old, entry);
	const struct hub_file *f;

	while (o && strcmp(o->hv->v->path, hv->v->path))
		o = TAILQ_NEXT(o, entry);
	if (o)
		return o->hv;
	f = catalog_get(hv->group, hv->v->path);
	return f ? f->current : NULL;
}

static struct index *index_of(const struct reckoning *x, const struct hash *root)
{
	char name[HASH_HEX + 1];
	struct index *ret;

	return index_open(x->index_dirfd, hash_hex(root, name), &ret, NULL) < 0 ? NULL : ret;
}

static void reckoning_run(struct work *w)
{
	struct reckoning *x = container_of(w, struct reckoning, work);
	struct index *was = index_of(x, &x->was), *is = index_of(x, &x->is);

	if (was && is) {
		uint64_t cost = index_blocks_unlike(was, is) * BLOCK_SIZE;

		if (index_sound(was) && index_sound(is))
			x->cost = MIN(x->cost, cost);
	}
	index_unref(was);
	index_unref(is);
	close(x->index_dirfd);
}

static void make_room(struct hub *h);

static void reckoning_done(struct work *w)
{
	struct reckoning *x = container_of(w, struct reckoning, work);
	struct hub_old *old = x->old;

	if (old) {
		old->cost = x->cost;
		old->reckoning = NULL;
		make_room(old->hv->group->hub);
	}
	free(x);
}

/* Finds out what it costs, unless that is known: again when another is the next newer one. */
static void reckon(struct hub_old *old)
{
	const struct hub_version *hv = old->hv, *newer = newer_than(old);
	struct hub *h = hv->group->hub;
	struct reckoning *x;
	int fd = -1;

	if (h->stopping || (newer && newer->v->id == old->than))
		return;
	if (old->reckoning)
		old->reckoning->old = NULL;
	old->reckoning = NULL;
	old->than = newer ? newer->v->id : 0;
	if (newer && !newer->v->deleted)
		fd = fcntl(h->index_dirfd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) {
		old->cost = hv->v->nonzero;
		return;
	}
	x = old->reckoning = xcalloc(1, sizeof(*x));
	x->old = old;
	x->index_dirfd = fd;
	x->cost = hv->v->nonzero;
	memcpy(x->was.b, hv->v->root, HASH_SIZE);
	memcpy(x->is.b, newer->v->root, HASH_SIZE);
	x->work = (struct work){.run = reckoning_run, .done = reckoning_done};
	pool_submit(h->d->pool, NULL, &x->work);
}

static void old_free(struct hub_old *old)
{
	struct hub_old *older = older_of(old);

	if (old->reckoning)
		old->reckoning->old = NULL;
	TAILQ_REMOVE(&old->hv->group->old, old, entry);
	if (older)
		reckon(older);
	hub_version_unref(old->hv);
	free(old);
}

/* The oldest of all groups; *ret_total: what all of them cost. */
static struct hub_old *oldest_of(struct hub *h, uint64_t *ret_total)
{
	struct hub_old *old, *oldest = NULL;
	struct hub_group *g;

	*ret_total = 0;
	TAILQ_FOREACH (g, &h->groups, entry) {
		TAILQ_FOREACH (old, &g->old, entry)
			*ret_total += old->cost;
		old = TAILQ_FIRST(&g->old);
		if (old && (!oldest || old->hv->v->id < oldest->hv->v->id))
			oldest = old;
	}
	return oldest;
}

static void make_room(struct hub *h)
{
	struct hub_old *old;
	uint64_t total;

	while ((old = oldest_of(h, &total)) && total > h->d->config->generations_max) {
		log_info("group %s: %s: the old bytes of version %llu go: generations_max",
			 old->hv->group->name, old->hv->v->path,
			 (unsigned long long)old->hv->v->id);
		old_free(old);
	}
}

void hub_old_keep(struct hub_version *hv, const struct hub_version *newer)
{
	struct hub_group *g = hv->group;
	struct hub_old *old, *after, *older;

	if (g->hub->stopping || !hv->generation || !hv->v->indexed || hv->v->deleted ||
	    hv->v->size == 0)
		return;
	/* Only the mode or the mtime changed: the newer one has the same bytes. */
	if (newer->generation && newer->v->indexed &&
	    memcmp(newer->v->root, hv->v->root, HASH_SIZE) == 0)
		return;
	old = xcalloc(1, sizeof(*old));
	old->hv = hub_version_ref(hv);
	/* In the order of their ids, also when they come from the database. */
	after = TAILQ_LAST(&g->old, hub_old_list);
	while (after && after->hv->v->id > hv->v->id)
		after = TAILQ_PREV(after, hub_old_list, entry);
	if (after)
		TAILQ_INSERT_AFTER(&g->old, after, old, entry);
	else
		TAILQ_INSERT_HEAD(&g->old, old, entry);
	reckon(old);
	older = older_of(old);
	if (older)
		reckon(older);
	make_room(g->hub);
}

void hub_old_sweep(struct hub_group *g, bool (*needed)(void *arg, const struct hash *root),
		   void *arg)
{
	struct hub_old *old, *next;

	for (old = TAILQ_FIRST(&g->old); old; old = next) {
		struct hash root;

		next = TAILQ_NEXT(old, entry);
		memcpy(root.b, old->hv->v->root, HASH_SIZE);
		if (!needed(arg, &root))
			old_free(old);
	}
}

void hub_old_each(struct hub_group *g, void (*fn)(void *arg, struct hub_version *hv), void *arg)
{
	struct hub_old *old;

	TAILQ_FOREACH (old, &g->old, entry)
		fn(arg, old->hv);
}

void hub_old_drop(struct hub_group *g)
{
	struct hub_old *old;

	while ((old = TAILQ_FIRST(&g->old)))
		old_free(old);
}
