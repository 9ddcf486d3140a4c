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
#include "scheduler/hub_notices.h"
#include "scheduler/hub_old.h"
#include "scheduler/hub_sets.h"
#include "scheduler/hub_sweep.h"
#include "scheduler/indexing.h"
#include "scheduler/intake.h"
#include "scheduler/log.h"
#include "scheduler/survey.h"
#include "scheduler/trust.h"
#include "scheduler/watch.h"
#include "transfer/key.h"

void group_stop(struct hub_group *g, const char *why)
{
	if (!strcmp(g->problem, why))
		return;
	log_error("group %s: %s", g->name, why);
	hub_log_group(g, EVENT_GROUP_STOPPED, why);
	hub_sets_changed(g);
	snprintf(g->problem, sizeof(g->problem), "%s", why);
	hub_notice_stopped(g);
}

void group_go_on(struct hub_group *g)
{
	if (!g->problem[0])
		return;
	log_info("group %s: goes on", g->name);
	hub_log_group(g, EVENT_GROUP_RESUMED, g->problem);
	g->problem[0] = '\0';
	hub_sets_changed(g);
}

void group_close(struct hub_group *g)
{
	if (g->gen_dirfd >= 0)
		close(g->gen_dirfd);
	if (g->dirfd >= 0)
		close(g->dirfd);
	g->dirfd = g->gen_dirfd = -1;
	g->watch = watch_free(g->watch);
}

static int group_exchanged(struct hub_group *g, struct err *e)
{
	g->exchanged = true;
	return err_set(e, -ESTALE,
		       "%s is not the directory in which %llu files were catalogued (is it "
		       "mounted?): nothing is deleted on the spokes; if it is right, 'spokesync "
		       "confirm %s'",
		       g->path, (unsigned long long)g->n_files, g->name);
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
	if (known[0] && g->n_files && !g->accepted)
		return group_exchanged(g, e);
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
	if (g->n_files && !g->accepted &&
	    faccessat(g->dirfd, ".spokesync", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return group_exchanged(g, e);
	r = generation_dir(g->dirfd, &g->gen_dirfd, e);
	return r < 0 ? r : group_check_mark(g, e);
}

bool group_moved(const struct hub_group *g)
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
	survey_want(arg);
}

int group_ready(struct hub_group *g)
{
	struct watch_events ev = {.touched = group_touched, .scan = group_scan_hint, .arg = g};
	struct err e = {""};
	int r;

	if (g->dirfd >= 0 && group_moved(g))
		group_close(g);
	if (g->dirfd >= 0) {
		trust_load(g);
		return 0;
	}
	g->exchanged = false;
	r = group_open(g, &e);
	g->accepted = false; /* said of what lay there then, and of nothing that comes later */
	if (r < 0) {
		group_stop(g, e.text);
		group_close(g);
		return -ENXIO;
	}
	group_go_on(g);
	trust_load(g);
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
	TAILQ_INIT(&g->old);
	TAILQ_INIT(&g->sets);
	survey_init(g);
	TAILQ_INSERT_TAIL(&h->groups, g, entry);
	return g;
}

void group_begin(struct hub_group *g)
{
	survey_now(g);
}

void group_update(struct hub_group *g, const struct group_cfg *cfg)
{
	g->cfg = cfg;
	hub_sets_changed(g);
	if (strcmp(g->path, cfg->path)) {
		free(g->path);
		g->path = xstrdup(cfg->path);
		group_close(g);
	}
	/* The scan brings every name past the new filter. */
	survey_want(g);
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
	survey_cancel(g);
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
	survey_forget(g);
	hub_old_drop(g);
	hub_sets_free(g);
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
