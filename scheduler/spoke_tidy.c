/*
 * spoke_tidy.c: what is left to be done in a group's store when nobody waits for it: the leaf
 * records of what was published are merged into indexes (leaves.h), and those of contents that
 * nobody lists any more are removed. At the first time it also counts what rests in staging. At
 * start, and after every publication; the latter at most once an hour.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"
#include "transfer/expiry.h"
#include "transfer/leaves.h"

#define EXPIRE_US   (3600 * SECOND_US)
#define EXPIRE_AGE  (24 * 3600) /* seconds: what is younger may be in the making */
#define EXPIRE_MOST 1000u	/* at a time */

struct tidy {
	struct work w;
	struct spoke_group *g;
	int merged, expired;
	bool expire;
	bool stock;
	struct expiry_transfer *resting;
	size_t n_resting;
	struct hash *listed;
	size_t n_listed;
};

static void tidy_run(struct work *w)
{
	struct tidy *x = container_of(w, struct tidy, w);
	struct store *s = x->g->store;

	if (x->stock)
		x->n_resting = expiry_transfers(s, true, &x->resting);
	x->merged = leaves_merge_all(s->index_fd, &x->g->spoke->cancel);
	if (x->merged == 0 && x->expire)
		x->expired = expiry_leaves(s, (int64_t)time(NULL) - EXPIRE_AGE, x->listed,
					   x->n_listed, EXPIRE_MOST, &x->g->spoke->cancel);
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
	if (x->expired < 0 && x->expired != -ECANCELED)
		log_warn("group %s: leaf records that nobody needs cannot be removed: %s", g->name,
			 strerror(-x->expired));
	else if (x->expired > 0)
		log_info("group %s: %d leaf records of contents that are gone are removed", g->name,
			 x->expired);
	spoke_resting_found(g, x->resting, x->n_resting);
	free(x->resting);
	free(x->listed);
	free(x);
	g->tidying = false;
	if (g->tidy_again)
		spoke_tidy(g);
	spoke_work_ended(s);
}

/* What is listed is asked for here, since the database is the loop's. */
static void want_expiry(struct tidy *x)
{
	struct spoke_group *g = x->g;
	struct mono now = daemon_now().mono;

	if (g->expired.us && now.us - g->expired.us < EXPIRE_US)
		return;
	g->expired = now;
	x->expire = spoke_db_roots(g->db, &x->listed, &x->n_listed) == 0;
	if (!x->expire)
		log_error("group %s: database: %s", g->name, db_error(g->db));
}

void spoke_tidy(struct spoke_group *g)
{
	struct tidy *x;

	g->tidy_again = g->tidying;
	if (g->tidying || g->spoke->stopping || !g->store)
		return;
	spoke_preserve_again(g);
	g->tidying = true;
	x = xcalloc(1, sizeof(*x));
	x->g = g;
	x->stock = !g->stocked;
	g->stocked = true;
	want_expiry(x);
	x->w.run = tidy_run;
	x->w.done = tidy_done;
	spoke_work_begun(g->spoke);
	pool_submit(g->spoke->d->pool, NULL, &x->w);
}
