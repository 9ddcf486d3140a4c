/*
 * cmd_plan.c: `plan`: the core run forward from the queue of now (forward.h): window by window what
 * moves, when each job is done, and what misses its deadline. With another configuration on
 * request, whose file the daemon reads: so only for those who could give it that file anyway.
 *
 * A very large queue takes seconds: the run goes on between the other things that the loop has to
 * do, some milliseconds a turn, which all plans under way share. It ends with its request.
 */
#include "scheduler/handler.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/facts.h"
#include "scheduler/forward.h"
#include "transfer/server.h"

#define STEPS_MAX 1000000 /* passes: half a minute or so */
#define SLICE_US  10000
#define MOVES_MAX 5000 /* told; the rest is counted */
#define ROWS_MAX  5000

struct outlook {
	struct daemon *daemon;
	struct sreq *request; /* where it goes on in later turns */
	ev_timer timer;
	struct forward *forward;
	struct wall from, until;
	char *file, *only; /* what-if; the only spoke */
	bool cut;	   /* the run ends at a time that was asked for */
	json_t *windows, *jobs;
	uint64_t moves, n_jobs, late, unknown;
	int64_t last; /* the end of the last job of all */
};

/* The window (spoke, since when it is open) that a move belongs to. */
static json_t *window_of(struct outlook *p, const struct forward_move *m)
{
	const char *group = m->job->version->group, *spoke = m->job->spoke;
	size_t n = json_array_size(p->windows);
	json_t *w;

	/* Moves come in the order of their ends: the window is one of the last. */
	for (size_t i = n; i-- > 0 && i + 64 > n;) {
		w = json_array_get(p->windows, i);
		if (!strcmp(json_string_value(json_object_get(w, "spoke")), spoke) &&
		    !strcmp(json_string_value(json_object_get(w, "group")), group) &&
		    json_integer_value(json_object_get(w, "since")) == m->opened.s)
			return w;
	}
	w = json_pack("{s:s, s:s, s:I, s:o, s:i, s:[]}", "spoke", spoke, "group", group, "since",
		      (json_int_t)m->opened.s, "opens", facts_time(m->opened), "bytes", 0, "moves");
	json_array_append_new(p->windows, w);
	return w;
}

static void add_move(void *arg, const struct forward_move *m)
{
	struct outlook *p = arg;
	json_t *w, *bytes;

	if ((p->only && strcmp(p->only, m->job->spoke)) || m->job->kind != JOB_PUT ||
	    ++p->moves > MOVES_MAX)
		return;
	w = window_of(p, m);
	bytes = json_object_get(w, "bytes");
	json_integer_set(bytes, json_integer_value(bytes) + (json_int_t)m->bytes);
	json_array_append_new(
		json_object_get(w, "moves"),
		json_pack("{s:I, s:o, s:o, s:o, s:I, s:b}", "job", (json_int_t)m->job->id, "path",
			  facts_text(m->job->version->path), "from", facts_time(m->from), "to",
			  facts_time(m->to), "bytes", (json_int_t)m->bytes, "done", m->done));
}

/* Why there is no time of its end. */
static const char *why_not(const struct forward_end *e, bool cut)
{
	if (e->eta.s && e->eta.s != WALL_NEVER.s)
		return NULL;
	if (!e->known)
		return "not in that configuration";
	if (e->eta.s == WALL_NEVER.s)
		return "its window does not open within " FORWARD_DAYS_TEXT;
	if (!e->job->up)
		return "its spoke is down";
	if (e->job->waits & (WAIT_SPACE | WAIT_IN_USE | WAIT_HELD))
		return "it waits for a change";
	if (e->held)
		return "its set is held";
	if (e->after)
		return "its set waits for another file";
	if (e->unknown)
		return "no rate is known";
	return cut ? "not by then" : "not within " FORWARD_DAYS_TEXT;
}

static void add_end(void *arg, const struct forward_end *e)
{
	struct outlook *p = arg;
	const struct version *v = e->job->version;
	const char *why = why_not(e, p->cut);

	if (p->only && strcmp(p->only, e->job->spoke))
		return;
	p->late += e->late;
	p->unknown += why != NULL;
	if (!why && e->eta.s > p->last)
		p->last = e->eta.s;
	if (++p->n_jobs > ROWS_MAX)
		return;
	json_array_append_new(
		p->jobs,
		json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:i, s:I, s:I, s:o, s:o}",
			  "job", (json_int_t)e->job->id, "spoke", e->job->spoke, "group", v->group,
			  "path", facts_text(v->path), "eta", facts_time(e->eta), "problem",
			  facts_text(why), "deadline", facts_time(e->deadline), "late", e->late,
			  "windows", (int)e->windows, "done", (json_int_t)e->done, "total",
			  (json_int_t)e->job->total, "after", facts_text(e->after), "after_spoke",
			  facts_text(e->after_spoke)));
}

/* The configuration of --what-if. False: answered. */
static bool load_other(struct call *c, const char *file, struct config **ret)
{
	struct config_errors errors = {0};
	bool ok = false;

	if (!c->may_change)
		call_fail(c, 403, "plan: only root and the daemon's user may have a file read");
	else if (*file != '/')
		call_fail(c, 400, "plan: 'what-if' is an absolute path");
	else if (config_load(file, ret, &errors) < 0)
		call_refuse_config(c, &errors);
	else if ((*ret)->role != ROLE_HUB)
		call_fail(c, 400, "plan: %s is not a hub's configuration", file);
	else
		ok = true;
	config_errors_done(&errors);
	return ok;
}

static json_t *answer(struct outlook *p)
{
	json_t *w;
	size_t i;

	json_array_foreach (p->windows, i, w) {
		json_object_del(w, "since");
	}
	return json_pack("{s:o, s:o, s:o, s:O, s:O, s:I, s:I, s:I, s:I, s:o}", "from",
			 facts_time(p->from), "until", facts_time(p->until), "what_if",
			 facts_text(p->file), "windows", p->windows, "jobs", p->jobs, "moves_total",
			 (json_int_t)p->moves, "jobs_total", (json_int_t)p->n_jobs, "late",
			 (json_int_t)p->late, "unknown", (json_int_t)p->unknown, "done",
			 facts_time((struct wall){p->last}));
}

#define TOO_MUCH                                                                                 \
	"plan: so large a queue cannot be run forward to its end; 'at' a time nearer than that " \
	"may do"

static void reply(struct outlook *p, int result)
{
	json_t *o = result < 0 ? NULL : answer(p);
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

	if (text)
		sreq_reply_json(p->request, 200, text);
	else
		sreq_problem(p->request, 503, TOO_MUCH);
	free(text);
	json_decref(o);
}

/* What the others leave of the time of a turn: as forward_step(). */
static int slice(struct outlook *p)
{
	int64_t end = daemon_now().mono.us + SLICE_US / p->daemon->plans;
	int r;

	do
		r = forward_step(p->forward);
	while (r > 0 && daemon_now().mono.us < end);
	return r;
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct outlook *p = container_of(t, struct outlook, timer);
	int r = slice(p);

	(void)revents;
	if (r > 0)
		ev_timer_start(loop, &p->timer);
	else
		reply(p, r);
}

static void outlook_free(struct outlook *p)
{
	p->daemon->plans--;
	forward_free(p->forward);
	json_decref(p->windows);
	json_decref(p->jobs);
	free(p->file);
	free(p->only);
	free(p);
}

/* The request is over: answered, or the client left. */
static void on_over(void *arg)
{
	struct outlook *p = arg;

	ev_timer_stop(p->daemon->loop, &p->timer);
	outlook_free(p);
}

/* A queue of ordinary size is answered at once. */
static enum handled begin(struct call *c, struct outlook *p)
{
	int r = slice(p);

	if (r > 0) {
		p->request = c->request;
		ev_timer_init(&p->timer, on_timer, 0, 0);
		ev_timer_start(p->daemon->loop, &p->timer);
		sreq_on_over(p->request, on_over, p);
		return HANDLED_LATER;
	}
	if (r < 0)
		call_fail(c, 503, TOO_MUCH);
	else
		call_answer(c, answer(p));
	outlook_free(p);
	return HANDLED;
}

static struct outlook *outlook_new(struct call *c, struct config *other, struct wall until)
{
	const char *file = args_text(c->args, "what-if"), *only = args_text(c->args, "spoke");
	struct outlook *p = xcalloc(1, sizeof(*p));
	struct forward_run run = {.cfg = other,
				  .until = until,
				  .steps = STEPS_MAX,
				  .move = add_move,
				  .end = add_end,
				  .arg = p};

	p->daemon = c->daemon;
	p->from = c->now.wall;
	p->until = until;
	p->cut = until.s != 0;
	p->file = file ? xstrdup(file) : NULL;
	p->only = only ? xstrdup(only) : NULL;
	p->windows = json_array();
	p->jobs = json_array();
	p->forward = forward_new(hub_core(c->daemon->hub), &run, c->now);
	p->daemon->plans++;
	return p;
}

enum handled cmd_plan(struct call *c)
{
	const char *file = args_text(c->args, "what-if");
	struct wall until = args_time(c->args, "at", (struct wall){0});
	struct config *other = NULL;
	enum handled r = HANDLED;

	if (until.s && until.s <= c->now.wall.s)
		call_fail(c, 400, "plan: 'at' is a time to come");
	else if (call_scope_known(c, args_text(c->args, "spoke"), NULL) &&
		 (!file || load_other(c, file, &other)))
		r = begin(c, outlook_new(c, other, until));
	config_unref(other);
	return r;
}
