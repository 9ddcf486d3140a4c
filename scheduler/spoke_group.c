/*
 * spoke_group.c: a group on a spoke: opening its store and database, going on with publications
 * that a crash interrupted, whom its files belong to, and which names may come from the hub.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "policy/filter.h"
#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_notice.h"
#include "scheduler/spoke_state.h"
#include "transfer/durable.h"

struct spoke_group *spoke_group_new(struct spoke *s, const struct group_cfg *cfg)
{
	struct spoke_group *g = xcalloc(1, sizeof(*g));

	g->spoke = s;
	g->name = xstrdup(cfg->name);
	TAILQ_INIT(&g->transfers);
	TAILQ_INIT(&g->to_index);
	TAILQ_INIT(&g->publishing);
	pthread_mutex_init(&g->space_lock, NULL);
	lane_init(&g->publish_lane);
	lane_init(&g->tree_lane);
	spoke_scan_init(g);
	spoke_group_configure(g, cfg);
	return g;
}

void spoke_group_configure(struct spoke_group *g, const struct group_cfg *cfg)
{
	const struct passwd *pw = cfg->owner ? getpwnam(cfg->owner) : NULL;
	const struct group *gr = cfg->owner_group ? getgrnam(cfg->owner_group) : NULL;

	g->cfg = cfg;
	g->uid = pw ? pw->pw_uid : (uid_t)-1;
	g->gid = gr ? gr->gr_gid : (gid_t)-1;
	if (cfg->owner && !pw)
		log_error("group %s: owner = %s: there is no such user here", g->name, cfg->owner);
	if (cfg->owner_group && !gr)
		log_error("group %s: group = %s: there is no such group here", g->name,
			  cfg->owner_group);
}

struct spoke_group *spoke_group_free(struct spoke_group *g)
{
	struct spoke_transfer *t;

	if (!g)
		return NULL;
	spoke_scan_stop(g);
	spoke_verify_free(g);
	spoke_scrub_free(g);
	spoke_changes_forget(g);
	spoke_protect_free(g);
	while ((t = TAILQ_FIRST(&g->transfers))) {
		TAILQ_REMOVE(&g->transfers, t, entry);
		staging_close(t->st);
		free(t);
	}
	spoke_resting_free(g);
	spoke_epoch_close(g);
	db_close(g->db);
	store_close(g->store);
	config_unref(g->kept);
	pthread_mutex_destroy(&g->space_lock);
	free(g->unread);
	free(g->name);
	free(g);
	return NULL;
}

/* What the interrupted publication put aside, and what it left in staging. */
static int roll_rest(struct spoke_group *g, const struct spoke_intent *i)
{
	char dir[HASH_HEX + 1];
	struct stat st;

	snprintf(dir, sizeof(dir), "%.64s", i->source);
	if (strchr(i->source, '/') && store_remove_dir(g->store->staging_fd, dir) < 0)
		log_warn("group %s: staging/%s cannot be removed", g->name, dir);
	if (!i->keep[0] || fstatat(g->store->preserved_fd, i->keep, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return spoke_aside_list(g, i, &st);
}

#define ROLL_STUCK 1 /* it cannot go on; that was said */

static int roll_stuck(struct spoke_group *g, const struct spoke_intent *i, const char *what,
		      const struct err *e)
{
	log_warn("group %s: %s: its %s was interrupted and cannot go on: %s", g->name, i->path,
		 what, e->text[0] ? e->text : "another file is there");
	return ROLL_STUCK;
}

/* A removal that is part of a set: it goes now, if it is still what was to go. */
static int roll_removal(struct spoke_group *g, const struct spoke_intent *i)
{
	struct publish_look look;
	struct identity old;
	struct err e = {""};
	int r = publish_look(g->store, i->path, &look, &e);

	if (r == 0 && look.present && look.identity.ino == i->identity.ino) {
		r = publish_remove(g->store, i->path, i->keep[0] ? i->keep : NULL, &old, &e);
		look.present = r < 0;
	}
	if (r < 0 || look.present)
		return roll_stuck(g, i, "removal", &e);
	log_info("group %s: %s: its removal, interrupted, is done now", g->name, i->path);
	spoke_notice(g, "delete", i->path, &i->root, 0);
	r = spoke_db_gone(g->db, i->path, g->seq + 1);
	g->seq += r == 0 && db_changes(g->db) > 0;
	if (r == 0)
		r = roll_rest(g, i);
	spoke_index_later(g, i->path);
	return r;
}

/*
 * A publication that was begun and not recorded as done: what was staged is renamed now if it was
 * not yet; the file is listed, and hashed again before it counts as proof.
 */
static int roll_staged(struct spoke_group *g, const struct spoke_intent *i)
{
	struct spoke_file f = {
		.root = i->root, .mode = i->mode, .was_published = true, .published = i->root};
	struct identity old;
	struct publish_look look;
	struct err e = {""};
	int r;

	r = publish_look(g->store, i->path, &look, &e);
	if (r == 0 && (!look.present || look.identity.ino != i->identity.ino)) {
		r = publish_commit(g->store, i->source, i->path, i->keep[0] ? i->keep : NULL,
				   &f.identity, &old, &e);
		look.present = r == 0;
		look.identity = f.identity;
	}
	if (r == 0 && look.present && look.identity.ino == i->identity.ino &&
	    look.identity.size == i->identity.size) {
		snprintf(f.path, sizeof(f.path), "%s", i->path);
		f.identity = look.identity;
		f.seq = g->seq + 1;
		spoke_notice(g, "put", i->path, &i->root, i->identity.size);
		r = spoke_db_put(g->db, &f);
		if (r == 0)
			r = roll_rest(g, i);
		if (r < 0)
			return r;
		g->seq++;
		log_info("group %s: %s: its publication, interrupted, is done now", g->name,
			 i->path);
	} else {
		r = i->keep[0] ? spoke_aside_intent(g, i) : 0;
		if (r < 0)
			return r;
		r = roll_stuck(g, i, "publication", &e);
	}
	spoke_index_later(g, i->path);
	return r;
}

struct rolling {
	struct spoke_group *g;
	int64_t stuck; /* a set, of which nothing more is done */
};

/* As for a set that fails while the daemon runs: what comes after it stands on it. All of the rest
 * is forgotten at once, so that a daemon that is killed here does not do it either. */
static int roll_stop(struct rolling *x, const struct spoke_intent *i)
{
	struct spoke_group *g = x->g;
	int r = spoke_db_intents_drop(g->db, i->set, i->id);

	x->stuck = i->set;
	if (r == 0)
		log_warn("group %s: %s: of its set nothing more is done (%" PRId64
			 " names); the hub publishes it anew",
			 g->name, i->path, db_changes(g->db));
	return r;
}

static int roll_forward(void *arg, const struct spoke_intent *i)
{
	struct rolling *x = arg;
	struct spoke_group *g = x->g;
	int r;

	if (i->set && i->set == x->stuck)
		return 0;
	r = !i->source[0]			? spoke_aside_intent(g, i)
	    : !strcmp(i->source, SPOKE_REMOVES) ? roll_removal(g, i)
						: roll_staged(g, i);
	if (r == ROLL_STUCK && i->set)
		return roll_stop(x, i);
	return r < 0 ? r : spoke_db_intent_done(g->db, i->id);
}

/* What a killed daemon was making: indexes, copies that no intent names any more. */
static void sweep(struct spoke_group *g)
{
	unsigned n = durable_sweep(g->store->index_fd, DURABLE_TEMP) +
		     durable_sweep(g->store->staging_fd, SPOKE_COPY);

	if (n)
		log_info("group %s: %u files that were never finished are gone", g->name, n);
}

static int open_group(struct spoke_group *g, struct err *e)
{
	struct rolling rolling = {.g = g};
	char *path;
	int r = store_open(g->cfg->path, &g->store, e);

	if (r < 0)
		return r;
	path = xasprintf("%s/%s/spoke.db", g->cfg->path, STORE_DIR);
	r = spoke_db_open(path, &g->db, e);
	free(path);
	if (r < 0)
		return r;
	r = spoke_epoch_open(g);
	if (r == 0)
		r = spoke_db_intents(g->db, roll_forward, &rolling);
	if (r == 0)
		r = spoke_aside_sweep(g);
	if (r == 0)
		sweep(g);
	return r < 0 ? err_set(e, r, "database: %s", db_error(g->db)) : 0;
}

int spoke_store_mend(struct spoke_group *g, struct err *e)
{
	int r = store_mend(g->store);

	if (r > 0)
		log_warn("group %s: directories of " STORE_DIR " were deleted; they are made again",
			 g->name);
	return r < 0 ? err_set(e, r, "cannot make what was deleted of " STORE_DIR ": %s",
			       strerror(-r))
		     : 0;
}

bool spoke_group_ready(struct spoke_group *g)
{
	struct err e = {""};

	if (g->db)
		return true;
	if (open_group(g, &e) == 0) {
		g->problem[0] = '\0';
		log_info("group %s: %s, %s", g->name, g->cfg->path,
			 g->store->reflink ? "files can share blocks"
					   : "files cannot share blocks");
		spoke_scan_start(g);
		spoke_preserve_trim(g);
		spoke_tidy(g);
		spoke_scrub_update(g);
		spoke_protect_update(g);
		return true;
	}
	if (strncmp(g->problem, e.text, sizeof(g->problem) - 1) != 0)
		log_error("group %s: %s", g->name, e.text);
	snprintf(g->problem, sizeof(g->problem), "%.299s", e.text);
	g->db = db_close(g->db);
	g->store = store_close(g->store);
	return false;
}

bool spoke_path_own(const struct spoke_group *g, const char *path)
{
	return lockfile_is(&g->cfg->lock, path) ||
	       (g->cfg->protect_local && filter_any(g->cfg->protect_local, path));
}

bool spoke_path_allowed(const struct spoke_group *g, const char *path, struct err *e)
{
	if (!wire_path_ok(path, e))
		return false;
	if (!spoke_path_own(g, path))
		return true;
	err_set(e, -EPERM, "%s is this spoke's own (%s)", path,
		lockfile_is(&g->cfg->lock, path) ? "a lock file" : "protect_local");
	return false;
}
