/*
 * indexing.c: see indexing.h. The identity is looked at before and after whatever is read, so that
 * a torn copy cannot become a version.
 */
#include "scheduler/indexing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/generation.h"
#include "scheduler/group.h"
#include "transfer/index.h"

static bool indexing_unchanged(const struct indexing *x)
{
	struct identity now;
	struct stat st;

	if (fstat(x->fd, &st) < 0)
		return false;
	identity_of(&st, &now);
	return identity_equal(&now, &x->identity);
}

/* *ret_fd: what to read: the clone, or the file itself where there is none to be had. */
static int indexing_source(struct indexing *x, int *ret_fd)
{
	char name[24];
	int r, fd;

	*ret_fd = x->fd;
	if (!x->try_clone)
		return 0;
	generation_name(x->id, name);
	r = source_clone(x->fd, x->gen_dirfd, name);
	if (r == -ENOSPC || r == -EDQUOT || r == -EIO)
		return err_set(&x->err, r, "cloning it: %s", strerror(-r));
	if (r < 0)
		return 0; /* no reflinks here: read where it lies, under its identity */
	x->generation = true;
	fd = openat(x->gen_dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(&x->err, -errno, "opening its clone: %s", strerror(errno));
	*ret_fd = fd;
	return 0;
}

static int indexing_count(struct indexing *x)
{
	char name[HASH_HEX + 1];
	struct index *index;
	int r = index_open(x->index_dirfd, hash_hex(&x->root, name), &index, &x->err);

	if (r < 0)
		return r;
	x->nonzero = MIN(index_nonzero_blocks(index) * BLOCK_SIZE, x->identity.size);
	index_unref(index);
	return 0;
}

static void indexing_run(struct work *w)
{
	struct indexing *x = container_of(w, struct indexing, work);
	int fd = -1, r = x->cancel ? -ECANCELED : indexing_source(x, &fd);

	/* The clone is of one moment; was that moment still of the file that settled? */
	if (r == 0 && !indexing_unchanged(x))
		r = -ESTALE;
	if (r == 0)
		r = index_build(fd, x->index_dirfd, &x->cancel, &x->progress, &x->root, &x->err);
	if (r == 0 && !x->generation && !indexing_unchanged(x))
		r = -ESTALE;
	if (r == 0)
		r = indexing_count(x);
	if (fd >= 0 && fd != x->fd)
		close(fd);
	x->error = r;
}

static void indexing_done(struct work *w)
{
	struct indexing *x = container_of(w, struct indexing, work);
	struct hub *h = x->group->hub;

	h->n_indexing--;
	h->lane_load[x->lane]--;
	x->done(x);
}

static unsigned indexing_lane(const struct hub *h)
{
	unsigned best = 0;

	for (unsigned i = 1; i < h->n_lanes; i++)
		if (h->lane_load[i] < h->lane_load[best])
			best = i;
	return best;
}

int indexing_start(struct hub_file *f, int fd, uint64_t id, void (*done)(struct indexing *x))
{
	struct hub_group *g = f->group;
	struct hub *h = g->hub;
	struct indexing *x = xcalloc(1, sizeof(*x));
	int r;

	x->file = f;
	x->group = g;
	group_ref(g);
	x->id = id;
	x->identity = f->settle.seen;
	x->mode = f->mode;
	x->fd = fd;
	x->try_clone = !g->no_reflink;
	x->done = done;
	x->gen_dirfd = fcntl(g->gen_dirfd, F_DUPFD_CLOEXEC, 0);
	x->index_dirfd = fcntl(h->index_dirfd, F_DUPFD_CLOEXEC, 0);
	if (x->gen_dirfd < 0 || x->index_dirfd < 0) {
		r = -errno;
		indexing_free(x);
		return r;
	}
	f->indexing = x;
	x->lane = indexing_lane(h);
	h->lane_load[x->lane]++;
	h->n_indexing++;
	x->work = (struct work){.run = indexing_run, .done = indexing_done};
	pool_submit(h->d->pool, &h->lanes[x->lane], &x->work);
	return 0;
}

void indexing_cancel(struct indexing *x)
{
	x->cancel = true;
	if (x->file)
		x->file->indexing = NULL;
	x->file = NULL;
}

struct indexing *indexing_free(struct indexing *x)
{
	if (!x)
		return NULL;
	if (x->fd >= 0)
		close(x->fd);
	if (x->gen_dirfd >= 0)
		close(x->gen_dirfd);
	if (x->index_dirfd >= 0)
		close(x->index_dirfd);
	group_unref(x->group);
	free(x);
	return NULL;
}
