/*
 * hub_jobs.c: see hub_jobs.h. Starting and ending a push is hub_start.c's, publishing is
 * hub_publish.c's.
 */
#include "scheduler/hub_jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/catalog.h"
#include "scheduler/hub_changes.h"
#include "scheduler/hub_descent.h"
#include "scheduler/hub_history.h"
#include "scheduler/hub_log.h"
#include "scheduler/hub_notices.h"
#include "scheduler/hub_publish.h"
#include "scheduler/hub_rates.h"
#include "scheduler/hub_start.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "scheduler/reconcile.h"

#define RECORD_US (5 * SECOND_US) /* a kill -9 costs at most this much of a run's figures */

static const char *kind_word(enum job_kind k)
{
	switch (k) {
	case JOB_META:
		return "meta";
	case JOB_DELETE:
		return "delete";
	default:
		return "put";
	}
}

static struct hub_job *hub_job_new(struct hub_spoke *s, struct job *j, struct hub_version *hv)
{
	struct hub_job *x = xcalloc(1, sizeof(*x));

	x->hub = s->hub;
	x->job = j;
	x->spoke = s;
	x->version = hub_version_ref(hv);
	x->fd = -1;
	s->n_jobs++;
	j->user = x;
	return x;
}

/* What the job that this one supersedes has brought there, so that it is not sent again. */
static void hub_job_inherit(struct hub_job *x, const struct job *old)
{
	const struct hub_job *from = old ? hub_job_of(old) : NULL;
	struct job_counters c;

	if (!from || job_over(old) || old->kind != JOB_PUT)
		return;
	hub_job_counters(from, &c);
	if (memcmp(old->version->root, x->version->v->root, HASH_SIZE) && c.proven) {
		x->has_partial = true;
		memcpy(x->partial.b, old->version->root, HASH_SIZE);
	} else {
		x->has_partial = from->has_partial;
		x->partial = from->partial;
	}
}

void hub_jobs_add(struct hub_spoke *s, enum job_kind kind, struct hub_version *hv)
{
	struct hub *h = s->hub;
	struct job *old = core_job_of(h->core, s->name, hv->v->group, hv->v->path);
	struct job *j;
	struct hub_job *x;

	j = core_add_job(h->core, 0, kind, hv->v, s->name, daemon_now());
	if (!j || hub_job_of(j))
		return;
	x = hub_job_new(s, j, hv);
	hub_job_inherit(x, old);
	hub_job_record(x);
	hub_log_job(x, EVENT_CREATED);
	hub_kick(h);
}

/* Over: the content may go, and figures stay. */
static void hub_job_over(struct hub_job *x)
{
	hub_publish_cancel(x);
	hub_start_cancel(x);
	hub_job_close(x);
	if (!x->version)
		return;
	x->spoke->n_jobs--;
	x->spoke = NULL;
	x->version = hub_version_unref(x->version);
}

void hub_jobs_restore(struct hub *h, const struct job_row *r, struct hub_version *hv)
{
	enum job_kind kind = !strcmp(r->kind, "delete") ? JOB_DELETE
			     : !strcmp(r->kind, "meta") ? JOB_META
							: JOB_PUT;
	struct hub_spoke *s = hub_spoke(h, r->spoke);
	struct job *j;
	struct hub_job *x;

	j = s ? core_add_job(h->core, r->id, kind, hv->v, r->spoke, daemon_now()) : NULL;
	if (!j || hub_job_of(j))
		return;
	x = hub_job_new(s, j, hv);
	j->created = r->created;
	j->started = r->started;
	j->tries = r->tries;
	j->windows_used = r->windows;
	j->done_bytes = r->counters.done;
	j->total_bytes = r->counters.total;
	x->before = x->counted = r->counters;
	x->has_partial = r->has_partial;
	x->partial = r->partial;
	if (!r->over)
		return;
	core_restore_given_up(h->core, j, !strcmp(r->state, "failed") ? JOB_FAILED : JOB_CANCELLED,
			      r->reason, r->ended);
	hub_job_over(x);
}

void hub_jobs_satisfied(struct job *j)
{
	struct hub_job *x = hub_job_of(j);

	/* One that runs finds out by itself, and then nothing is cut off. */
	if (j->running || j->publishing || !x)
		return;
	x->satisfied = !j->started.s;
	x->found = true;
	core_fact_ended(x->hub->core, j, OUTCOME_PUBLISHED, "the spoke has it already",
			daemon_now());
	hub_kick(x->hub);
}

void hub_jobs_unwanted(struct hub_group *g, const char *path, const char *why)
{
	struct hub *h = g->hub;
	struct hub_spoke *s;
	struct job *j;

	TAILQ_FOREACH (s, &h->spokes, entry) {
		j = core_job_of(h->core, s->name, g->name, path);
		if (j && !job_over(j))
			core_job_unwanted(h->core, j, why);
	}
	hub_kick(h);
}

void hub_job_free(void *arg, struct job *j)
{
	struct hub_job *x = hub_job_of(j);

	(void)arg;
	if (!x)
		return;
	hub_job_over(x);
	j->user = NULL;
	free(x);
}

void hub_job_counters(const struct hub_job *x, struct job_counters *ret)
{
	struct push_stats s;

	*ret = x->before;
	ret->done = x->job->done_bytes;
	ret->total = x->job->total_bytes;
	if (!x->push)
		return;
	push_stats(x->push, &s);
	ret->wire_out += s.wire_out;
	ret->wire_in += s.wire_in;
	ret->literal += s.literal;
	ret->resent += s.resent;
	ret->peak = MAX(ret->peak, s.peak_rate);
	ret->throttled_us += s.throttled_us;
	ret->active_us += daemon_now().mono.us - x->push_since.us;
	ret->proven = MAX(ret->proven, s.proven);
	ret->bundles += s.bundles;
	ret->resumes += s.resumes;
	ret->repairs += s.repairs;
	ret->bases = MAX(ret->bases, s.n_bases);
	ret->read_again |= s.read_again;
}

void hub_job_record(struct hub_job *x)
{
	const struct job *j = x->job;
	struct hub *h = x->hub;
	struct job_row r = {
		.id = j->id,
		.version = j->version->id,
		.kind = kind_word(j->kind),
		.spoke = j->spoke->name,
		.state = job_state_word(j->state),
		.reason = j->reason,
		.over = job_over(j),
		.given_up = core_job_given_up(j),
		.created = j->created,
		.started = j->started,
		.ended = j->ended,
		.tries = j->tries,
		.windows = j->windows_used,
		.has_partial = x->has_partial,
		.partial = x->partial,
	};

	hub_job_counters(x, &r.counters);
	hub_tx(h);
	hub_recorded(h, db_jobs_put(h->db, &r), "a job");
	hub_history_progress(x, &r.counters);
}

void hub_job_pushing(struct hub_job *x, bool on)
{
	if (x->on_pushing == on)
		return;
	x->on_pushing = on;
	if (on)
		TAILQ_INSERT_TAIL(&x->hub->pushing, x, entry);
	else
		TAILQ_REMOVE(&x->hub->pushing, x, entry);
}

void hub_job_close(struct hub_job *x)
{
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
	x->speed = 0;
	hub_rates_detach(x);
	hub_job_pushing(x, false);
}

void hub_job_ended(struct hub_job *x, enum job_outcome o, const char *text)
{
	core_fact_ended(x->hub->core, x->job, o, text, daemon_now());
	hub_kick(x->hub);
}

enum job_outcome hub_job_peer_outcome(enum peer_error error)
{
	switch (error) {
	case PEER_DOWN:
		return OUTCOME_PEER_DOWN;
	case PEER_UNKNOWN_KEY:
	case PEER_WRONG_KEY:
		return OUTCOME_KEY;
	default:
		return OUTCOME_RETRY;
	}
}

static void hub_job_finished(struct hub_job *x)
{
	struct hub *h = x->hub;
	struct inventory *inv = inventory_get(x->spoke, x->job->version->group);
	bool published = x->job->state == JOB_PUBLISHED;

	hub_log_summary(x);
	hub_history_ended(x);
	hub_start_forget(x);
	/* What was there everywhere before anything began is no news for on_complete; nor is a time
	 * that is set again. */
	x->version->news |= published && !x->satisfied;
	if (published && x->version->news && !(x->job->kind == JOB_META && x->version->completed))
		hub_publish_complete(h, x->version);
	hub_job_over(x);
	if (inv)
		reconcile_deletions(inv);
}

/* A job that was over goes on (a retry): it takes up again what it had let go, where that is still
 * what lies there. Otherwise its start ends it as superseded. */
static void hub_job_revive(struct hub_job *x)
{
	const struct version *v = x->job->version;
	struct hub_group *g = hub_group(x->hub, v->group);
	struct hub_spoke *s = hub_spoke(x->hub, x->job->spoke->name);
	struct hub_file *f = g ? catalog_get(g, v->path) : NULL;

	if (!s || !f || !f->current || f->current->v != v)
		return;
	x->version = hub_version_ref(f->current);
	x->spoke = s;
	s->n_jobs++;
}

void hub_job_changed(struct hub *h, const struct action *a)
{
	struct hub_job *x = hub_job_of(a->job);

	if (!x)
		return;
	hub_log_changed(x, a);
	hub_notice_changed(x, a);
	if (!job_over(a->job) && !x->version)
		hub_job_revive(x);
	if (a->job->state != a->old_state)
		hub_job_record(x);
	if (job_over(a->job) && x->version)
		hub_job_finished(x);
	if (a->job->waits & (WAIT_SPACE | WAIT_IN_USE))
		hub_changes_ask(x->spoke);
	(void)h;
}

void hub_jobs_tick(struct hub *h, struct now now)
{
	struct hub_job *x;
	struct push_stats s;

	TAILQ_FOREACH (x, &h->pushing, entry) {
		int64_t span = now.mono.us - x->sampled_at.us;

		hub_descent_account(x);
		if (!x->push || span < SECOND_US / 2)
			continue;
		push_stats(x->push, &s);
		/* Half of it is new each second: steady enough to read, quick enough to follow. */
		x->speed = (x->speed + (double)(s.wire_out - x->sampled) * 1e6 / (double)span) / 2;
		x->sampled = s.wire_out;
		x->sampled_at = now.mono;
		if (now.mono.us - x->recorded_at.us >= RECORD_US) {
			x->recorded_at = now.mono;
			hub_job_record(x);
		}
	}
}

void hub_jobs_abort(struct hub *h)
{
	struct hub_job *x;

	while ((x = TAILQ_FIRST(&h->pushing))) {
		hub_job_record(x);
		hub_start_cancel(x);
		hub_job_close(x);
	}
}
