/*
 * spoke_read.c: see spoke_read.h. One step of one file at a time on a worker; between steps
 * everything belongs to the loop, so a pass can be paced, paused and recorded there.
 */
#include "scheduler/spoke_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"
#include "scheduler/spoke_local.h"

struct spoke_read {
	struct work w;
	struct spoke_group *g;
	struct spoke_read_events ev;
	struct spoke_read_at at;
	char *only;
	uint64_t step, before;
	struct spoke_file file; /* that is being read */
	bool working, again;	/* again: the same file once more */
	int r;
	ev_timer timer;
};

static void next_step(struct spoke_read *r);

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	next_step(t->data);
}

struct spoke_read *spoke_read_new(struct spoke_group *g, const char *only, uint64_t step,
				  const struct spoke_read_events *ev)
{
	struct spoke_read *r = xcalloc(1, sizeof(*r));

	r->g = g;
	r->ev = *ev;
	r->step = step;
	r->only = only ? xstrdup(only) : NULL;
	ev_timer_init(&r->timer, on_timer, 0.0, 0.0);
	r->timer.data = r;
	return r;
}

struct spoke_read *spoke_read_free(struct spoke_read *r)
{
	if (!r)
		return NULL;
	ev_timer_stop(r->g->spoke->d->loop, &r->timer);
	free(r->only);
	free(r);
	return NULL;
}

struct spoke_read_at *spoke_read_at(struct spoke_read *r)
{
	return &r->at;
}

bool spoke_read_works(const struct spoke_read *r)
{
	return r->working;
}

static void step_run(struct work *w)
{
	struct spoke_read *r = container_of(w, struct spoke_read, w);

	r->r = scrub_part(r->g->store, r->file.path, &r->file.identity, &r->file.root, &r->at.part,
			  r->step, &r->g->spoke->cancel);
}

static void file_done(struct spoke_read *r)
{
	r->at.files++;
	r->at.bytes += r->file.identity.size;
	memset(&r->at.part, 0, sizeof(r->at.part));
}

/* What the record says cannot be relied on: the file is hashed, and then it shows what it is. */
static void hash_again(struct spoke_read *r)
{
	struct spoke_group *g = r->g;

	if (spoke_db_unsure(g->db, &r->file.root) < 0)
		log_error("group %s: database: %s", g->name, db_error(g->db));
	spoke_index_later(g, r->file.path);
}

/* Its file was replaced while it was read, by a publication: that one's record is the right one. */
static bool is_superseded(const struct spoke_read *r)
{
	struct spoke_file now;

	return spoke_publishing(r->g, r->file.path) ||
	       spoke_db_file(r->g->db, r->file.path, &now) < 0 || now.gone ||
	       !identity_equal(&now.identity, &r->file.identity);
}

/* A pin of ours changed its ctime, and that is recorded: the content is the same. */
static bool only_linked(const struct spoke_read *r)
{
	struct spoke_file now;

	return spoke_db_file(r->g->db, r->file.path, &now) == 0 && !now.gone && now.sure &&
	       hash_equal(&now.root, &r->file.root) &&
	       !identity_equal(&now.identity, &r->file.identity) &&
	       now.identity.ino == r->file.identity.ino;
}

static void file_bad(struct spoke_read *r)
{
	struct spoke_group *g = r->g;
	enum wire_local what = LOCAL_NOT;

	if (r->r == -ENOENT)
		what = LOCAL_REMOVED;
	else if (r->r == -EIO)
		what = LOCAL_UNREADABLE;
	if (what != LOCAL_NOT) {
		if (spoke_local_lost(g, r->file.path, what) < 0)
			log_error("group %s: database: %s", g->name, db_error(g->db));
	} else {
		log_warn("group %s: %s: read again: %s", g->name, r->file.path,
			 r->at.part.bad ? "it is not what was recorded"
					: "its record is missing or it was changed");
		hash_again(r);
	}
	r->ev.found(r->ev.arg, r->file.path, what, r->at.part.bad);
}

static void step_done(struct work *w)
{
	struct spoke_read *r = container_of(w, struct spoke_read, w);
	struct spoke *s = r->g->spoke;
	uint64_t read = r->at.part.read - r->before;
	double wait;

	r->working = false;
	r->at.read += read;
	if (r->r == -ECANCELED || s->stopping) {
		r->ev.done(r->ev.arg, -ECANCELED);
		spoke_work_ended(s);
		return;
	}
	r->again = r->r == -ESTALE && only_linked(r);
	if (r->r != 1 && !r->again) {
		if ((r->r < 0 || r->at.part.bad) && !is_superseded(r))
			file_bad(r);
		file_done(r);
	}
	wait = r->ev.pause(r->ev.arg, read);
	if (wait >= 0) {
		ev_timer_set(&r->timer, wait, 0.0);
		ev_timer_start(s->d->loop, &r->timer);
	}
	spoke_work_ended(s);
}

/* The file that is under way, or the one after it. 0, -ENOENT: none. */
static int find_file(struct spoke_read *r)
{
	int got;

	if (r->at.part.next > 0 || r->again) {
		got = spoke_db_file(r->g->db, r->at.path, &r->file);
		if (got < 0 && got != -ENOENT)
			return got;
		if (got == 0 && !r->file.gone && r->file.sure)
			return 0;
		memset(&r->at.part, 0, sizeof(r->at.part));
	}
	if (!r->only)
		got = spoke_db_after(r->g->db, r->at.path, &r->file);
	else if (r->at.path[0])
		return -ENOENT; /* it was that one */
	else
		got = spoke_db_file(r->g->db, r->only, &r->file);
	if (got == 0 && r->file.gone)
		got = -ENOENT;
	if (got == 0)
		memcpy(r->at.path, r->file.path, sizeof(r->at.path));
	return got;
}

static void next_step(struct spoke_read *r)
{
	struct spoke *s = r->g->spoke;
	int got = r->g->db && !r->g->kept && !s->stopping ? find_file(r) : -ECANCELED;

	if (got < 0) {
		r->ev.done(r->ev.arg, got == -ENOENT ? 0 : got);
		return;
	}
	r->before = r->at.part.read;
	r->w.run = step_run;
	r->w.done = step_done;
	r->working = true;
	spoke_work_begun(s);
	pool_submit(s->d->pool, NULL, &r->w);
}

void spoke_read_go(struct spoke_read *r)
{
	if (!r->working && !ev_is_active(&r->timer))
		next_step(r);
}
