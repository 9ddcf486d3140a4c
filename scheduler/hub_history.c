/*
 * hub_history.c: see hub_history.h.
 */
#include "scheduler/hub_history.h"

#include "scheduler/hub_jobs.h"

#define EDGES_MOST 400u

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void add_for(struct hub_job *x, const char *group, const struct tally *t)
{
	struct hub *h = x->hub;

	hub_tx(h);
	hub_recorded(h, db_tally_add(h->db, daemon_now().wall, group, x->job->spoke->name, t),
		     "what was done");
}

static void add(struct hub_job *x, const struct tally *t)
{
	add_for(x, x->job->version->group, t);
}

void hub_history_progress(struct hub_job *x, const struct job_counters *c)
{
	const struct job_counters *b = &x->counted;
	struct tally t = {
		.wire_out = grown(c->wire_out, b->wire_out),
		.wire_in = grown(c->wire_in, b->wire_in),
		.active_us = MAX(c->active_us - b->active_us, 0),
		.throttled_us = MAX(c->throttled_us - b->throttled_us, 0),
	};

	if (t.wire_out || t.wire_in || t.active_us || t.throttled_us)
		add(x, &t);
	x->counted = *c;
}

void hub_history_ended(struct hub_job *x)
{
	const struct job *j = x->job;
	const struct version *v = j->version;
	struct job_counters c;
	struct tally t = {0};

	/* What was there before anything began is no deed of ours. */
	if (x->satisfied)
		return;
	t.published = j->state == JOB_PUBLISHED;
	t.failed = j->state == JOB_FAILED;
	t.other = !t.published && !t.failed;
	/* By the clock: j->late is what was foreseen at the last look. */
	t.late = daemon_now().wall.s > core_deadline(x->hub->core, j).s;
	if (t.published && j->kind == JOB_PUT) {
		hub_job_counters(x, &c);
		t.logical = v->size;
		t.holes = grown(v->size, v->nonzero);
		t.reused = grown(v->nonzero, c.literal);
		t.compressed = grown(MIN(c.literal, v->nonzero), c.wire_out);
	}
	add(x, &t);
}

/* When the window that is open now closes; with so many edges before that, the last of these. */
static struct wall closes(const struct hub_job *x)
{
	struct now at = daemon_now();
	struct rate_chain ch = {.open = true};

	for (unsigned i = 0; i < EDGES_MOST && ch.open && at.wall.s != WALL_NEVER.s; i++) {
		core_rates(x->hub->core, x->job->spoke, x->version->group->cfg, at, &ch);
		if (ch.open)
			at.wall = ch.until;
	}
	return at.wall;
}

/* Counts the window that is open where this group of the spoke, or any, did not use it before. */
static void used(struct hub_job *x, const char *group, struct wall *till)
{
	const struct tally t = {.windows = 1};
	struct hub *h = x->hub;
	struct wall last;
	int r = db_window_till(h->db, group, x->job->spoke->name, &last);

	if (r == 0 && daemon_now().wall.s < last.s)
		return;
	if (till->s == 0)
		*till = closes(x);
	hub_tx(h);
	if (r == 0)
		r = db_window_set(h->db, group, x->job->spoke->name, *till);
	hub_recorded(h, r, "a window");
	if (r == 0)
		add_for(x, group, &t);
}

void hub_history_started(struct hub_job *x)
{
	struct wall till = {0};

	used(x, x->job->version->group, &till);
	used(x, HISTORY_ALL_GROUPS, &till);
}

void hub_history_mishap(struct hub *h, const struct mishap *m)
{
	struct mishap all = {
		.what = m->what,
		.spoke = m->spoke ? m->spoke : "",
		.group = m->group ? m->group : "",
		.path = m->path ? m->path : "",
		.why = m->why ? m->why : "",
		.at = daemon_now().wall,
	};

	hub_tx(h);
	hub_recorded(h, db_mishap_add(h->db, &all), "what went wrong");
}

void hub_history_over(struct hub *h, const char *what, const char *spoke, const char *group)
{
	hub_tx(h);
	hub_recorded(h,
		     db_mishap_over(h->db, what, spoke ? spoke : "", group ? group : "",
				    daemon_now().wall),
		     "what went wrong");
}
