/*
 * hub.c: the role = hub put together, in the order in which its parts lean on each other; reload;
 * stop. What happens in between is begun by hub_turn.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/group.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_overrides.h"
#include "scheduler/hub_rates.h"
#include "scheduler/hub_sets.h"
#include "scheduler/hub_start.h"
#include "scheduler/hub_old.h"
#include "scheduler/hub_sweep.h"
#include "scheduler/hub_turn.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "scheduler/peers.h"
#include "scheduler/reconcile.h"
#include "scheduler/recover.h"
#include "transfer/durable.h"
#include "transfer/key.h"

#define STOP_S 5.0 /* for pushes to end by themselves */

struct hub_group *hub_group(struct hub *h, const char *name)
{
	struct hub_group *g;

	TAILQ_FOREACH (g, &h->groups, entry)
		if (!strcmp(g->name, name))
			return g;
	return NULL;
}

struct hub_spoke *hub_spoke(struct hub *h, const char *name)
{
	struct hub_spoke *s;

	TAILQ_FOREACH (s, &h->spokes, entry)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

static int hub_dir(int at, const char *name, int *ret_fd, struct err *e)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "state_dir: making %s: %s", name, strerror(errno));
	*ret_fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_set(e, -errno, "state_dir: opening %s: %s", name, strerror(errno));
	return 0;
}

static int hub_disk(struct hub *h, struct err *e)
{
	const struct config *c = h->d->config;
	int cache = -1, r;
	unsigned n;
	char *path;

	h->state_dirfd = open(c->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->state_dirfd < 0)
		return err_set(e, -errno, "state_dir %s: %s", c->state_dir, strerror(errno));
	r = hub_dir(h->state_dirfd, "index", &h->index_dirfd, e);
	if (r == 0)
		r = hub_dir(h->state_dirfd, "bundles", &cache, e);
	if (r < 0)
		return r;
	n = durable_sweep(h->index_dirfd, DURABLE_TEMP);
	if (n)
		log_info("%u indexes that were never finished are gone", n);
	h->bundler = bundler_new(h->d->pool, cache, h->index_dirfd, c->bundle_cache);
	bundler_on_base(h->bundler, hub_old_bytes, h);
	h->cache_dirfd = cache;
	path = xasprintf("%s/hub.db", c->state_dir);
	r = hub_db_open(path, &h->db, e);
	free(path);
	return r;
}

static void hub_members(struct hub *h)
{
	const struct config *c = h->d->config;

	for (size_t i = 0; i < c->n_groups; i++)
		if (!hub_group(h, c->groups[i].name))
			group_new(h, &c->groups[i]);
	peers_update(h);
	shaper_set_rate(shaper_root(h->shaper), c->rate);
}

int hub_start(struct daemon *d, struct err *e)
{
	struct hub *h = xcalloc(1, sizeof(*h));
	struct hub_group *g;
	uint64_t seed;
	int r;

	h->d = d;
	d->hub = h;
	h->state_dirfd = h->index_dirfd = h->cache_dirfd = -1;
	TAILQ_INIT(&h->groups);
	TAILQ_INIT(&h->spokes);
	greetings_init(&h->greetings);
	TAILQ_INIT(&h->pushing);
	TAILQ_INIT(&h->ready);
	TAILQ_INIT(&h->hashing);
	key_random(&seed, sizeof(seed));
	h->core = core_new(d->config, seed);
	core_sets_ask(h->core, hub_sets_amiss);
	h->http = http_new(d->loop);
	h->shaper = shaper_new(d->loop);
	h->planned = shaper_node_new(shaper_root(h->shaper), 1, NULL, NULL);
	hub_turn_start(h);
	r = hub_disk(h, e);
	if (r < 0)
		return r;
	hub_members(h);
	r = recover_all(h, e);
	if (r < 0)
		return r;
	hub_sweep(h);
	TAILQ_FOREACH (g, &h->groups, entry)
		group_begin(g);
	hub_kick(h);
	return 0;
}

/* Every spoke of a group is compared anew: one may have joined, or its inventory is known. */
static void hub_reconcile(struct hub *h)
{
	struct hub_group *g;
	struct hub_spoke *s;

	TAILQ_FOREACH (g, &h->groups, entry)
		TAILQ_FOREACH (s, &h->spokes, entry)
			if (group_has_spoke(g->cfg, s->name))
				reconcile_inventory(inventory_make(s, g->name));
}

void hub_reload(struct daemon *d, const struct config *old)
{
	const struct config *c = d->config;
	struct hub *h = d->hub;
	struct hub_group *g, *next;

	(void)old;
	core_set_config(h->core, d->config);
	for (g = TAILQ_FIRST(&h->groups); g; g = next) {
		const struct group_cfg *cfg = config_group(c, g->name);

		next = TAILQ_NEXT(g, entry);
		if (cfg)
			group_update(g, cfg);
		else
			group_remove(g);
	}
	for (size_t i = 0; i < c->n_groups; i++) {
		if (hub_group(h, c->groups[i].name))
			continue;
		group_begin(group_new(h, &c->groups[i]));
	}
	hub_members(h);
	bundler_set_limit(h->bundler, c->bundle_cache);
	hub_rates_changed(h, NULL, NULL);
	hub_reconcile(h);
	hub_kick(h);
}

void hub_overrides_changed(struct hub *h)
{
	hub_overrides_follow(h, NULL);
	hub_kick(h);
}

/* All pushes ended, or their time is over. */
void hub_stop_over(struct hub *h)
{
	void (*stopped)(struct daemon * d) = h->stopped;

	if (!stopped)
		return;
	if (!TAILQ_EMPTY(&h->pushing))
		log_warn("transfers that do not end are broken off; the next start goes on");
	hub_jobs_abort(h);
	h->stopped = NULL;
	ev_timer_stop(h->d->loop, &h->stop_timer);
	stopped(h->d);
}

static void hub_stop_late(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop, (void)revents;
	hub_stop_over(w->data);
}

void hub_stop(struct daemon *d, void (*stopped)(struct daemon *d))
{
	struct hub *h = d->hub;
	struct hub_job *x, *next;
	struct hub_group *g;

	h->stopping = true;
	h->stopped = stopped;
	TAILQ_FOREACH (g, &h->groups, entry)
		group_cancel(g);
	for (x = TAILQ_FIRST(&h->pushing); x; x = next) {
		next = TAILQ_NEXT(x, entry);
		hub_start_stop(x);
		if (!x->push) {
			hub_start_cancel(x);
			hub_job_close(x);
		}
	}
	ev_timer_init(&h->stop_timer, hub_stop_late, STOP_S, 0);
	h->stop_timer.data = h;
	ev_timer_start(d->loop, &h->stop_timer);
}

static void hub_free_jobs(struct hub *h)
{
	struct spoke_state *s;
	struct job *j;

	TAILQ_FOREACH (s, core_spokes(h->core), entry)
		TAILQ_FOREACH (j, &s->jobs, by_spoke)
			hub_job_free(NULL, j);
	TAILQ_FOREACH (j, core_ended(h->core), by_spoke)
		hub_job_free(NULL, j);
}

struct hub *hub_free(struct hub *h)
{
	struct hub_group *g;

	if (!h)
		return NULL;
	h->stopping = true;
	hub_turn_stop(h);
	ev_timer_stop(h->d->loop, &h->stop_timer);
	hub_jobs_abort(h);
	hub_free_jobs(h);
	while ((g = TAILQ_FIRST(&h->groups)))
		group_remove(g);
	peers_free(h);
	hub_turn_commit(h);
	bundler_free(h->bundler);
	http_free(h->http);
	shaper_node_free(h->planned);
	shaper_free(h->shaper);
	hub_overrides_free(h);
	core_free(h->core);
	db_close(h->db);
	if (h->cache_dirfd >= 0)
		close(h->cache_dirfd);
	if (h->index_dirfd >= 0)
		close(h->index_dirfd);
	if (h->state_dirfd >= 0)
		close(h->state_dirfd);
	free(h);
	return NULL;
}
