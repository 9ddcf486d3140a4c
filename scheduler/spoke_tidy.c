/*
 * spoke_tidy.c: what is left to be done in a group's store when nobody waits for it: the leaf
 * records of what was published are merged into indexes (leaves.h). At start, and after every
 * publication.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"
#include "scheduler/spoke_state.h"
#include "transfer/leaves.h"

struct tidy {
	struct work w;
	struct spoke_group *g;
	int merged;
};

static void tidy_run(struct work *w)
{
	struct tidy *x = container_of(w, struct tidy, w);
	struct store *s = x->g->store;

	x->merged = leaves_merge_all(s->index_fd, &x->g->spoke->cancel);
}

static void tidy_done(struct work *w)
{
	struct tidy *x = container_of(w, struct tidy, w);
	struct spoke_group *g = x->g;
	struct spoke *s = g->spoke;

	/* Whoever needs such an index finds that it is missing, and has the file read. */
	if (x->merged < 0 && x->merged != -ECANCELED)
		log_warn("group %s: a leaf record cannot be merged: %s", g->name,
			 strerror(-x->merged));
	free(x);
	g->tidying = false;
	if (g->tidy_again)
		spoke_tidy(g);
	spoke_work_ended(s);
}

void spoke_tidy(struct spoke_group *g)
{
	struct tidy *x;

	g->tidy_again = g->tidying;
	if (g->tidying || g->spoke->stopping || !g->store)
		return;
	g->tidying = true;
	x = xcalloc(1, sizeof(*x));
	x->g = g;
	x->w.run = tidy_run;
	x->w.done = tidy_done;
	spoke_work_begun(g->spoke);
	pool_submit(g->spoke->d->pool, NULL, &x->w);
}
