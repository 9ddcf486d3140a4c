/*
 * hub_history.c: see hub_history.h.
 */
#include "scheduler/hub_history.h"

#include "scheduler/hub_jobs.h"
#include "scheduler/inventory.h"

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void add(struct hub_job *x, const struct tally *t)
{
	struct hub *h = x->hub;

	hub_tx(h);
	hub_recorded(h,
		     db_tally_add(h->db, daemon_now().wall, x->job->version->group,
				  x->job->spoke->name, t),
		     "what was done");
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

void hub_history_started(struct hub_job *x)
{
	struct inventory *inv = inventory_make(x->spoke, x->job->version->group);
	struct tally t = {.windows = 1};

	if (inv->opening == (uint32_t)x->job->opening + 1)
		return;
	inv->opening = (uint32_t)x->job->opening + 1;
	add(x, &t);
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
