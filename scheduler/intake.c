/*
 * intake.c: see intake.h.
 */
#include "scheduler/intake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/filter.h"
#include "scheduler/canary.h"
#include "scheduler/catalog.h"
#include "scheduler/survey.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/indexing.h"
#include "scheduler/scan.h"

void intake_forget(struct hub_file *f, const char *why)
{
	struct hub_group *g = f->group;

	if (f->indexing)
		indexing_cancel(f->indexing);
	if (!f->current)
		return;
	hub_jobs_unwanted(g, f->path, why);
	hub_tx(g->hub);
	hub_recorded(g->hub, db_versions_retire(g->hub->db, f->current->v->id), f->path);
}

static void intake_skip(struct hub_group *g, const char *path, const char *why)
{
	struct hub_file *f = catalog_get(g, path);

	if (f && f->current) {
		/* Not a deletion: what the spokes have they keep. */
		intake_forget(f, why);
		catalog_drop(f);
		f = NULL;
	} else if (f && f->indexing) {
		indexing_cancel(f->indexing);
	}
	if (!f)
		f = catalog_make(g, path);
	catalog_state(f, FILE_SKIPPED, why);
}

/* True where the filter leaves it out; why in words. */
static bool intake_filtered(const struct hub_group *g, const char *path, char *why, size_t size)
{
	struct filter_verdict v;

	if (canary_is(path))
		return false;
	if (lockfile_is(&g->cfg->lock, path)) {
		snprintf(why, size, "a lock file: it says that an image is in use here");
		return true;
	}
	filter_path(g->cfg->filter, path, &v);
	if (v.in)
		return false;
	if (v.limit_hit)
		snprintf(why, size, "the pattern of line %u takes too long on this name",
			 v.origin.line);
	else if (v.pattern)
		snprintf(why, size, "excluded by line %u: %.200s", v.origin.line, v.pattern);
	else
		snprintf(why, size, "no include line matches");
	return true;
}

bool intake_wanted(const struct hub_group *g, const char *path)
{
	char why[300];

	return !intake_filtered(g, path, why, sizeof(why));
}

static bool intake_known(const struct hub_file *f, const struct intake_seen *seen)
{
	if (!f->current || (f->doubt && !seen->gone))
		return false;
	if (seen->gone || f->current->v->deleted)
		return seen->gone && f->current->v->deleted;
	return identity_equal(&f->current->identity, &seen->identity);
}

int64_t intake_settle_us(const struct hub_group *g, const char *path)
{
	return canary_is(path) ? 0 : g->cfg->settle_us;
}

void intake_see(struct hub_group *g, const char *path, const struct intake_seen *seen)
{
	struct settle_look look = {.gone = seen->gone, .identity = seen->identity};
	struct hub_file *f = catalog_get(g, path);
	enum settle_verdict verdict;
	struct mono due;
	char why[300];

	if (seen->gone && (!f || !f->current)) {
		if (f && f->indexing)
			indexing_cancel(f->indexing);
		if (f)
			catalog_drop(f);
		return;
	}
	if (!seen->gone && (seen->skip || intake_filtered(g, path, why, sizeof(why)))) {
		intake_skip(g, path, seen->skip ? seen->skip : why);
		return;
	}
	if (!f)
		f = catalog_make(g, path);
	if (f->indexing) {
		if (seen->gone || !identity_equal(&f->indexing->identity, &seen->identity)) {
			f->indexing->again = true;
			f->indexing->cancel = true;
		}
		return;
	}
	if (intake_known(f, seen)) {
		catalog_state(f, FILE_CURRENT, NULL);
		return;
	}
	f->mode = seen->mode;
	verdict =
		settle_look(&f->settle, &look, intake_settle_us(g, path), daemon_now().mono, &due);
	if (verdict == SETTLE_CHANGING && !seen->gone)
		guard_mark_take(g->dirfd, path, &f->mark);
	/* Where nothing changed the due time stands: looking often does not make it later. What a
	 * guard holds is looked at sooner: whoever used it may have let go. */
	if (verdict == SETTLE_CHANGING || f->state != FILE_SETTLING || f->due.us == MONO_NEVER.us ||
	    (f->settle.held && due.us < f->due.us))
		catalog_settling(f, due);
}

static void intake_look(struct hub_group *g, const char *path, struct intake_seen *ret)
{
	const char *name;
	struct stat st;
	int fd, r;

	memset(ret, 0, sizeof(*ret));
	r = beneath_parent(g->dirfd, path, false, &fd, &name);
	if (r < 0) {
		ret->gone = true;
		return;
	}
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		ret->gone = true;
	else
		ret->skip = scan_judge(path, &st, g->dev);
	close(fd);
	if (ret->gone || S_ISDIR(st.st_mode)) {
		ret->gone = true;
		return;
	}
	identity_of(&st, &ret->identity);
	ret->mode = st.st_mode & 07777;
}

/* Sooner than it is due, where a guard holds it. */
static void intake_look_again(struct hub_file *f)
{
	struct settle_look look = {.identity = f->settle.seen};
	struct mono due;

	if (settle_look(&f->settle, &look, f->group->cfg->settle_us, daemon_now().mono, &due) ==
		    SETTLE_WAITING &&
	    due.us < f->due.us)
		catalog_settling(f, due);
}

/* A lock file came or went: what it holds is looked at again. */
static void intake_lock(struct hub_group *g, const char *path)
{
	const char *name = path_last(path);
	struct hub_file *f, *next;

	for (f = TAILQ_FIRST(&g->settling); f; f = next) {
		next = TAILQ_NEXT(f, entry);
		if (f->settle.held && f->lock && !strcmp(f->lock, name) &&
		    !strncmp(f->path, path, (size_t)(name - path)) &&
		    !strchr(f->path + (name - path), '/'))
			intake_look_again(f);
	}
}

void intake_touch(struct hub_group *g, const char *path)
{
	struct intake_seen seen;

	if (g->vanished)
		survey_want(g); /* it may be what ends that */
	if (g->dirfd < 0 || g->problem[0])
		return;
	if (lockfile_is(&g->cfg->lock, path))
		intake_lock(g, path);
	intake_look(g, path, &seen);
	intake_see(g, path, &seen);
}

void intake_doubt(struct hub_group *g, const char *path)
{
	struct hub_file *f = catalog_get(g, path);

	if (!f || f->indexing)
		return;
	f->doubt = true;
	settle_restart(&f->settle, daemon_now().mono);
	intake_touch(g, path);
}

struct missing {
	struct hub_group *group;
	uint64_t scan;
	char **paths;
	size_t n, cap;
};

static void missing_add(void *arg, void *value)
{
	struct missing *m = arg;
	struct hub_file *f = value;

	if (f->scan >= m->scan || (f->current && f->current->v->deleted && !f->indexing))
		return;
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 16;
		m->paths = xrealloc(m->paths, m->cap * sizeof(*m->paths));
	}
	m->paths[m->n++] = xstrdup(f->path);
}

void intake_missing(struct hub_group *g, uint64_t scan)
{
	struct missing m = {.group = g, .scan = scan};

	/* Collected first: looking at them changes the table. */
	strmap_each(&g->files, missing_add, &m);
	for (size_t i = 0; i < m.n; i++) {
		/* It may have come while the scan was elsewhere: the disk is asked once more. */
		intake_touch(g, m.paths[i]);
		free(m.paths[i]);
	}
	free(m.paths);
}
