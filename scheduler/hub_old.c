/*
 * hub_old.c: see hub_old.h. A content is looked for by its root among the current versions of all
 * groups (the old file under its own name, when a changed copy came under another) and among those
 * that jobs still bring. Asked once for each base of a bundle, so a pass over the catalog is cheap
 * enough.
 */
#include "scheduler/hub_old.h"

#include <errno.h>
#include <string.h>

#include "scheduler/generation.h"
#include "scheduler/hub_jobs.h"

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
	struct hub_group *g;
	struct hub_spoke *s;
	struct job *j;

	TAILQ_FOREACH (g, &h->groups, entry)
		strmap_each(&g->files, look_at_file, &l);
	TAILQ_FOREACH (s, &h->spokes, entry)
		TAILQ_FOREACH (j, &s->state->jobs, by_spoke)
			if (hub_job_of(j))
				look_at(&l, hub_job_of(j)->version);
	if (l.fd < 0)
		return -ENOENT;
	*ret_fd = l.fd;
	return 0;
}
