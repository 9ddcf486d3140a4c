/*
 * take.c: see take.h. A file is opened, looked at and judged under one descriptor, and every step
 * that takes time ends with the same question: is it still the file that was seen?
 */
#include "scheduler/take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/canary.h"
#include "scheduler/catalog.h"
#include "scheduler/generation.h"
#include "scheduler/group.h"
#include "scheduler/guard.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_log.h"
#include "scheduler/hub_notices.h"
#include "scheduler/hub_sets.h"
#include "scheduler/indexing.h"
#include "scheduler/intake.h"
#include "scheduler/log.h"
#include "scheduler/reconcile.h"
#include "scheduler/survey.h"
#include "scheduler/trust.h"

#define FAULT_RETRY_US (60 * SECOND_US) /* for a file that cannot be read; or retry_max */

static void take_pump(struct hub *h);

static void take_later(struct hub_file *f)
{
	int64_t wait = MIN(FAULT_RETRY_US, core_config(f->group->hub->core)->retry_max_us);

	catalog_settling(f, (struct mono){daemon_now().mono.us + wait});
}

int hub_confirm(struct hub *h, const char *group)
{
	struct hub_group *g = hub_group(h, group);

	if (!g)
		return -ENOENT;
	if (g->exchanged) { /* it is marked anew when the scan opens it; what is missing there, is
			       gone */
		g->accepted = true;
		survey_want(g);
		return 0;
	}
	if (!g->vanished)
		return -EALREADY;
	g->vanished = false;
	g->confirmed = true;
	group_go_on(g);
	survey_want(g);
	hub_kick(h);
	return 0;
}

static uint64_t take_gone(const struct hub_group *g)
{
	const struct hub_file *f;
	uint64_t gone = 0;

	TAILQ_FOREACH (f, &g->settling, entry)
		gone += f->settle.gone && !canary_is(f->path);
	return gone;
}

/* So many files gone at once, or the last one, are far more often a lost mount or a slip than a
 * wish: the group stands still until they are back, or a person confirms it. What else is not
 * settled may be where one of them went: nothing is gone that has another name. */
static bool take_vanished(struct hub_group *g)
{
	uint64_t gone = take_gone(g);
	bool all = gone && gone == g->n_files && gone == g->n_unsettled;

	if (g->confirmed || (!all && (!g->cfg->max_delete || gone <= g->cfg->max_delete)))
		return false;
	g->vanished = true;
	if (all)
		snprintf(g->problem, sizeof(g->problem),
			 "every file (%llu) is gone: nothing is deleted on the spokes; it goes on "
			 "when one is back, or another is there, or by 'spokesync confirm %s'",
			 (unsigned long long)gone, g->name);
	else
		snprintf(g->problem, sizeof(g->problem),
			 "%llu files are gone at once, more than max_delete (%u): nothing is "
			 "deleted on the spokes; it goes on when they are back, or by 'spokesync "
			 "confirm %s'",
			 (unsigned long long)gone, g->cfg->max_delete, g->name);
	log_error("group %s: %s", g->name, g->problem);
	hub_log_group(g, EVENT_GROUP_STOPPED, g->problem);
	hub_notice_stopped(g);
	hub_sets_changed(g);
	return true;
}

static void take_deleted(struct hub_file *f)
{
	struct hub_group *g = f->group;
	struct hub *h = g->hub;
	/* It still belongs to the others of its set, and its age is what delete_grace asks for. */
	struct version_row row = {.group = g->name,
				  .path = f->path,
				  .deleted = true,
				  .mtime.sec = daemon_now().wall.s,
				  .ties = f->current ? f->current->ties : (struct ties){0}};
	struct hub_version *hv;
	int r;

	hub_tx(h);
	r = db_versions_add(h->db, &row, &row.id);
	if (r == 0)
		r = db_versions_indexed(h->db, &row);
	hub_recorded(h, r, f->path);
	if (r < 0) {
		take_later(f);
		return;
	}
	row.indexed = true;
	hv = hub_version_new(g, &row);
	h->last_version = MAX(h->last_version, row.id);
	hub_jobs_unwanted(g, f->path, "the file is gone");
	catalog_current(f, hv);
	catalog_state(f, FILE_CURRENT, NULL);
	hub_log_version(hv, EVENT_DELETED);
	reconcile_version(hv);
	hub_version_unref(hv);
}

static void take_fault(struct hub_file *f, const char *what, int error)
{
	char words[300];

	snprintf(words, sizeof(words), "%s: %s", what, strerror(-error));
	log_warn("group %s: %s: %s", f->group->name, f->path, words);
	take_later(f);
	catalog_state(f, FILE_SETTLING, words);
}

/* Back to settling, from the beginning, with what lies there now. */
static void take_again(struct hub_file *f)
{
	struct mono now = daemon_now().mono;

	settle_restart(&f->settle, now);
	catalog_settling(f, (struct mono){now.us + f->group->cfg->settle_us});
	intake_touch(f->group, f->path);
}

static void take_drop_row(struct hub_group *g, uint64_t id, bool generation)
{
	hub_tx(g->hub);
	hub_recorded(g->hub, db_versions_drop(g->hub->db, id), "a version that did not come to be");
	if (generation)
		generation_drop(g, id);
}

/* The same content, mtime and mode under another identity: nothing for a spoke to do. */
static bool take_same(struct hub_file *f, const struct indexing *x)
{
	struct hub_version *hv = f->current;

	if (!hv || hv->v->deleted || memcmp(hv->v->root, x->root.b, HASH_SIZE) ||
	    hv->v->mtime_s != x->identity.mtime.tv_sec ||
	    hv->v->mtime_ns != (uint32_t)x->identity.mtime.tv_nsec || hv->v->mode != x->mode)
		return false;
	hv->identity = x->identity;
	hv->read = x->read;
	hub_tx(f->group->hub);
	hub_recorded(f->group->hub,
		     db_versions_identity(f->group->hub->db, hv->v->id, &x->identity, x->read),
		     f->path);
	return true;
}

/* Cloned from nothing that is known: then it may build on the image whose differences it holds. */
static void take_parent(const struct hub_file *f, const struct indexing *x, struct version_row *row)
{
	char *path = path_beside(f->path, x->ties.parent);
	const struct hub_file *parent = catalog_get(f->group, path);

	free(path);
	if (!parent || parent == f || !parent->current || parent->current->v->deleted)
		return;
	row->has_origin = true;
	memcpy(row->origin.b, parent->current->v->root, HASH_SIZE);
}

static void take_version(struct hub_file *f, const struct indexing *x)
{
	struct hub_group *g = f->group;
	struct hub *h = g->hub;
	struct version_row row = {
		.id = x->id,
		.group = g->name,
		.path = f->path,
		.size = x->identity.size,
		.nonzero = x->nonzero,
		.indexed = true,
		.generation = x->generation,
		.kept = x->kept,
		.read = x->read,
		.has_origin = x->has_origin,
		.origin = x->origin,
		.root = x->root,
		.mtime = {.sec = x->identity.mtime.tv_sec,
			  .nsec = (uint32_t)x->identity.mtime.tv_nsec},
		.mode = x->mode,
		.identity = x->identity,
		.ties = x->ties,
	};
	struct hub_version *hv;

	/* With the same bytes it rests on what it rested on. */
	if (f->current && f->current->rests && !memcmp(f->current->v->root, x->root.b, HASH_SIZE)) {
		row.rests = true;
		row.rests_on = f->current->rests_on;
	}
	if (x->ties_error)
		log_info(
			"group %s: %s: %s: the set that it is in does not wait for all that it lists",
			g->name, f->path, ties_error(x->ties_error));
	if (!row.has_origin && x->ties.parent[0])
		take_parent(f, x, &row);
	hv = hub_version_new(g, &row);
	hub_tx(h);
	hub_recorded(h, db_versions_indexed(h->db, &row), f->path);
	h->last_version = MAX(h->last_version, row.id);
	/* Jobs of the former version hold it until the core has let the new one supersede them. */
	catalog_current(f, hv);
	catalog_state(f, FILE_CURRENT, NULL);
	hub_log_indexed(hv, &x->facts);
	hub_notice_settled(hv);
	reconcile_version(hv);
	hub_version_unref(hv);
}

static void take_indexed(struct indexing *x)
{
	struct hub_group *g = x->group;
	struct hub_file *f = x->file;
	struct hub *h = g->hub;

	if (f)
		f->indexing = NULL;
	if (x->lie[0])
		trust_lost(g, x->lie);
	if (!f || x->error || x->again) {
		take_drop_row(g, x->id, x->generation);
		if (f && (x->again || x->error == -ESTALE || x->error == -ECANCELED))
			take_again(f);
		else if (f)
			take_fault(f, x->err.text[0] ? x->err.text : "indexing", x->error);
	} else if (take_same(f, x)) {
		take_drop_row(g, x->id, x->generation);
		f->doubt = false;
		catalog_state(f, FILE_CURRENT, NULL);
		reconcile_version(f->current);
	} else {
		f->doubt = false;
		take_version(f, x);
	}
	indexing_free(x);
	take_pump(h);
	reconcile_group_deletions(g);
	hub_kick(h);
}

/* Opens what settled and hands it to a worker. */
static void take_begin(struct hub_file *f)
{
	struct hub_group *g = f->group;
	struct hub *h = g->hub;
	struct version_row row = {.group = g->name, .path = f->path, .mode = f->mode};
	struct identity now;
	struct stat st;
	int fd, r;

	r = beneath_open(g->dirfd, f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd);
	if (r == -ENOENT || r == -ELOOP || r == -ENOTDIR) {
		take_again(f);
		return;
	}
	if (r < 0) {
		take_fault(f, "opening it", r);
		return;
	}
	if (fstat(fd, &st) == 0)
		identity_of(&st, &now);
	else
		memset(&now, 0, sizeof(now));
	if (!identity_equal(&now, &f->settle.seen)) {
		close(fd);
		take_again(f);
		return;
	}
	row.identity = now;
	row.size = now.size;
	row.mtime = (struct wire_time){now.mtime.tv_sec, (uint32_t)now.mtime.tv_nsec};
	hub_tx(h);
	r = db_versions_add(h->db, &row, &row.id);
	hub_recorded(h, r, f->path);
	if (r < 0) {
		close(fd);
		take_fault(f, "recording it", r);
		return;
	}
	catalog_state(f, FILE_INDEXING, NULL);
	r = indexing_start(f, fd, row.id, take_indexed);
	if (r < 0)
		take_fault(f, "starting to index it", r);
}

static void take_pump(struct hub *h)
{
	struct hub_file *f;

	while (h->n_indexing < HUB_INDEXING && !h->stopping && (f = TAILQ_FIRST(&h->ready)))
		take_begin(f);
}

static void take_settled(struct hub_file *f)
{
	if (!f->settle.gone)
		catalog_state(f, FILE_READY, NULL);
	else if (canary_is(f->path) || !take_vanished(f->group)) {
		take_deleted(f);
		/* What was confirmed is what was gone then. */
		if (f->group->confirmed && !take_gone(f->group))
			f->group->confirmed = false;
	}
}

/* What the guards say of it now; said in the log where they did not say so before. */
static void take_guard(struct hub_file *f, const struct guard *guard, const char *lock)
{
	free(f->lock);
	f->lock = *lock ? xstrdup(lock) : NULL;
	if (guard && guard != f->settle.held)
		log_info("group %s: %s: not taken: %s%s%s", f->group->name, f->path,
			 guard_says(guard), *lock ? ": " : "", lock);
	if (f->mark.blind && !f->group->told_blind)
		log_warn("group %s: %s, and maybe others: %s", f->group->name, f->path,
			 guard_blind_text);
	f->group->told_blind |= f->mark.blind;
}

/* One file whose time is over; true if it left the list, false if the group stands still. */
static void take_look(struct hub_group *g, struct hub_file *f, struct now now)
{
	struct settle_look look;
	char lock[NAME_MAX + 1] = "";
	struct mono due;

	look = (struct settle_look){.gone = f->settle.gone, .identity = f->settle.seen};
	look.asked = !look.gone && settle_due(&f->settle, intake_settle_us(g, f->path), now.mono);
	if (look.asked)
		look.guard = guard_objects(g->dirfd, f->path, g->cfg, &f->mark, lock);
	if (look.asked)
		take_guard(f, look.guard, lock);
	if (settle_look(&f->settle, &look, intake_settle_us(g, f->path), now.mono, &due) ==
	    SETTLE_DONE)
		take_settled(f);
	else
		catalog_settling(f, due);
}

static void take_group(struct hub_group *g, struct now now)
{
	struct hub_file *f;
	char *path;

	while (!g->problem[0] && (f = TAILQ_FIRST(&g->settling)) && f->due.us <= now.mono.us) {
		/* What lies there now is seen first: it may have changed without a hint. This may
		 * take the file off the list, or forget it. */
		path = xstrdup(f->path);
		intake_touch(g, path);
		f = catalog_get(g, path);
		free(path);
		if (f && f->state == FILE_SETTLING && f->due.us <= now.mono.us)
			take_look(g, f, now);
	}
}

struct mono take_due(struct hub *h, struct now now)
{
	struct mono next = MONO_NEVER;
	struct hub_group *g;
	struct hub_file *f;

	TAILQ_FOREACH (g, &h->groups, entry) {
		if (g->dirfd < 0)
			continue;
		take_group(g, now);
		f = TAILQ_FIRST(&g->settling);
		if (f && !g->problem[0] && f->due.us < next.us)
			next = f->due;
	}
	take_pump(h);
	return next;
}
