/*
 * bundler.c: bundles by P, planned once for all who ask. What a bundle is: bundle.c.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Anchors are made where literals in runs of so many blocks are this part of the base, or more. */
#define ANCHORS_SHARE 512u
#define ANCHORS_RUN   4u

struct bundle_ticket {
	struct planning *planning;
	bundle_done_fn *done;
	void *arg;
	TAILQ_ENTRY(bundle_ticket) entry;
};
TAILQ_HEAD(ticket_list, bundle_ticket);

struct planning {
	struct work work;
	struct bundler *bundler;
	struct hash id; /* P */
	struct content content;
	struct hash bases[FRAME_BASES_MAX];
	unsigned n_bases;
	struct bundle_base old[FRAME_BASES_MAX];
	struct bundle *known; /* nothing to plan: it only answers later */
	atomic_bool cancel;
	struct index *index;
	struct plan *plan;
	int error;
	struct ticket_list tickets;
	TAILQ_ENTRY(planning) entry;
};

struct bundler *bundler_new(struct pool *pool, int cache_dirfd, int index_dirfd, uint64_t cache_max)
{
	struct bundler *b = xcalloc(1, sizeof(*b));

	b->pool = pool;
	b->cache_dirfd = fcntl(cache_dirfd, F_DUPFD_CLOEXEC, 0);
	b->index_dirfd = fcntl(index_dirfd, F_DUPFD_CLOEXEC, 0);
	for (unsigned i = 0; i < ENCODERS; i++)
		b->encoders[i].bundler = b;
	TAILQ_INIT(&b->bundles);
	TAILQ_INIT(&b->plannings);
	TAILQ_INIT(&b->jobs);
	TAILQ_INIT(&b->streams);
	TAILQ_INIT(&b->suspended);
	b->cache = frame_cache_new(b->cache_dirfd, cache_max);
	suspended_load(b);
	frame_cache_set_limit(b->cache, cache_max);
	return b;
}

void bundler_on_base(struct bundler *b, bundle_base_fn *fn, void *arg)
{
	b->on_base = fn;
	b->on_base_arg = arg;
}

static void planning_free(struct planning *p)
{
	TAILQ_REMOVE(&p->bundler->plannings, p, entry);
	plan_free(p->plan);
	index_unref(p->index);
	bundle_unref(p->known);
	bundle_bases_done(p->old);
	if (p->content.fd >= 0)
		close(p->content.fd);
	free(p);
}

struct bundler *bundler_free(struct bundler *b)
{
	struct planning *p;
	struct bundle *bundle;
	struct bundle_ticket *t;

	if (b == NULL)
		return NULL;
	while ((p = TAILQ_FIRST(&b->plannings)) != NULL) {
		p->cancel = true;
		pool_cancel(b->pool, &p->work);
		while ((t = TAILQ_FIRST(&p->tickets)) != NULL) {
			TAILQ_REMOVE(&p->tickets, t, entry);
			free(t);
		}
		planning_free(p);
	}
	jobs_cancel_all(b);
	while ((bundle = TAILQ_FIRST(&b->bundles)) != NULL) {
		TAILQ_REMOVE(&b->bundles, bundle, entry);
		bundle->listed = false;
		bundle->bundler = NULL;
	}
	suspended_drop_all(b);
	frame_cache_free(b->cache);
	close(b->cache_dirfd);
	close(b->index_dirfd);
	free(b);
	return NULL;
}

void bundler_set_limit(struct bundler *b, uint64_t cache_max)
{
	frame_cache_set_limit(b->cache, cache_max);
}

static uint64_t literals_in_runs(const struct plan *p)
{
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < p->n_frames; i++) {
		const struct plan_frame *f = &p->frames[i];

		for (uint32_t k = 0; k < f->n_ops; k++) {
			if (f->ops[k].kind == OP_LIT && f->ops[k].n >= ANCHORS_RUN)
				blocks += f->ops[k].n;
		}
	}
	return blocks * BLOCK_SIZE;
}

/*
 * Where a base's anchors were not made with its index, is it worth it to read all of it once? Not
 * for a few literals beside a large base. And anchors are of no use for single blocks here and
 * there, which changed in place.
 */
static void get_anchors(struct planning *p)
{
	uint64_t literals = literals_in_runs(p->plan);
	int dirfd = p->bundler->index_dirfd;

	for (unsigned i = 0; literals > 0 && i < p->n_bases; i++) {
		struct bundle_base *b = &p->old[i];
		struct index *x = b->fd >= 0 ? b->index : p->index;
		int r;

		/* Made when the base was there to be read, or never. */
		if (b->sectors != NULL && anchors_open(dirfd, index_root(b->index), &b->gone) < 0)
			b->gone = NULL;
		if (b->fd < 0 && b->left == NULL)
			continue;
		if (literals < index_nonzero_blocks(b->index) * BLOCK_SIZE / ANCHORS_SHARE)
			r = anchors_open(dirfd, index_root(x), &b->anchors);
		else
			r = anchors_get(dirfd, b->fd >= 0 ? b->fd : p->content.fd, x, &p->cancel,
					&b->anchors);
		if (r < 0) /* without them it costs bytes, no more */
			b->anchors = NULL;
	}
}

static int make_plan(struct planning *p)
{
	struct index *bases[FRAME_BASES_MAX] = {NULL};
	char name[HASH_HEX + 1];
	int dirfd = p->bundler->index_dirfd;
	int r = index_open(dirfd, hash_hex(&p->content.root, name), &p->index, NULL);

	for (unsigned i = 0; r == 0 && i < p->n_bases; i++)
		r = index_open_any(dirfd, &p->bases[i], &bases[i], NULL);
	if (r == 0 && index_size(p->index) != p->content.size)
		r = -ESTALE;
	if (r == 0)
		r = plan_make(p->index, bases, p->n_bases, &p->cancel, &p->plan);
	for (unsigned i = 0; i < p->n_bases; i++) {
		struct bundle_base *b = &p->old[i];

		b->index = bases[i];
		if (r < 0 || b->fd >= 0)
			continue;
		b->left = survivors_new(p->plan, i);
		if (sectors_open(dirfd, bases[i], &b->sectors) < 0)
			b->sectors = NULL;
	}
	if (r == 0)
		get_anchors(p);
	return r == 0 && p->cancel ? -ECANCELED : r;
}

static void run(struct work *w)
{
	struct planning *p = container_of(w, struct planning, work);

	if (p->known == NULL)
		p->error = p->content.fd < 0 ? -EMFILE : make_plan(p);
}

/* The cache outlives bundles: what it has of this plan counts. Of more than two, from before this
 * was looked at, those that it has most of. */
static void efforts_in_cache(struct bundle *b)
{
	unsigned n[FRAME_EFFORT_MAX + 1];

	frame_cache_count(b->bundler->cache, &b->plan->id, n);
	n[0] = 0;
	for (unsigned i = 0; i < EFFORTS_MOST; i++) {
		int most = 0;

		for (int e = 1; e <= FRAME_EFFORT_MAX; e++)
			most = n[e] > n[most] ? e : most;
		b->efforts[i] = most;
		n[most] = 0;
	}
}

static struct bundle *make_bundle(struct planning *p)
{
	struct bundle *b = bundle_new(p->bundler, &p->content, p->plan, p->index);

	if (b == NULL)
		return NULL;
	p->plan = NULL;
	p->index = NULL;
	memcpy(b->bases, p->old, sizeof(b->bases));
	bundle_bases_init(p->old);
	efforts_in_cache(b);
	b->listed = true;
	TAILQ_INSERT_HEAD(&p->bundler->bundles, b, entry);
	return b;
}

static void done(struct work *w)
{
	struct planning *p = container_of(w, struct planning, work);
	struct bundle *b = p->known;
	struct bundle_ticket *t;
	int error = p->error;

	p->known = NULL;
	if (error == 0 && b == NULL && !TAILQ_EMPTY(&p->tickets)) {
		b = make_bundle(p);
		if (b == NULL)
			error = -EMFILE;
	}
	/* A callback may cancel any ticket that is still in the list. */
	while ((t = TAILQ_FIRST(&p->tickets)) != NULL) {
		bundle_done_fn *fn = t->done;
		void *arg = t->arg;

		TAILQ_REMOVE(&p->tickets, t, entry);
		free(t);
		fn(arg, error, error == 0 ? bundle_ref(b) : NULL);
	}
	bundle_unref(b);
	planning_free(p);
}

static struct bundle *find_bundle(struct bundler *b, const struct hash *id)
{
	struct bundle *i;

	TAILQ_FOREACH (i, &b->bundles, entry) {
		if (!i->stale && hash_equal(&i->plan->id, id))
			return i;
	}
	return NULL;
}

static struct planning *find_planning(struct bundler *b, const struct hash *id)
{
	struct planning *p;

	TAILQ_FOREACH (p, &b->plannings, entry) {
		if (p->known == NULL && !p->cancel && hash_equal(&p->id, id))
			return p;
	}
	return NULL;
}

static struct planning *start_planning(struct bundler *b, const struct content *content,
				       const struct hash *bases, unsigned n_bases,
				       const struct hash *id)
{
	struct planning *p = xcalloc(1, sizeof(*p));
	struct bundle *known = find_bundle(b, id);

	p->bundler = b;
	p->id = *id;
	p->content = *content;
	p->content.fd = -1;
	if (known != NULL)
		p->known = bundle_ref(known);
	else
		p->content.fd = fcntl(content->fd, F_DUPFD_CLOEXEC, 0);
	p->n_bases = n_bases;
	bundle_bases_init(p->old);
	for (unsigned i = 0; i < n_bases; i++) {
		p->bases[i] = bases[i];
		if (known == NULL && b->on_base != NULL &&
		    b->on_base(b->on_base_arg, &bases[i], &p->old[i].fd) < 0)
			p->old[i].fd = -1;
	}
	p->work.run = run;
	p->work.done = done;
	TAILQ_INIT(&p->tickets);
	TAILQ_INSERT_TAIL(&b->plannings, p, entry);
	pool_submit(b->pool, NULL, &p->work);
	return p;
}

struct bundle_ticket *bundler_get(struct bundler *b, const struct content *content,
				  const struct hash *bases, unsigned n_bases, bundle_done_fn *done,
				  void *arg)
{
	struct bundle_ticket *t = xcalloc(1, sizeof(*t));
	struct hash names[FRAME_BASES_MAX], id;

	n_bases = MIN(n_bases, FRAME_BASES_MAX);
	for (unsigned i = 0; i < n_bases; i++)
		index_plan_name_of(b->index_dirfd, &bases[i], &names[i]);
	plan_id(&content->root, names, n_bases, &id);
	t->done = done;
	t->arg = arg;
	t->planning = find_planning(b, &id);
	if (t->planning == NULL)
		t->planning = start_planning(b, content, bases, n_bases, &id);
	TAILQ_INSERT_TAIL(&t->planning->tickets, t, entry);
	return t;
}

void bundle_ticket_cancel(struct bundle_ticket *t)
{
	struct planning *p;

	if (t == NULL)
		return;
	p = t->planning;
	TAILQ_REMOVE(&p->tickets, t, entry);
	free(t);
	if (TAILQ_EMPTY(&p->tickets))
		p->cancel = true;
}
