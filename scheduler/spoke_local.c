/*
 * spoke_local.c: see spoke_local.h.
 */
#include "scheduler/spoke_local.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "scheduler/joblog.h"
#include "scheduler/log.h"
#include "scheduler/watch.h"

/* To the job log, with names: what an administrator looks for. */
static void tell(struct spoke_group *g, const char *path, const char *what, const struct hash *root)
{
	char hex[HASH_HEX + 1];
	json_t *o;

	log_warn("group %s: %s is %s here: not by the hub", g->name, path, what);
	if (!g->spoke->d->joblog)
		return;
	o = json_pack("{s:s, s:s, s:s}", "group", g->name, "path", path, "what", what);
	if (root)
		json_object_set_new(o, "root", json_string(hash_hex(root, hex)));
	joblog_event(g->spoke->d->joblog, EVENT_DRIFT, o);
}

/* The bytes are others and nothing that a writer leaves shows it: that is damage. */
static enum wire_local judge(const struct spoke_file *old, const struct spoke_file *f)
{
	bool same = hash_equal(&f->root, &old->root);

	if (old->local == LOCAL_RESTORED && same)
		return old->local;
	if (!old->was_published || hash_equal(&f->root, &old->published))
		return LOCAL_NOT;
	if ((old->local == LOCAL_CHANGED || old->local == LOCAL_DAMAGED) && same)
		return old->local;
	return identity_equal(&f->identity, &old->identity) ? LOCAL_DAMAGED : LOCAL_CHANGED;
}

int spoke_local_found(struct spoke_group *g, struct spoke_file *f)
{
	struct spoke_file old;
	int r = spoke_db_file(g->db, f->path, &old);

	if (r < 0 && r != -ENOENT)
		return r;
	f->local = r == 0 ? judge(&old, f) : LOCAL_NOT;
	f->was_published = r == 0 && old.was_published;
	if (f->was_published)
		f->published = old.published;
	f->sure = true;
	f->seq = g->seq + 1;
	if (r == 0 && f->local != LOCAL_NOT && f->local != old.local)
		tell(g, f->path, wire_local_word(f->local), &f->root);
	r = spoke_db_put(g->db, f);
	if (r == 0)
		g->seq++;
	return r;
}

int spoke_local_lost(struct spoke_group *g, const char *path, enum wire_local why)
{
	struct spoke_file old;
	int r = spoke_db_file(g->db, path, &old);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = spoke_db_lost(g->db, path, g->seq + 1, why);
	if (r < 0 || db_changes(g->db) == 0)
		return r;
	g->seq++;
	if (old.was_published)
		tell(g, path, wire_local_word(why), NULL);
	else
		log_info("group %s: %s is gone", g->name, path);
	return 0;
}

/* ---- hints of the kernel ---- */

/* Our own publications are noticed too: what is as recorded is no news. */
static void touched(void *arg, const char *path)
{
	struct spoke_group *g = arg;
	struct publish_look look;
	struct spoke_file f;
	struct err e;

	if (lockfile_is(&g->cfg->lock, path))
		spoke_changes_hint(g->spoke);
	if (!wire_path_ok(path, &e) || spoke_publishing(g, path) || spoke_path_own(g, path))
		return;
	if (publish_look(g->store, path, &look, &e) == 0 && spoke_db_file(g->db, path, &f) == 0 &&
	    !f.gone == look.present &&
	    (!look.present ||
	     (f.sure && f.mode == look.mode && identity_equal(&f.identity, &look.identity))))
		return;
	spoke_scan_soon(g);
}

static void something(void *arg)
{
	spoke_scan_soon(arg);
}

void spoke_local_watch(struct spoke_group *g, char *const *dirs, size_t n)
{
	struct watch_events ev = {.touched = touched, .scan = something, .arg = g};
	struct err e = {""};
	bool fresh = false;

	if (!g->watch && !g->watch_failed) {
		g->watch = watch_new(g->spoke->d->loop, g->cfg->path, &ev, &e);
		g->watch_failed = !g->watch;
		if (!g->watch)
			log_warn("group %s: %s: changes here wait for the scan", g->name, e.text);
		fresh = true; /* what happens before the first watch is for the next scan */
	}
	for (size_t i = 0; g->watch && i < n; i++) {
		int r = watch_add(g->watch, dirs[i]);

		if (r == 1 && !fresh)
			spoke_scan_soon(g); /* what happened in it before is not known */
		if (r < 0 && r != -ENOENT && r != -ENOTDIR && !g->watch_full) {
			g->watch_full = true;
			log_warn("group %s: cannot watch every directory (%s): changes there wait "
				 "for the scan",
				 g->name,
				 r == -ENOSPC ? "see fs.inotify.max_user_watches" : strerror(-r));
		}
	}
}

void spoke_local_unwatch(struct spoke_group *g)
{
	g->watch = watch_free(g->watch);
}
