/*
 * group.c: see group.h.
 */
#include "scheduler/group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/catalog.h"
#include "scheduler/generation.h"
#include "scheduler/hub_log.h"
#include "scheduler/hub_sweep.h"
#include "scheduler/indexing.h"
#include "scheduler/intake.h"
#include "scheduler/log.h"
#include "scheduler/reconcile.h"
#include "scheduler/scan.h"
#include "scheduler/watch.h"
#include "transfer/key.h"

#define SCAN_SOON_S  0.2 /* after a hint: what comes together is one scan */
#define SCAN_AGAIN_S 2.0 /* after a scan that found new directories */
#define SCAN_RETRY_S 10.0

struct scanning {
	struct work work;
	struct hub_group *group; /* NULL: it went meanwhile */
	int dirfd;
	uint64_t id;
	volatile bool cancel;
	struct scan_result result;
};

static void group_stop(struct hub_group *g, const char *why)
{
	if (strcmp(g->problem, why)) {
		log_error("group %s: %s", g->name, why);
		hub_log_group(g, "group_stopped", why);
	}
	snprintf(g->problem, sizeof(g->problem), "%s", why);
}

static void group_go_on(struct hub_group *g)
{
	if (!g->problem[0])
		return;
	log_info("group %s: goes on", g->name);
	hub_log_group(g, "group_resumed", g->problem);
	g->problem[0] = '\0';
}

static void group_close(struct hub_group *g)
{
	if (g->gen_dirfd >= 0)
		close(g->gen_dirfd);
	if (g->dirfd >= 0)
		close(g->dirfd);
	g->dirfd = g->gen_dirfd = -1;
	g->watch = watch_free(g->watch);
}

/* Is this the directory that was catalogued? A group without a mark gets one, unless files are
 * known of it: then the mark was lost with the directory. */
static int group_check_mark(struct hub_group *g, struct err *e)
{
	char known[GROUP_MARK + 1], there[GROUP_MARK + 1];
	uint8_t random[GROUP_MARK / 2];
	int r = db_group_mark(g->hub->db, g->name, known);

	if (r < 0)
		return err_set(e, r, "%s", db_error(g->hub->db));
	generation_mark(g->gen_dirfd, there);
	if (known[0] && !strcmp(known, there))
		return 0;
	if (known[0] && g->n_files)
		return err_set(e, -ESTALE,
			       "%s is not the directory that was catalogued (is it mounted?): "
			       "nothing is deleted on the spokes. If it is right, put the word "
			       "\"%s\" into %s/.spokesync/group",
			       g->path, known, g->path);
	if (!there[0]) {
		key_random(random, sizeof(random));
		for (size_t i = 0; i < sizeof(random); i++)
			sprintf(there + 2 * i, "%02x", random[i]);
		r = generation_set_mark(g->gen_dirfd, there, e);
		if (r < 0)
			return r;
	}
	hub_tx(g->hub);
	r = db_group_set_mark(g->hub->db, g->name, there);
	return r < 0 ? err_set(e, r, "%s", db_error(g->hub->db)) : 0;
}

/* The mark is looked for before .spokesync would be made: an empty mount point stays empty. */
static int group_open(struct hub_group *g, struct err *e)
{
	struct stat st;
	int r;

	g->dirfd = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dirfd < 0)
		return err_set(e, -errno, "%s: %s", g->path, strerror(errno));
	if (fstat(g->dirfd, &st) < 0)
		return err_set(e, -errno, "%s: %s", g->path, strerror(errno));
	g->dev = (uint64_t)st.st_dev;
	if (g->n_files && faccessat(g->dirfd, ".spokesync", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, -ESTALE,
			       "%s has no .spokesync any more, though %llu files were catalogued "
			       "there (is it mounted?): nothing is deleted on the spokes",
			       g->path, (unsigned long long)g->n_files);
	r = generation_dir(g->dirfd, &g->gen_dirfd, e);
	return r < 0 ? r : group_check_mark(g, e);
}

/* The path leads elsewhere than our descriptor: unmounted, mounted over, or exchanged. */
static bool group_moved(const struct hub_group *g)
{
	struct stat mine, there;

	return stat(g->path, &there) < 0 || fstat(g->dirfd, &mine) < 0 ||
	       mine.st_dev != there.st_dev || mine.st_ino != there.st_ino || !mine.st_nlink;
}

static void group_touched(void *arg, const char *path)
{
	struct hub_group *g = arg;

	intake_touch(g, path);
	hub_kick(g->hub);
}

static void group_scan_hint(void *arg)
{
	group_want_scan(arg);
}

static void group_watch(struct hub_group *g, const char *dir, bool *ret_new)
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

static void group_scan_soon(struct hub_group *g, double seconds)
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

static bool group_any_wanted(struct hub_group *g, const struct scan_result *r)
{
	for (size_t i = 0; i < r->n_entries; i++)
		if (!r->entries[i].skip && intake_wanted(g, r->entries[i].path))
			return true;
	return false;
}

/* Names found go to the intake; what was not found is asked for once more there. */
static void group_apply(struct hub_group *g, const struct scan_result *r, uint64_t id)
{
	struct intake_seen seen;
	struct hub_file *f;
	bool new_dirs = false;

	for (size_t i = 0; g->watch && i < r->n_dirs; i++)
		group_watch(g, r->dirs[i], &new_dirs);
	if (g->vanished && !group_any_wanted(g, r))
		return;
	g->vanished = false;
	group_go_on(g);
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct scan_entry *e = &r->entries[i];
		seen = (struct intake_seen){
			.skip = e->skip, .identity = e->identity, .mode = e->mode};
		intake_see(g, e->path, &seen);
		f = catalog_get(g, e->path);
		if (f)
			f->scan = id;
	}
	intake_missing(g, id);
	if (new_dirs)
		group_scan_soon(g, SCAN_AGAIN_S);
}

static void group_scan_run(struct work *w)
{
	struct scanning *s = container_of(w, struct scanning, work);

	scan_run(s->dirfd, &s->cancel, &s->result);
	close(s->dirfd);
}

static void group_scan_done(struct work *w)
{
	struct scanning *s = container_of(w, struct scanning, work);
	struct hub_group *g = s->group;

	if (g)
		g->scanning = NULL;
	if (g && !s->cancel) {
		if (!s->result.error && group_moved(g)) {
			s->result.error = -ESTALE;
			snprintf(s->result.text, sizeof(s->result.text),
				 "%.200s was unmounted or exchanged", g->path);
		}
		if (s->result.error)
			group_stop(g, s->result.text);
		else
			group_apply(g, &s->result, s->id);
		g->scan_ended = s->id;
		if (!s->result.error)
			reconcile_group_deletions(g);
		if (s->result.error == -ESTALE)
			group_close(g);
		group_scan_soon(g, s->result.error ? SCAN_RETRY_S : (double)g->cfg->scan_us / 1e6);
		if (g->scan_wanted > g->scan_begun)
			group_scan_soon(g, 0);
		hub_kick(g->hub);
	}
	scan_done(&s->result);
	free(s);
}

static int group_ready(struct hub_group *g)
{
	struct watch_events ev = {.touched = group_touched, .scan = group_scan_hint, .arg = g};
	struct err e = {""};

	if (g->dirfd >= 0 && group_moved(g))
		group_close(g);
	if (g->dirfd >= 0)
		return 0;
	if (group_open(g, &e) < 0) {
		group_stop(g, e.text);
		group_close(g);
		return -ENXIO;
	}
	group_go_on(g);
	hub_sweep_generations(g);
	g->no_reflink = !generation_probe(g->gen_dirfd);
	if (g->no_reflink)
		log_info("group %s: no reflinks on this filesystem: files are read where they lie",
			 g->name);
	g->watch = watch_new(g->hub->d->loop, g->path, &ev, &e);
	if (!g->watch)
		log_warn("group %s: changes are found by scans only: %s", g->name, e.text);
	return 0;
}

void group_scan_now(struct hub_group *g)
{
	struct scanning *s;

	if (g->scanning)
		return; /* the wish is counted: another one follows */
	g->scan_begun = MAX(g->scan_wanted, g->scan_begun + 1);
	g->scan_wanted = g->scan_begun;
	if (group_ready(g) < 0) {
		g->scan_ended = g->scan_begun;
		group_scan_soon(g, SCAN_RETRY_S);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->group = g;
	s->id = g->scan_begun;
	s->dirfd = fcntl(g->dirfd, F_DUPFD_CLOEXEC, 0);
	s->work = (struct work){.run = group_scan_run, .done = group_scan_done};
	g->scanning = s;
	pool_submit(g->hub->d->pool, NULL, &s->work);
}

static void group_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	group_scan_now(timer->data);
}

void group_want_scan(struct hub_group *g)
{
	/* While one runs, what was just told may be behind it. */
	g->scan_wanted = MAX(g->scan_wanted, g->scan_begun + 1);
	if (!g->scanning)
		group_scan_soon(g, SCAN_SOON_S);
}

struct hub_group *group_new(struct hub *h, const struct group_cfg *cfg)
{
	struct hub_group *g = xcalloc(1, sizeof(*g));

	g->hub = h;
	g->refs = 1;
	g->name = xstrdup(cfg->name);
	g->path = xstrdup(cfg->path);
	g->cfg = cfg;
	g->dirfd = g->gen_dirfd = -1;
	TAILQ_INIT(&g->settling);
	ev_timer_init(&g->scan_timer, group_timer, 0, 0);
	g->scan_timer.data = g;
	TAILQ_INSERT_TAIL(&h->groups, g, entry);
	return g;
}

void group_begin(struct hub_group *g)
{
	group_scan_now(g);
}

void group_update(struct hub_group *g, const struct group_cfg *cfg)
{
	g->cfg = cfg;
	if (strcmp(g->path, cfg->path)) {
		free(g->path);
		g->path = xstrdup(cfg->path);
		group_close(g);
	}
	/* The scan brings every name past the new filter. */
	group_want_scan(g);
}

static void group_cancel_file(void *arg, void *value)
{
	struct hub_file *f = value;

	(void)arg;
	if (f->indexing)
		f->indexing->cancel = true;
}

void group_cancel(struct hub_group *g)
{
	if (g->scanning)
		g->scanning->cancel = true;
	ev_timer_stop(g->hub->d->loop, &g->scan_timer);
	strmap_each(&g->files, group_cancel_file, NULL);
}

static void group_free_file(void *arg, void *value)
{
	struct hub_file *f = value;

	(void)arg;
	if (f->indexing)
		indexing_cancel(f->indexing);
	catalog_drop(f);
}

void group_remove(struct hub_group *g)
{
	TAILQ_REMOVE(&g->hub->groups, g, entry);
	ev_timer_stop(g->hub->d->loop, &g->scan_timer);
	if (g->scanning) {
		g->scanning->cancel = true;
		g->scanning->group = NULL;
	}
	strmap_each(&g->files, group_free_file, NULL);
	group_close(g);
	group_unref(g);
}

void group_ref(struct hub_group *g)
{
	g->refs++;
}

void group_unref(struct hub_group *g)
{
	if (--g->refs)
		return;
	strmap_done(&g->files);
	free(g->name);
	free(g->path);
	free(g);
}
