/*
 * prepare.c: see prepare.h. Reads indexes only, no image.
 */
#include "scheduler/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAME_RUNS_MAX 16384u /* what an offer may carry; the rest is sent again */

struct prepare {
	struct work work;
	struct prepare_spec spec;
	struct prepare_result result;
	prepare_done_fn *done;
	atomic_bool cancel;
};

static void prepare_add(struct prepare *p, uint64_t node, size_t *cap)
{
	struct prepare_result *r = &p->result;

	if (r->n_same && r->same[r->n_same - 1].first + r->same[r->n_same - 1].n == node) {
		r->same[r->n_same - 1].n++;
		return;
	}
	if (r->n_same == SAME_RUNS_MAX)
		return;
	if (r->n_same == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		r->same = xrealloc(r->same, *cap * sizeof(*r->same));
	}
	r->same[r->n_same++] = (struct run){.first = node, .n = 1};
}

static int open_index(int dirfd, const struct hash *root, struct index **ret)
{
	char name[HASH_HEX + 1];
	struct err e;

	return index_open(dirfd, hash_hex(root, name), ret, &e);
}

/* Without an index of the one before, nothing of it can be named: then it is all sent. */
static void prepare_partial(struct prepare *p)
{
	struct index *now, *before;
	uint64_t n;
	size_t cap = 0;

	if (open_index(p->spec.index_dirfd, &p->spec.root, &now) < 0)
		return;
	if (open_index(p->spec.index_dirfd, &p->spec.partial, &before) < 0) {
		index_unref(now);
		return;
	}
	n = MIN(nodes_of(index_size(now)), nodes_of(index_size(before)));
	/* Where the sizes differ, the last node of the shorter one ends elsewhere in the longer. */
	if (n && index_size(now) != index_size(before))
		n--;
	for (uint64_t i = 0; i < n && !p->cancel; i++)
		if (hash_equal(index_node(now, i), index_node(before, i)))
			prepare_add(p, i, &cap);
	index_unref(before);
	index_unref(now);
}

static void prepare_run(struct work *w)
{
	struct prepare *p = container_of(w, struct prepare, work);
	const struct prepare_spec *s = &p->spec;

	p->result.error =
		bases_choose(s->index_dirfd, &s->root, s->has_lineage ? &s->lineage : NULL, s->held,
			     s->n_held, &p->cancel, p->result.bases, &p->result.n_bases);
	if (p->result.error == 0)
		p->result.error = bases_cover(s->index_dirfd, &s->root, p->result.bases,
					      p->result.n_bases, &p->result.covered);
	if (s->has_partial && p->result.error == 0)
		prepare_partial(p);
}

static void prepare_free(struct prepare *p)
{
	if (p->spec.index_dirfd >= 0)
		close(p->spec.index_dirfd);
	free(p->spec.held);
	free(p->result.same);
	free(p);
}

static void prepare_over(struct work *w)
{
	struct prepare *p = container_of(w, struct prepare, work);

	if (!p->cancel)
		p->done(p->spec.arg, &p->result);
	prepare_free(p);
}

struct prepare *prepare_start(struct pool *pool, const struct prepare_spec *spec,
			      prepare_done_fn *done)
{
	struct prepare *p = xcalloc(1, sizeof(*p));

	p->spec = *spec;
	p->spec.index_dirfd = fcntl(spec->index_dirfd, F_DUPFD_CLOEXEC, 0);
	p->done = done;
	if (p->spec.index_dirfd < 0) {
		prepare_free(p);
		return NULL;
	}
	p->work = (struct work){.run = prepare_run, .done = prepare_over};
	pool_submit(pool, NULL, &p->work);
	return p;
}

void prepare_cancel(struct prepare *p)
{
	if (p)
		p->cancel = true;
}
