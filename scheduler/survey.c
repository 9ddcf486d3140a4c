/*
 * survey.c: see survey.h.
 */
#include "scheduler/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/canary.h"
#include "scheduler/catalog.h"
#include "scheduler/hub_sets.h"
#include "scheduler/group.h"
#include "scheduler/hub_canary.h"
#include "scheduler/intake.h"
#include "scheduler/log.h"
#include "scheduler/reconcile.h"
#include "scheduler/scan.h"
#include "scheduler/watch.h"

#define SOON_S	0.2  /* after a hint: what comes together is one scan */
#define AGAIN_S 2.0  /* after a scan that found new directories */
#define RETRY_S 10.0 /* after one that failed */

struct survey {
	struct work work;
	struct hub_group *group; /* NULL: it went meanwhile */
	int dirfd;
	uint64_t id;
	atomic_bool cancel;
	struct scan_result result;
};

static void survey_watch(struct hub_group *g, const char *dir, bool *ret_new)
{
	int r = watch_add(g->watch, dir);

	if (r > 0)
		*ret_new = true;
	if (r < 0 && r != -ENOENT && r != -ENOTDIR && !g->watch_full) {
		g->watch_full = true;
		log_warn("group %s: cannot watch every directory (%s): changes there wait for the "
			 "next scan",
			 g->name, r == -ENOSPC ? "see fs.inotify.max_user_watches" : strerror(-r));
	}
}

static void survey_soon(struct hub_group *g, double seconds)
{
	if (ev_is_active(&g->scan_timer) &&
	    ev_timer_remaining(g->hub->d->loop, &g->scan_timer) <= seconds)
		return;
	ev_timer_stop(g->hub->d->loop, &g->scan_timer);
	/* The loop's idea of now may be old after long work. */
	ev_now_update(g->hub->d->loop);
	ev_timer_set(&g->scan_timer, seconds, 0);
	ev_timer_start(g->hub->d->loop, &g->scan_timer);
}

struct missing {
	struct strmap there;
	uint64_t n;
};

static void survey_missing_one(void *arg, void *value)
{
	struct missing *m = arg;
	const struct hub_file *f = value;

	m->n += f->current && !f->current->v->deleted && !strmap_get(&m->there, f->path);
}

/* Are as many gone still as stopped the group? */
static bool survey_vanished(struct hub_group *g, const struct scan_result *r)
{
	struct missing m = {0};

	for (size_t i = 0; i < r->n_entries; i++)
		if (!r->entries[i].skip && !canary_is(r->entries[i].path) &&
		    intake_wanted(g, r->entries[i].path))
			strmap_put(&m.there, r->entries[i].path, (void *)r);
	if (m.there.n)
		strmap_each(&g->files, survey_missing_one, &m);
	/* Without any there is nothing that could have come back. */
	m.n = m.there.n ? m.n : UINT64_MAX;
	strmap_done(&m.there);
	return m.n == UINT64_MAX || (g->cfg->max_delete && m.n > g->cfg->max_delete);
}

/* Names found go to the intake; what was not found is asked for once more there. */
static void survey_apply(struct hub_group *g, const struct scan_result *r, uint64_t id)
{
	struct intake_seen seen;
	struct hub_file *f;
	bool new_dirs = false;

	for (size_t i = 0; g->watch && i < r->n_dirs; i++)
		survey_watch(g, r->dirs[i], &new_dirs);
	if (g->vanished && survey_vanished(g, r))
		return;
	g->vanished = false;
	group_go_on(g);
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct scan_entry *e = &r->entries[i];
		hub_canary_sweep(g, e);
		seen = (struct intake_seen){
			.skip = e->skip, .identity = e->identity, .mode = e->mode};
		intake_see(g, e->path, &seen);
		f = catalog_get(g, e->path);
		if (f)
			f->scan = id;
	}
	intake_missing(g, id);
	if (new_dirs)
		survey_soon(g, AGAIN_S);
}

static void survey_run(struct work *w)
{
	struct survey *s = container_of(w, struct survey, work);

	scan_run(s->dirfd, &s->cancel, &s->result);
	close(s->dirfd);
}

static void survey_over(struct hub_group *g, struct survey *s)
{
	struct scan_result *r = &s->result;

	if (!r->error && group_moved(g)) {
		r->error = -ESTALE;
		snprintf(r->text, sizeof(r->text), "%.200s was unmounted or exchanged", g->path);
	}
	if (r->error)
		group_stop(g, r->text);
	else
		survey_apply(g, r, s->id);
	g->scan_ended = s->id;
	hub_sets_changed(g);
	if (!r->error)
		reconcile_group_deletions(g);
	if (r->error == -ESTALE)
		group_close(g);
	survey_soon(g, r->error ? RETRY_S : (double)g->cfg->scan_us / 1e6);
	if (g->scan_wanted > g->scan_begun)
		survey_soon(g, 0);
	hub_kick(g->hub);
}

static void survey_done(struct work *w)
{
	struct survey *s = container_of(w, struct survey, work);
	struct hub_group *g = s->group;

	if (g)
		g->survey = NULL;
	if (g && !s->cancel)
		survey_over(g, s);
	scan_done(&s->result);
	free(s);
}

void survey_now(struct hub_group *g)
{
	struct survey *s;

	if (g->survey)
		return; /* the wish is counted: another one follows */
	g->scan_begun = MAX(g->scan_wanted, g->scan_begun + 1);
	g->scan_wanted = g->scan_begun;
	if (group_ready(g) < 0) {
		g->scan_ended = g->scan_begun;
		survey_soon(g, RETRY_S);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->group = g;
	s->id = g->scan_begun;
	s->dirfd = fcntl(g->dirfd, F_DUPFD_CLOEXEC, 0);
	s->work = (struct work){.run = survey_run, .done = survey_done};
	g->survey = s;
	pool_submit(g->hub->d->pool, NULL, &s->work);
}

static void survey_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	survey_now(timer->data);
}

void survey_want(struct hub_group *g)
{
	/* While one runs, what was just told may be behind it. */
	g->scan_wanted = MAX(g->scan_wanted, g->scan_begun + 1);
	if (!g->survey)
		survey_soon(g, SOON_S);
}

void survey_init(struct hub_group *g)
{
	ev_timer_init(&g->scan_timer, survey_timer, 0, 0);
	g->scan_timer.data = g;
}

void survey_cancel(struct hub_group *g)
{
	ev_timer_stop(g->hub->d->loop, &g->scan_timer);
	if (g->survey)
		g->survey->cancel = true;
}

void survey_forget(struct hub_group *g)
{
	survey_cancel(g);
	if (g->survey)
		g->survey->group = NULL;
	g->survey = NULL;
}
