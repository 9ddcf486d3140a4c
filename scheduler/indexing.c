/*
 * indexing.c: see indexing.h. Files that are being read take turns, a piece of some 32 MiB at a
 * time, and no more pieces are under way than there are workers: so one large file has them all,
 * small ones beside it do not wait for its end, and a bundle waits for a piece at most.
 */
#include "scheduler/indexing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/group.h"
#include "scheduler/trust.h"

static void pump(struct hub *h);

static void end_run(struct work *w)
{
	indexing_end(container_of(w, struct indexing, work));
}

static void end_done(struct work *w)
{
	struct indexing *x = container_of(w, struct indexing, work);

	x->group->hub->n_indexing--;
	x->done(x);
}

static void slice_run(struct work *w)
{
	struct indexing_slice *s = container_of(w, struct indexing_slice, work);

	s->result = index_builder_work(s->indexing->builder, &s->indexing->cancel);
}

static void slice_done(struct work *w)
{
	struct indexing_slice *s = container_of(w, struct indexing_slice, work);
	struct indexing *x = s->indexing;
	struct hub *h = x->group->hub;

	s->indexing = NULL;
	x->n_slices--;
	h->n_slices--;
	if (s->result <= 0 && !x->drained) {
		x->drained = true;
		TAILQ_REMOVE(&h->hashing, x, entry);
	}
	if (x->drained && x->n_slices == 0) {
		x->work = (struct work){.run = end_run, .done = end_done};
		pool_submit(h->d->pool, NULL, &x->work);
	}
	pump(h);
}

static struct indexing_slice *free_slice(struct indexing *x)
{
	for (unsigned i = 0; i < INDEXING_SLICES; i++)
		if (!x->slices[i].indexing)
			return &x->slices[i];
	return NULL;
}

static void pump(struct hub *h)
{
	struct indexing_slice *s;
	struct indexing *x;

	while (h->n_slices < MIN(pool_threads(h->d->pool), INDEXING_SLICES) &&
	       (x = TAILQ_FIRST(&h->hashing)) && (s = free_slice(x))) {
		s->indexing = x;
		s->work = (struct work){.run = slice_run, .done = slice_done};
		x->n_slices++;
		h->n_slices++;
		TAILQ_REMOVE(&h->hashing, x, entry);
		TAILQ_INSERT_TAIL(&h->hashing, x, entry);
		pool_submit(h->d->pool, NULL, &s->work);
	}
}

static void begin_run(struct work *w)
{
	indexing_begin(container_of(w, struct indexing, work));
}

static void begin_done(struct work *w)
{
	struct indexing *x = container_of(w, struct indexing, work);
	struct hub *h = x->group->hub;

	if (x->error) {
		end_done(w);
		return;
	}
	x->hashing = true;
	TAILQ_INSERT_TAIL(&h->hashing, x, entry);
	pump(h);
}

int indexing_start(struct hub_file *f, int fd, uint64_t id, void (*done)(struct indexing *x))
{
	struct hub_group *g = f->group;
	struct hub *h = g->hub;
	struct indexing *x = xcalloc(1, sizeof(*x));
	int r;

	x->file = f;
	x->path = xstrdup(f->path);
	x->group = g;
	group_ref(g);
	x->id = id;
	x->identity = f->settle.seen;
	x->mode = f->mode;
	x->read = daemon_now().wall;
	x->fd = x->source_fd = fd;
	x->try_clone = !g->no_reflink;
	x->done = done;
	x->gen_dirfd = fcntl(g->gen_dirfd, F_DUPFD_CLOEXEC, 0);
	x->index_dirfd = fcntl(h->index_dirfd, F_DUPFD_CLOEXEC, 0);
	if (x->gen_dirfd < 0 || x->index_dirfd < 0) {
		r = -errno;
		indexing_free(x);
		return r;
	}
	if (x->try_clone && x->identity.size >= KIN_LEAST && !trust_refused(g))
		x->kin = kin_list(f, x->identity.size, &x->n_kin);
	f->indexing = x;
	h->n_indexing++;
	x->work = (struct work){.run = begin_run, .done = begin_done};
	pool_submit(h->d->pool, NULL, &x->work);
	return 0;
}

void indexing_cancel(struct indexing *x)
{
	x->cancel = true;
	if (x->file)
		x->file->indexing = NULL;
	x->file = NULL;
}

uint64_t indexing_progress(const struct indexing *x)
{
	return x->hashing ? index_builder_progress(x->builder) : 0;
}

static void really_free(struct indexing *x)
{
	index_builder_free(x->builder);
	index_unref(x->trust.base);
	extents_done(&x->common);
	if (x->source_fd >= 0 && x->source_fd != x->fd)
		close(x->source_fd);
	if (x->fd >= 0)
		close(x->fd);
	if (x->gen_dirfd >= 0)
		close(x->gen_dirfd);
	if (x->index_dirfd >= 0)
		close(x->index_dirfd);
	group_unref(x->group);
	ties_done(&x->ties);
	free(x->kin);
	free(x->path);
	free(x);
}

static void anchors_run(struct work *w)
{
	indexing_anchors(container_of(w, struct indexing, work));
}

static void anchors_done(struct work *w)
{
	really_free(container_of(w, struct indexing, work));
}

struct indexing *indexing_free(struct indexing *x)
{
	if (x && x->hashing && !x->error && !x->again && !x->cancel) {
		x->work = (struct work){.run = anchors_run, .done = anchors_done};
		pool_submit(x->group->hub->d->pool, NULL, &x->work);
	} else if (x) {
		really_free(x);
	}
	return NULL;
}
