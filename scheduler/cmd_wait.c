/*
 * cmd_wait.c: `wait`: answers when all that lay in the scope at the time of the call has settled
 * and is published there. Three steps: a scan that began after the call ends; every path that was
 * not settled then has settled (or went away); all versions catalogued by then are in sync. Through
 * the first two it holds the sync-now that it was given for, which then ends with the third.
 *
 * A waiter looks four times a second: a wait is a person or a script, there are at most as many as
 * the control socket has clients, and a look costs little.
 */
#include "scheduler/handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/units.h"
#include "scheduler/facts.h"
#include "transfer/server.h"

#define LOOK_S 0.25
/* Every so many looks the jobs are read for one that failed for good. */
#define FAILED_EVERY 4

enum step { STEP_SCAN, STEP_SETTLE, STEP_SYNC };

struct waiter {
	struct daemon *daemon;
	struct sreq *request;
	char *spoke, *group;
	enum step step;
	struct mono since, until; /* MONO_NEVER: no limit */
	json_t *paths;		  /* STEP_SETTLE: "group/path" of what was not settled -> true */
	uint64_t up_to;		  /* STEP_SYNC */
	unsigned looks;
	uint64_t sync_now; /* the one that is held; 0: none */
	bool answered;
	ev_timer timer;
};

/* The request is over: answered, or the client left. */
static void waiter_over(void *arg)
{
	struct waiter *w = arg;

	ev_timer_stop(w->daemon->loop, &w->timer);
	json_decref(w->paths);
	free(w->spoke);
	free(w->group);
	free(w);
}

static void answer(struct waiter *w, unsigned status, json_t *o)
{
	char *text;

	json_object_set_new(o, "waited_s",
			    json_real((double)(daemon_now().mono.us - w->since.us) / SECOND_US));
	text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(o);
	w->answered = true;
	ev_timer_stop(w->daemon->loop, &w->timer);
	sreq_reply_json(w->request, status, text ? text : "{}");
	free(text);
}

/* For each group of the scope. */
static void each_group(struct waiter *w, hub_path_fn *fn, void *arg)
{
	const struct config *cfg = core_config(hub_core(w->daemon->hub));

	for (size_t i = 0; i < cfg->n_groups; i++) {
		const struct group_cfg *g = &cfg->groups[i];

		if ((w->group && strcmp(w->group, g->name)) ||
		    (w->spoke && !group_has_spoke(g, w->spoke)))
			continue;
		hub_unsettled(w->daemon->hub, g->name, fn, arg);
	}
}

static void remember_path(void *arg, const char *path, const char *why)
{
	json_t *text = facts_text(path);

	(void)why;
	json_object_set_new(arg, json_string_value(text), json_true());
	json_decref(text);
}

struct still {
	json_t *before, *now;
};

static void keep_path(void *arg, const char *path, const char *why)
{
	struct still *s = arg;
	json_t *text = facts_text(path);
	const char *name = json_string_value(text);

	if (json_object_get(s->before, name))
		json_object_set_new(s->now, name, facts_text(why));
	json_decref(text);
}

/* What was not settled at the scan and still is not. */
static bool all_settled(struct waiter *w)
{
	struct still s = {w->paths, json_object()};

	each_group(w, keep_path, &s);
	json_decref(w->paths);
	w->paths = s.now;
	return json_object_size(w->paths) == 0;
}

static void answer_failed(struct waiter *w, const struct job *j)
{
	char detail[512];

	snprintf(detail, sizeof(detail), "job %llu %s -> %s is %s: %s", (unsigned long long)j->id,
		 j->version->path, j->spoke->name, job_state_word(j->state),
		 j->reason ? j->reason : "");
	answer(w, 424,
	       json_pack("{s:s, s:i, s:o}", "title", "Failed", "status", 424, "detail",
			 facts_text(detail)));
}

/* What is still missing, in a sentence. */
static void answer_late(struct waiter *w)
{
	struct facts_counts n;
	char detail[300], size[UNITS_TEXT];

	facts_count(w->daemon->hub, w->spoke, w->group, &n);
	if (w->step == STEP_SCAN)
		snprintf(detail, sizeof(detail), "the directories are still being scanned");
	else if (w->step == STEP_SETTLE)
		snprintf(detail, sizeof(detail), "not settled yet: %zu files",
			 json_object_size(w->paths));
	else
		snprintf(detail, sizeof(detail),
			 "not done yet: %llu jobs, %s; 'spokesync backlog' lists them",
			 (unsigned long long)n.jobs, units_size(n.to_send, size));
	answer(w, 504,
	       json_pack("{s:s, s:i, s:s, s:o}", "title", "Not in the time asked", "status", 504,
			 "detail", detail, "eta", facts_time(n.eta)));
}

/* What lies there but is not catalogued yet is to be sent by it as well. One that was ended
 * meanwhile, by stop-now or its time, stays so. */
static void keep_open(struct waiter *w)
{
	struct mono until = {daemon_now().mono.us + SYNC_HOLD_US};

	if (w->sync_now && !core_override_hold(hub_core(w->daemon->hub), w->sync_now, until, 0))
		w->sync_now = 0;
}

/* It ends when all that is catalogued now is in sync. */
static void let_go(struct waiter *w)
{
	struct hub *h = w->daemon->hub;

	if (!w->sync_now ||
	    !core_override_hold(hub_core(h), w->sync_now, (struct mono){0}, w->up_to))
		return;
	hub_overrides_changed(h);
	hub_kick(h);
}

/* True: answered. */
static bool look_sync(struct waiter *w)
{
	const struct job *failed;

	if (core_in_sync(hub_core(w->daemon->hub), w->spoke, w->group, w->up_to)) {
		answer(w, 200,
		       json_pack("{s:b, s:I}", "in_sync", true, "up_to", (json_int_t)w->up_to));
		return true;
	}
	failed = w->looks++ % FAILED_EVERY
			 ? NULL
			 : core_missing(hub_core(w->daemon->hub), w->spoke, w->group, w->up_to);
	if (failed)
		answer_failed(w, failed);
	return failed;
}

static void look(struct waiter *w)
{
	struct hub *h = w->daemon->hub;

	if (w->step == STEP_SCAN && hub_scanned(h, w->group)) {
		each_group(w, remember_path, w->paths);
		w->step = STEP_SETTLE;
	}
	if (w->step == STEP_SETTLE && all_settled(w)) {
		w->up_to = hub_last_version(h);
		w->step = STEP_SYNC;
		let_go(w);
	}
	if (w->step != STEP_SYNC)
		keep_open(w);
	else if (look_sync(w))
		return;
	if (w->until.us != MONO_NEVER.us && daemon_now().mono.us >= w->until.us)
		answer_late(w);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct waiter *w = container_of(t, struct waiter, timer);

	(void)loop, (void)revents;
	if (!w->answered)
		look(w);
}

enum handled cmd_wait(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke"), *group = args_text(c->args, "group");
	int64_t timeout_us = args_duration(c->args, "timeout", 0);
	struct waiter *w;

	if (!call_scope_known(c, spoke, group))
		return HANDLED;
	if (args_text(c->args, "sync-now") && !c->may_change)
		return call_fail(c, 403, "wait: %s may wait, but hold no sync-now", c->who);
	w = xcalloc(1, sizeof(*w));
	w->daemon = c->daemon;
	w->request = c->request;
	w->spoke = spoke ? xstrdup(spoke) : NULL;
	w->group = group ? xstrdup(group) : NULL;
	w->sync_now = args_number(c->args, "sync-now", 0);
	w->paths = json_object();
	w->since = c->now.mono;
	w->until = timeout_us ? (struct mono){c->now.mono.us + timeout_us} : MONO_NEVER;
	ev_timer_init(&w->timer, on_timer, LOOK_S, LOOK_S);
	ev_timer_start(c->daemon->loop, &w->timer);
	hub_rescan(c->daemon->hub, group);
	sreq_on_over(c->request, waiter_over, w);
	return HANDLED_LATER;
}
