/*
 * hub_log.c: see hub_log.h. Rates are bytes a second, times seconds; a wire byte is a byte of the
 * TCP stream, TLS included, both directions where nothing else is said.
 */
#include "scheduler/hub_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/facts.h"
#include "scheduler/hub_history.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/log.h"
#include "scheduler/timetext.h"

/* A name that is not UTF-8 never gets here as a job, but a reason may quote anything. */
static json_t *text(const char *s)
{
	return facts_text(s ? s : "");
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)MIN(n, (uint64_t)INT64_MAX));
}

static json_t *job_fields(const struct hub_job *x)
{
	const struct job *j = x->job;
	static const char *const kinds[] = {
		[JOB_PUT] = "put", [JOB_META] = "meta", [JOB_DELETE] = "delete"};

	return json_pack("{s:o, s:s, s:o, s:s, s:s, s:o}", "job", number(j->id), "group",
			 j->version->group, "path", text(j->version->path), "spoke", j->spoke->name,
			 "kind", kinds[j->kind], "version", number(j->version->id));
}

/* Remembered for `report` as well. */
static void job_mishap(const struct hub_job *x, const char *what, const char *why)
{
	const struct job *j = x->job;
	struct mishap m = {.what = what,
			   .spoke = j->spoke->name,
			   .group = j->version->group,
			   .path = j->version->path,
			   .why = why};

	hub_history_mishap(x->hub, &m);
}

void hub_log_job(const struct hub_job *x, enum event event)
{
	json_t *o = job_fields(x);

	if (event == EVENT_DRIFT)
		job_mishap(x, event_word(event), "what lay there was not what was published");

	json_object_set_new(o, "logical", number(x->job->version->size));
	joblog_event(x->hub->d->joblog, event, o);
}

/* The event for a new state; EVENTS_N: none of its own. */
static enum event state_event(const struct action *a)
{
	if (a->job->state == a->old_state)
		return EVENTS_N;
	switch (a->job->state) {
	case JOB_SENDING:
		return a->old_state == JOB_PAUSED ? EVENT_RESUMED : EVENT_STARTED;
	case JOB_PAUSED:
		return EVENT_PAUSED;
	case JOB_STAGED:
		return EVENT_STAGED;
	case JOB_PUBLISHED:
		return EVENT_PUBLISHED;
	case JOB_FAILED:
		return EVENT_FAILED;
	case JOB_SUPERSEDED:
		return EVENT_SUPERSEDED;
	case JOB_CANCELLED:
		return EVENT_CANCELLED;
	case JOB_WAITING:
		/* A refusal or a fault before anything came: that it was tried must be told. */
		return a->old_state == JOB_SENDING ? EVENT_WAITING : EVENTS_N;
	default:
		return EVENTS_N;
	}
}

static void log_line(const struct hub_job *x, const char *what, const char *waits)
{
	const struct job *j = x->job;

	log_info("job %" PRIu64 " %s/%s -> %s: %s%s%s%s%s", j->id, j->version->group,
		 j->version->path, j->spoke->name, what, waits[0] ? ", " : "", waits,
		 j->reason[0] ? ": " : "", j->reason);
}

void hub_log_changed(const struct hub_job *x, const struct action *a)
{
	const struct job *j = a->job;
	enum event event = state_event(a);
	char waits[256];
	json_t *o;

	wait_words(j->waits, waits, sizeof(waits));
	if (event == EVENTS_N) {
		if (a->old_state == JOB_STAGED && j->waits & WAIT_RETRY && j->reason[0])
			job_mishap(x, "not published", j->reason);
		log_debug("job %" PRIu64 " %s/%s -> %s: %s (%s) %s", j->id, j->version->group,
			  j->version->path, j->spoke->name, job_state_word(j->state), waits,
			  j->reason);
		return;
	}
	o = job_fields(x);
	json_object_set_new(o, "why", text(waits[0] ? waits : j->reason));
	if (waits[0] && j->reason[0])
		json_object_set_new(o, "reason", text(j->reason));
	json_object_set_new(o, "done", number(j->done_bytes));
	json_object_set_new(o, "total", number(j->total_bytes));
	joblog_event(x->hub->d->joblog, event, o);
	log_line(x, event_word(event), waits);
	if (j->state == JOB_FAILED || j->state == JOB_WAITING ||
	    (j->state == JOB_PAUSED && j->waits & WAIT_RETRY))
		job_mishap(x, j->state == JOB_FAILED ? "failed" : "not sent",
			   j->reason[0] ? j->reason : waits);
}

/* {0}: not known, or never. */
static json_t *time_or_null(struct wall t)
{
	char buf[TIMETEXT_MAX];

	return t.s == 0 || t.s == WALL_NEVER.s ? json_null() : json_string(timetext_utc(t, buf));
}

void hub_log_late(const struct hub_job *x, struct wall deadline)
{
	const struct job *j = x->job;
	enum event event = j->late ? EVENT_LATE : EVENT_IN_TIME;
	const char *why = j->late ? "it will miss its deadline" : "it will meet its deadline";
	json_t *o = job_fields(x);

	json_object_set_new(o, "deadline", time_or_null(deadline));
	json_object_set_new(o, "eta", time_or_null(j->eta));
	json_object_set_new(o, "why", text(why));
	joblog_event(x->hub->d->joblog, event, o);
	log_line(x, event_word(event), why);
	if (j->late)
		job_mishap(x, event_word(event), why);
}

void hub_log_left(const struct hub_job *x)
{
	json_t *o = job_fields(x);

	json_object_set_new(o, "why", text("its spoke was down for longer than quorum_wait"));
	joblog_event(x->hub->d->joblog, EVENT_LEFT_BEHIND, o);
	log_line(x, "left behind", "its set is published elsewhere, and comes when it is back");
}

/* Why the run is over, where nobody had a reason to note more. */
static const char *summary_why(const struct job *j)
{
	if (j->reason[0])
		return j->reason;
	if (j->state == JOB_PUBLISHED)
		return "complete";
	return j->state == JOB_SUPERSEDED ? "a newer version took its place"
					  : job_state_word(j->state);
}

void hub_log_summary(const struct hub_job *x)
{
	const struct job *j = x->job;
	const struct version *v = j->version;
	char root[HASH_HEX + 1];
	struct job_counters c;
	uint64_t wire;
	double seconds;
	json_t *o = job_fields(x);

	hub_job_counters(x, &c);
	wire = c.wire_out + c.wire_in;
	seconds = (double)c.active_us / 1e6;
	hash_hex((const struct hash *)(const void *)v->root, root);
	json_object_set_new(o, "result", text(job_state_word(j->state)));
	json_object_set_new(o, "root", text(v->deleted ? "" : root));
	json_object_set_new(o, "logical", number(v->size));
	json_object_set_new(o, "nonzero", number(v->nonzero));
	json_object_set_new(o, "literal", number(c.literal));
	json_object_set_new(o, "wire", number(wire));
	json_object_set_new(o, "wire_out", number(c.wire_out));
	json_object_set_new(o, "wire_in", number(c.wire_in));
	json_object_set_new(o, "resent", number(c.resent));
	json_object_set_new(
		o, "saved_percent",
		json_real(v->size ? 100.0 - 100.0 * (double)wire / (double)v->size : 0.0));
	json_object_set_new(o, "rate_avg",
			    number(seconds > 0 ? (uint64_t)((double)wire / seconds) : 0));
	json_object_set_new(o, "rate_peak", number(c.peak));
	json_object_set_new(o, "throttled_seconds", json_real((double)c.throttled_us / 1e6));
	json_object_set_new(o, "seconds", json_real(seconds));
	json_object_set_new(o, "elapsed", number((uint64_t)MAX(j->ended.s - j->created.s, 0)));
	json_object_set_new(o, "windows", number(j->windows_used));
	json_object_set_new(o, "bases", number(c.bases));
	json_object_set_new(o, "bundles", number(c.bundles));
	json_object_set_new(o, "resumes", number(c.resumes));
	json_object_set_new(o, "repairs", number(c.repairs));
	/* changed: every node was hashed by the spoke as it was built, or cloned from a proven one.
	 */
	json_object_set_new(o, "proof", text(c.read_again ? "full" : "changed"));
	json_object_set_new(o, "why_stopped", text(summary_why(j)));
	joblog_event(x->hub->d->joblog, EVENT_SUMMARY, o);
}

void hub_log_descent(const struct hub_job *x, const char *path, const struct hash *base,
		     uint64_t size, const struct descent_stats *s, const char *why)
{
	char root[HASH_HEX + 1];
	json_t *o = job_fields(x);

	json_object_set_new(o, "base_path", text(path));
	json_object_set_new(o, "base", text(hash_hex(base, root)));
	json_object_set_new(o, "base_size", number(size));
	json_object_set_new(o, "equal", number(s->learn.equal));
	json_object_set_new(o, "elsewhere", number(s->learn.moved));
	json_object_set_new(o, "hashes", number(s->learn.hashes));
	json_object_set_new(o, "lies", number(s->learn.lies));
	json_object_set_new(o, "wire_out", number(s->wire_out));
	json_object_set_new(o, "wire_in", number(s->wire_in));
	json_object_set_new(o, "why", text(why));
	joblog_event(x->hub->d->joblog, EVENT_DESCENT, o);
}

static json_t *version_fields(const struct hub_version *hv)
{
	const struct version *v = hv->v;
	char root[HASH_HEX + 1];
	json_t *o = json_pack("{s:s, s:o, s:o, s:o}", "group", v->group, "path", text(v->path),
			      "version", number(v->id), "logical", number(v->size));

	if (!v->deleted) {
		hash_hex((const struct hash *)(const void *)v->root, root);
		json_object_set_new(o, "root", text(root));
		json_object_set_new(o, "nonzero", number(v->nonzero));
		json_object_set_new(o, "generation", text(hv->generation ? "reflink" : "live"));
	}
	return o;
}

static void log_version(const struct hub_version *hv, enum event event, json_t *fields)
{
	joblog_event(hv->group->hub->d->joblog, event, fields);
	log_info("group %s: %s: %s as version %" PRIu64, hv->v->group, hv->v->path,
		 event_word(event), hv->v->id);
}

void hub_log_version(const struct hub_version *hv, enum event event)
{
	log_version(hv, event, version_fields(hv));
}

void hub_log_indexed(const struct hub_version *hv, const struct index_facts *facts)
{
	json_t *o = version_fields(hv);
	char origin[HASH_HEX + 1];

	json_object_set_new(o, "read", number(facts->read));
	json_object_set_new(o, "trusted", number(facts->trusted));
	if (hv->has_origin)
		json_object_set_new(o, "origin", text(hash_hex(&hv->origin, origin)));
	log_version(hv, EVENT_INDEXED, o);
}

void hub_log_group(const struct hub_group *g, enum event event, const char *why)
{
	struct mishap m = {.what = event_word(event), .group = g->name, .why = why};

	joblog_event(g->hub->d->joblog, event,
		     json_pack("{s:s, s:o}", "group", g->name, "why", text(why)));
	if (event != EVENT_GROUP_RESUMED)
		hub_history_mishap(g->hub, &m);
	else
		hub_history_over(g->hub, event_word(EVENT_GROUP_STOPPED), NULL, g->name);
}

#define DRIFT_TOLD 100u /* as errors of the report, of one group in a greeting */

void hub_log_drift(struct inventory *inv, const char *path, enum event event, const char *what,
		   const char *why)
{
	const struct hub_spoke *s = inv->spoke;
	struct mishap m = {.what = event_word(event),
			   .spoke = s->name,
			   .group = inv->group,
			   .path = path,
			   .why = why};

	joblog_event(s->hub->d->joblog, event,
		     json_pack("{s:s, s:s, s:o, s:s, s:o}", "spoke", s->name, "group", inv->group,
			       "path", text(path), "what", what, "why", text(why)));
	/* What a person does on purpose is no error, nor what lies there beside ours. */
	if (event == EVENT_DRIFT && strcmp(what, "foreign") && strcmp(what, "restored") &&
	    inv->drift_told++ < DRIFT_TOLD)
		hub_history_mishap(s->hub, &m);
	if (event == EVENT_DRIFT)
		log_warn("spoke %s: %s/%s: %s there, not by the hub: %s", s->name, inv->group, path,
			 what, why);
	else
		log_info("spoke %s: %s/%s: no longer %s", s->name, inv->group, path, what);
}

void hub_log_spoke(const struct hub_spoke *s, enum event event, const char *why)
{
	struct mishap m = {.what = event_word(event), .spoke = s->name, .why = why};

	joblog_event(s->hub->d->joblog, event,
		     json_pack("{s:s, s:o}", "spoke", s->name, "why", text(why)));
	if (event != EVENT_SPOKE_UP)
		hub_history_mishap(s->hub, &m);
	else
		hub_history_over(s->hub, event_word(EVENT_SPOKE_DOWN), s->name, NULL);
	log_info("spoke %s: %s%s%s", s->name, event == EVENT_SPOKE_UP ? "up" : "down",
		 why[0] ? ", " : "", why);
}

void hub_log_override(struct hub *h, enum event event, const struct override *o, const char *why)
{
	json_t *j =
		json_pack("{s:o, s:s, s:o}", "override", number(o->id), "kind",
			  o->kind == OVERRIDE_PAUSE ? "pause" : "sync-now", "who", text(o->who));
	char until[TIMETEXT_MAX];

	if (o->spoke)
		json_object_set_new(j, "spoke", text(o->spoke));
	if (o->group)
		json_object_set_new(j, "group", text(o->group));
	if (o->why)
		json_object_set_new(j, "reason", text(o->why));
	if (o->until.s != WALL_NEVER.s)
		json_object_set_new(j, "until", text(timetext_utc(o->until, until)));
	if (why)
		json_object_set_new(j, "why", text(why));
	joblog_event(h->d->joblog, event, j);
	log_info("override %" PRIu64 " (%s, spoke %s, group %s, by %s): %s", o->id,
		 o->kind == OVERRIDE_PAUSE ? "pause" : "sync-now", o->spoke ? o->spoke : "any",
		 o->group ? o->group : "any", o->who ? o->who : "?", event_word(event));
}
