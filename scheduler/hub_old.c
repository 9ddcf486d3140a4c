/*
 * hub_old.c: see hub_old.h. A content is looked for by its root among the current versions of all
 * groups (the old file under its own name, when a changed copy came under another), among those
 * that jobs still bring, and among the kept. Asked once for each base of a bundle, so a pass over
 * the catalog is cheap enough.
 *
 * What a generation costs is reckoned by whole nodes that differ from the newer version's, from the
 * indexes: at most too much.
 */
#include "scheduler/hub_old.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/catalog.h"
#include "scheduler/generation.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/log.h"

struct hub_old {
	struct hub_version *hv;
	uint64_t cost; /* bytes */
	TAILQ_ENTRY(hub_old) entry;
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

static struct index *index_of(const struct hub_version *hv)
{
	char name[HASH_HEX + 1];
	struct index *x;
	struct hash root;

	memcpy(root.b, hv->v->root, HASH_SIZE);
	return index_open(hv->group->hub->index_dirfd, hash_hex(&root, name), &x, NULL) < 0 ? NULL
											    : x;
}

static uint64_t cost_of(const struct hub_version *hv, const struct hub_version *newer)
{
	struct index *was = index_of(hv), *is = newer->v->deleted ? NULL : index_of(newer);
	uint64_t common, nodes = nodes_of(hv->v->size), n = nodes;

	common = was && is ? MIN(nodes, nodes_of(newer->v->size)) : 0;
	for (uint64_t i = 0; i < common; i++)
		n -= hash_equal(index_node(was, i), index_node(is, i));
	index_unref(was);
	index_unref(is);
	return MIN(n * NODE_SIZE, hv->v->nonzero);
}

static void old_free(struct hub_old *old)
{
	TAILQ_REMOVE(&old->hv->group->old, old, entry);
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
	struct hub_old *old, *after;

	if (g->hub->stopping || !hv->generation || !hv->v->indexed || hv->v->deleted ||
	    hv->v->size == 0)
		return;
	/* Only the mode or the mtime changed: the newer one has the same bytes. */
	if (newer->generation && newer->v->indexed &&
	    memcmp(newer->v->root, hv->v->root, HASH_SIZE) == 0)
		return;
	old = xcalloc(1, sizeof(*old));
	old->hv = hub_version_ref(hv);
	old->cost = cost_of(hv, newer);
	/* In the order of their ids, also when they come from the database. */
	after = TAILQ_LAST(&g->old, hub_old_list);
	while (after && after->hv->v->id > hv->v->id)
		after = TAILQ_PREV(after, hub_old_list, entry);
	if (after)
		TAILQ_INSERT_AFTER(&g->old, after, old, entry);
	else
		TAILQ_INSERT_HEAD(&g->old, old, entry);
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
