/*
 * spoke_scan.c: what lies in a group's directory, compared with the database: at start and now and
 * then. Files that are unknown or changed are to be indexed (spoke_index.c); those that are gone
 * are told as gone. So files put there by hand, and a lost database, need nothing to be sent again.
 */
#include <errno.h>
#include <stdlib.h>

#include "scheduler/log.h"
#include "scheduler/scan.h"
#include "scheduler/spoke_local.h"
#include "scheduler/strmap.h"

#define SCAN_RETRY_S 60.0
#define SCAN_LEAST_S 5.0
#define SCAN_SOON_S  2.0 /* after a hint: others follow */
#define QUIET_S	     2

struct spoke_scan {
	struct work w;
	struct spoke_group *g;
	struct scan_result result;
	struct strmap seen; /* path -> entry */
	struct strmap gone; /* path -> itself */
	char **names;
	size_t n_names;
};

static void scan_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct spoke_group *g = w->data;

	(void)loop;
	(void)revents;
	if (!g->db)
		(void)spoke_group_ready(g); /* begins with a scan */
	else
		spoke_scan_start(g);
	if (!g->db) {
		ev_timer_set(w, SCAN_RETRY_S, 0.0);
		ev_timer_start(loop, w);
	}
}

void spoke_scan_init(struct spoke_group *g)
{
	ev_timer_init(&g->scan_timer, scan_timer, SCAN_RETRY_S, 0.0);
	g->scan_timer.data = g;
	ev_timer_start(g->spoke->d->loop, &g->scan_timer);
}

static void add_unsettled(struct spoke_group *g, const char *path)
{
	if (g->n_unsettled < SPOKE_UNSETTLED_NAMES)
		g->unsettled[g->n_unsettled] = xstrdup(path);
	g->n_unsettled++;
}

static void forget_unsettled(struct spoke_group *g)
{
	for (unsigned i = 0; i < MIN(g->n_unsettled, SPOKE_UNSETTLED_NAMES); i++)
		free(g->unsettled[i]);
	g->n_unsettled = 0;
}

void spoke_scan_stop(struct spoke_group *g)
{
	ev_timer_stop(g->spoke->d->loop, &g->scan_timer);
	spoke_local_unwatch(g);
	forget_unsettled(g);
	spoke_index_stop(g);
}

static void scan_again(struct spoke_group *g, double after)
{
	ev_timer_stop(g->spoke->d->loop, &g->scan_timer);
	ev_timer_set(&g->scan_timer, after, 0.0);
	ev_timer_start(g->spoke->d->loop, &g->scan_timer);
}

void spoke_scan_resume(struct spoke_group *g)
{
	scan_again(g, 0.0);
}

void spoke_scan_soon(struct spoke_group *g)
{
	if (g->scan_hint || g->spoke->stopping || g->kept)
		return;
	g->scan_hint = true;
	if (!g->scan) /* else when that one has ended */
		scan_again(g, SCAN_SOON_S);
}

static void scan_work(struct work *w)
{
	struct spoke_scan *s = container_of(w, struct spoke_scan, w);

	scan_run(s->g->store->root_fd, &s->g->spoke->cancel, &s->result);
}

static bool unchanged(const struct spoke_file *f, const struct scan_entry *e)
{
	return !f->gone && f->sure && identity_equal(&f->identity, &e->identity) &&
	       f->mode == e->mode;
}

/*
 * A publication may have come between the listing and this look: is what was listed (NULL: nothing)
 * still there, and no publication's business? Else the row is right, or will be.
 */
static bool still_so(struct spoke_group *g, const char *path, const struct identity *listed,
		     const struct spoke_file *f)
{
	struct publish_look look;
	struct err e;

	if (spoke_publishing(g, path) || publish_look(g->store, path, &look, &e) < 0)
		return false;
	if (!listed)
		return !look.present;
	return look.present && (identity_equal(&look.identity, listed) ||
				!identity_equal(&look.identity, &f->identity));
}

static int look_gone(void *arg, const struct spoke_file *f)
{
	struct spoke_scan *s = arg;

	if (strmap_get(&s->seen, f->path) || !still_so(s->g, f->path, NULL, f))
		return 0;
	s->names = xrealloc(s->names, (s->n_names + 1) * sizeof(*s->names));
	s->names[s->n_names++] = xstrdup(f->path);
	return 0;
}

/* Only the mode changed: no reason to read the file. */
static int take_mode(struct spoke_group *g, struct spoke_file *f, const struct scan_entry *e)
{
	int r;

	f->mode = e->mode;
	f->seq = g->seq + 1;
	r = spoke_db_put(g->db, f);
	if (r == 0)
		g->seq++;
	return r;
}

/* It is looked at again when it has been left alone for a while. */
static bool being_written(const struct scan_entry *e)
{
	int64_t now = daemon_now().wall.s;
	int64_t last = MAX((int64_t)e->identity.mtime.tv_sec, (int64_t)e->identity.ctime.tv_sec);

	return now >= last && now - last < QUIET_S;
}

static int scan_compare(struct spoke_scan *s)
{
	struct spoke_group *g = s->g;
	struct spoke_file f;
	size_t i;
	int r;

	forget_unsettled(g);
	for (i = 0; i < s->result.n_entries; i++) {
		const struct scan_entry *e = &s->result.entries[i];

		if (e->skip || spoke_path_own(g, e->path))
			continue;
		strmap_put(&s->seen, e->path, (void *)e);
		r = spoke_db_file(g->db, e->path, &f);
		if (r == 0 && (unchanged(&f, e) || !still_so(g, e->path, &e->identity, &f)))
			continue;
		if (g->scanned && being_written(e)) {
			add_unsettled(g, e->path);
			spoke_scan_soon(g);
			continue;
		}
		if (r == 0 && !f.gone && f.sure && identity_equal(&f.identity, &e->identity))
			r = take_mode(g, &f, e);
		else if (r == 0 || r == -ENOENT) {
			spoke_index_later(g, e->path);
			r = 0;
		}
		if (r < 0)
			return r;
	}
	r = spoke_db_each(g->db, look_gone, s);
	for (i = 0; i < s->n_names && r == 0; i++)
		r = spoke_local_lost(g, s->names[i], LOCAL_REMOVED);
	return r;
}

static void scan_finished(struct work *w)
{
	struct spoke_scan *s = container_of(w, struct spoke_scan, w);
	struct spoke_group *g = s->g;
	bool fresh;
	size_t i;

	g->scan = NULL;
	if (s->result.error < 0) {
		if (s->result.error != -ECANCELED)
			log_error("group %s: %s", g->name, s->result.text);
	} else if (db_begin(g->db) < 0 || scan_compare(s) < 0 || db_commit(g->db) < 0) {
		log_error("group %s: database: %s", g->name, db_error(g->db));
		db_rollback(g->db);
		if (spoke_db_position(g->db, g->epoch, &g->seq, &fresh) < 0)
			log_error("group %s: database: %s", g->name, db_error(g->db));
	}
	g->scanned = true;
	if (s->result.error == 0 && !g->kept && !g->spoke->stopping)
		spoke_local_watch(g, s->result.dirs, s->result.n_dirs);
	scan_done(&s->result);
	strmap_done(&s->seen);
	for (i = 0; i < s->n_names; i++)
		free(s->names[i]);
	free(s->names);
	free(s);
	if (g->db && !g->spoke->stopping)
		spoke_preserve_trim(g); /* by age */
	if (!g->kept && !g->spoke->stopping)
		scan_again(g, g->scan_hint
				      ? SCAN_SOON_S
				      : MAX((double)g->cfg->scan_us / SECOND_US, SCAN_LEAST_S));
	spoke_work_ended(g->spoke);
}

void spoke_scan_start(struct spoke_group *g)
{
	struct spoke_scan *s;

	if (g->scan || g->spoke->stopping || g->kept)
		return;
	s = g->scan = xcalloc(1, sizeof(*s));
	s->g = g;
	g->scan_hint = false;
	s->w.run = scan_work;
	s->w.done = scan_finished;
	spoke_work_begun(g->spoke);
	pool_submit(g->spoke->d->pool, NULL, &s->w);
}
