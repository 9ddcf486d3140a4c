/*
 * spoke_index.c: files of a group's directory that the spoke does not know are read, one at a time,
 * and listed with their contents. What is to be read is found by spoke_scan.c, which is asked to
 * look again where a file changed meanwhile. A path that a publication is busy with waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/spoke_local.h"
#include "transfer/index.h"

struct spoke_indexing {
	struct work w;
	struct spoke_group *g;
	char *path;
	struct hash root;
	struct identity identity;
	uint32_t mode;
	int r;
	struct err e;
};

static void index_work(struct work *w)
{
	struct spoke_indexing *x = container_of(w, struct spoke_indexing, w);
	struct store *s = x->g->store;
	struct stat a, b;
	int fd;

	x->r = beneath_open(s->root_fd, x->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
	if (x->r < 0)
		return;
	if (fstat(fd, &a) < 0 || !S_ISREG(a.st_mode))
		x->r = -ENOENT;
	else {
		x->g->index_size = (uint64_t)a.st_size;
		x->r = index_build(fd, s->index_fd, &x->g->spoke->cancel, &x->g->index_progress,
				   &x->root, &x->e);
	}
	if (x->r == 0) {
		identity_of(&a, &x->identity);
		x->mode = a.st_mode & 07777;
		if (fstat(fd, &b) < 0) {
			x->r = -errno;
		} else {
			struct identity now;

			identity_of(&b, &now);
			if (!identity_equal(&now, &x->identity))
				x->r = -ESTALE;
		}
	}
	close(fd);
}

static int index_record(struct spoke_indexing *x)
{
	struct spoke_group *g = x->g;
	struct spoke_file f = {.root = x->root, .identity = x->identity, .mode = x->mode};

	/* What it brings is recorded by it; where it fails, what lies there is not known. Until
	 * then it counts as being read. */
	if (spoke_publishing(g, x->path)) {
		spoke_index_later(g, x->path);
		return 0;
	}
	snprintf(f.path, sizeof(f.path), "%s", x->path);
	log_info("group %s: %s is known now", g->name, x->path);
	return spoke_local_found(g, &f);
}

static void index_finished(struct work *w)
{
	struct spoke_indexing *x = container_of(w, struct spoke_indexing, w);
	struct spoke_group *g = x->g;
	struct spoke *s = g->spoke;

	g->indexing = false;
	g->indexing_path = NULL; /* was x->path */
	if (x->r == 0 && index_record(x) < 0)
		log_error("group %s: database: %s", g->name, db_error(g->db));
	else if (x->r == -EIO && spoke_local_lost(g, x->path, LOCAL_UNREADABLE) < 0)
		log_error("group %s: database: %s", g->name, db_error(g->db));
	else if (x->r == -ESTALE)
		spoke_scan_soon(g);
	else if (x->r < 0 && x->r != -ENOENT && x->r != -ECANCELED && x->r != -EIO)
		log_error("group %s: %s: %s", g->name, x->path,
			  x->e.text[0] ? x->e.text : strerror(-x->r));
	free(x->path);
	free(x);
	spoke_index_go(g);
	spoke_work_ended(s);
}

void spoke_index_go(struct spoke_group *g)
{
	struct spoke_index_item *i;
	struct spoke_indexing *x;

	TAILQ_FOREACH (i, &g->to_index, entry)
		if (!spoke_publishing(g, i->path)) /* that one changes it */
			break;
	if (!i || g->indexing || g->spoke->stopping || g->kept)
		return;
	TAILQ_REMOVE(&g->to_index, i, entry);
	x = xcalloc(1, sizeof(*x));
	x->g = g;
	x->path = i->path;
	free(i);
	x->w.run = index_work;
	x->w.done = index_finished;
	g->indexing = true;
	g->indexing_path = x->path;
	g->index_progress = g->index_size = 0;
	spoke_work_begun(g->spoke);
	pool_submit(g->spoke->d->pool, NULL, &x->w);
}

void spoke_index_stop(struct spoke_group *g)
{
	struct spoke_index_item *i;

	while ((i = TAILQ_FIRST(&g->to_index))) {
		TAILQ_REMOVE(&g->to_index, i, entry);
		free(i->path);
		free(i);
	}
}

void spoke_index_later(struct spoke_group *g, const char *path)
{
	struct spoke_index_item *i;

	TAILQ_FOREACH (i, &g->to_index, entry)
		if (strcmp(i->path, path) == 0)
			return;
	i = xcalloc(1, sizeof(*i));
	i->path = xstrdup(path);
	TAILQ_INSERT_TAIL(&g->to_index, i, entry);
	spoke_index_go(g);
}

bool spoke_hashing(const struct spoke_group *g, const char *path)
{
	const struct spoke_index_item *i;

	if (!g->scanned || !path)
		return !g->scanned || g->indexing;
	if (g->indexing && strcmp(g->indexing_path, path) == 0)
		return true;
	TAILQ_FOREACH (i, &g->to_index, entry)
		if (strcmp(i->path, path) == 0)
			return true;
	return false;
}

void spoke_each_new(struct spoke_group *g, void (*fn)(void *arg, const char *path, bool unsettled),
		    void *arg)
{
	const struct spoke_index_item *i;

	for (unsigned k = 0; k < MIN(g->n_unsettled, SPOKE_UNSETTLED_NAMES); k++)
		fn(arg, g->unsettled[k], true);
	if (g->indexing)
		fn(arg, g->indexing_path, false);
	TAILQ_FOREACH (i, &g->to_index, entry)
		fn(arg, i->path, false);
}
