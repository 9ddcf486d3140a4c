/*
 * notices.c: see notices.h. Hooks are handed over all at once: hooks.c keeps their order. Webhooks
 * go one at a time, each group's in order: one that has to wait holds up those of its group behind
 * it, and no other's.
 */
#include "scheduler/notices.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scheduler/daemon.h"
#include "scheduler/hooks.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"
#include "scheduler/outbox.h"
#include "scheduler/timetext.h"
#include "scheduler/webhook.h"

#define RETRY_MIN_US SECOND_US
#define RETRY_MAX_US (600 * SECOND_US)
#define GIVE_UP_S    86400

struct notice {
	struct notices *notices;
	uint64_t id;
	bool webhook;
	enum notice_event event;
	char *group, *path, *body;
	struct wall created;
	unsigned tries;
	struct mono due; /* of a webhook that was tried */
	bool begun;	 /* a hook: handed over; a webhook: under way */
	TAILQ_ENTRY(notice) entry;
};
TAILQ_HEAD(notice_list, notice);

struct notices {
	struct daemon *d;
	struct db *db;
	struct hooks *hooks;
	struct webhook *webhook;
	struct notice_list all;
	unsigned count;
	uint64_t last_id;
	bool in_tx, full; /* full: said once */
	char problem[300];
	ev_prepare prepare;
	ev_timer retry;
};

static struct notice *notice_new(struct notices *n, const struct outbox_row *r,
				 enum notice_event event)
{
	struct notice *x = xcalloc(1, sizeof(*x));

	x->notices = n;
	x->id = r->id;
	x->webhook = r->webhook;
	x->event = event;
	x->group = xstrdup(r->group);
	x->path = xstrdup(r->path);
	x->body = xstrdup(r->body);
	x->created = r->created;
	x->tries = r->tries;
	TAILQ_INSERT_TAIL(&n->all, x, entry);
	n->count++;
	return x;
}

static void notice_free(struct notice *x)
{
	TAILQ_REMOVE(&x->notices->all, x, entry);
	x->notices->count--;
	free(x->group);
	free(x->path);
	free(x->body);
	free(x);
}

/* What cannot be written down is told all the same, from memory. */
static void recorded(struct notices *n, int r)
{
	if (r < 0)
		log_error("recording what is to be told: %s", db_error(n->db));
}

static void begin_tx(struct notices *n)
{
	int r;

	if (n->in_tx)
		return;
	r = db_begin(n->db);
	n->in_tx = r == 0;
	recorded(n, r);
}

static void notice_over(struct notice *x)
{
	struct notices *n = x->notices;

	begin_tx(n);
	recorded(n, outbox_drop(n->db, x->id, x->webhook));
	n->full = false;
	notice_free(x);
}

/* ---- hooks --------------------------------------------------------------------------------- */

static char *env_of(const char *key, const json_t *value)
{
	char *name = xasprintf("SPOKESYNC_%s", key), *list = NULL, *longer;
	const json_t *one;
	size_t i;

	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (json_is_string(value)) {
		list = xstrdup(json_string_value(value));
	} else if (json_is_integer(value)) {
		list = xasprintf("%lld", (long long)json_integer_value(value));
	} else {
		list = xstrdup("");
		json_array_foreach ((json_t *)value, i, one) {
			longer = xasprintf("%s%s%s", list, i ? "," : "",
					   json_string_value(one) ?: "");
			free(list);
			list = longer;
		}
	}
	longer = xasprintf("%s=%s", name, list);
	free(name);
	free(list);
	return longer;
}

/* NULL-terminated; each to be freed, and the list. */
static char **environment(const char *body)
{
	json_t *o = json_loads(body, 0, NULL), *value;
	char **env = xcalloc(json_object_size(o) + 1, sizeof(*env));
	const char *key;
	size_t n = 0;

	json_object_foreach (o, key, value) {
		env[n++] = env_of(key, value);
	}
	json_decref(o);
	return env;
}

/* The event of the job log of what became of it. */
static json_t *log_fields(const struct notice *x)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "on", notice_word(x->event), "group", x->group,
			 "path", x->path, "id", (json_int_t)x->id);
}

static void hook_done(void *arg, const struct hook_end *end)
{
	struct notice *x = arg;
	json_t *o = log_fields(x);
	int exit = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : 128 + WTERMSIG(end->status);

	json_object_set_new(o, "exit", json_integer(end->status < 0 ? 127 : exit));
	json_object_set_new(o, "why",
			    json_sprintf("%s, exit status %d%s", notice_word(x->event),
					 end->status < 0 ? 127 : exit,
					 end->late ? ", its time was over" : ""));
	json_object_set_new(o, "seconds", json_real(end->seconds));
	json_object_set_new(o, "output", json_string(end->output) ?: json_string("(not UTF-8)"));
	joblog_event(x->notices->d->joblog, "hook", o);
	notice_over(x);
}

static void begin_hook(struct notice *x, const struct group_cfg *g)
{
	struct notices *n = x->notices;
	char *what = xasprintf("%s %s/%s", notice_word(x->event), x->group, x->path);
	char **env = environment(x->body);
	struct hook_spec spec = {
		.program = g->on[x->event],
		.what = what,
		.input = x->body,
		.env = (const char *const *)env,
		.limit_s = (double)n->d->config->hook_time_us / SECOND_US,
		.done = hook_done,
		.arg = x,
	};

	x->begun = true;
	hooks_run(n->hooks, &spec); /* may be done at once, where it cannot be run */
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	free(env);
	free(what);
}

/* ---- webhooks ------------------------------------------------------------------------------- */

static struct notice *posted(struct notices *n)
{
	struct notice *x;

	TAILQ_FOREACH (x, &n->all, entry)
		if (x->webhook && x->begun)
			return x;
	return NULL;
}

static void log_webhook(const struct notice *x, const char *event, const char *text)
{
	json_t *o = log_fields(x);

	json_object_set_new(o, "tries", json_integer(x->tries));
	json_object_set_new(o, "why",
			    json_sprintf("%s, %s", notice_word(x->event), text)
				    ?: json_string("not UTF-8"));
	joblog_event(x->notices->d->joblog, event, o);
}

static void webhook_later(struct notice *x, const char *text)
{
	struct notices *n = x->notices;
	struct outbox_row r = {x->id,	   x->webhook, notice_word(x->event),
			       x->group,   x->path,    x->body,
			       x->created, x->tries};
	struct now now = daemon_now();
	int shift = MIN((int)x->tries - 1, 10);
	int64_t delay = MIN(RETRY_MIN_US << MAX(shift, 0), RETRY_MAX_US);

	snprintf(n->problem, sizeof(n->problem), "webhook of group %s: %.200s", x->group, text);
	if (x->tries == 1)
		log_warn("%s; it is told again", n->problem);
	begin_tx(n);
	recorded(n, outbox_put(n->db, &r));
	x->due.us = now.mono.us + delay;
	x->begun = false;
}

static void webhook_done(void *arg, enum webhook_end end, const char *text)
{
	struct notices *n = arg;
	struct notice *x = posted(n);

	x->tries++;
	if (end == WEBHOOK_LATER && daemon_now().wall.s - x->created.s < GIVE_UP_S) {
		webhook_later(x, text);
		return;
	}
	if (end == WEBHOOK_TOLD) {
		log_webhook(x, "webhook", text);
		n->problem[0] = '\0';
	} else {
		log_warn("webhook of group %s: %s %s is not told: %s", x->group,
			 notice_word(x->event), x->path, text);
		log_webhook(x, "webhook_failed", text);
	}
	notice_over(x);
}

/* Is one of this group before it still to be told? */
static bool held_up(struct notices *n, const struct notice *x)
{
	const struct notice *y;

	TAILQ_FOREACH (y, &n->all, entry) {
		if (y == x)
			return false;
		if (y->webhook && !strcmp(y->group, x->group))
			return true;
	}
	return false;
}

/* The first that may go now, or NULL; then *ret_next is when one is due. */
static struct notice *webhook_due(struct notices *n, struct mono now, struct mono *ret_next)
{
	struct notice *x;

	*ret_next = MONO_NEVER;
	TAILQ_FOREACH (x, &n->all, entry) {
		if (!x->webhook || held_up(n, x))
			continue;
		if (x->due.us <= now.us)
			return x;
		if (x->due.us < ret_next->us)
			*ret_next = x->due;
	}
	return NULL;
}

/* ---- the queue ------------------------------------------------------------------------------ */

static const struct group_cfg *told_by(const struct notice *x)
{
	const struct group_cfg *g = config_group(x->notices->d->config, x->group);
	bool wanted = g && (x->webhook ? g->webhook && g->webhook_events & 1u << x->event
				       : g->on[x->event] != NULL);

	if (wanted)
		return g;
	log_info("%s %s/%s: nobody is to be told any more", notice_word(x->event), x->group,
		 x->path);
	return NULL;
}

static void begin_hooks(struct notices *n)
{
	struct notice *x, *next;
	const struct group_cfg *g;

	for (x = TAILQ_FIRST(&n->all); x; x = next) {
		next = TAILQ_NEXT(x, entry);
		if (x->webhook || x->begun)
			continue;
		g = told_by(x);
		if (g)
			begin_hook(x, g);
		else
			notice_over(x);
	}
}

static void begin_webhook(struct notices *n)
{
	struct now now = daemon_now();
	const struct group_cfg *g = NULL;
	struct mono next = MONO_NEVER;
	struct notice *x;

	if (webhook_busy(n->webhook))
		return;
	while ((x = webhook_due(n, now.mono, &next)) && !(g = told_by(x)))
		notice_over(x);
	ev_timer_stop(n->d->loop, &n->retry);
	if (x) {
		x->begun = true;
		webhook_post(n->webhook, g, x->body);
	} else if (next.us != MONO_NEVER.us) {
		ev_timer_set(&n->retry, (double)(next.us - now.mono.us) / SECOND_US, 0.0);
		ev_timer_start(n->d->loop, &n->retry);
	}
}

void notices_commit(struct notices *n)
{
	int r;

	if (!n || !n->in_tx)
		return;
	n->in_tx = false;
	r = db_commit(n->db);
	recorded(n, r);
	if (r < 0)
		db_rollback(n->db);
	begin_hooks(n);
	begin_webhook(n);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
	(void)loop, (void)revents;
	notices_commit(w->data);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop, (void)revents;
	begin_webhook(w->data);
}

static int restore(void *arg, const struct outbox_row *r)
{
	struct notices *n = arg;

	for (int i = 0; i < NOTICE_EVENTS; i++)
		if (!strcmp(r->event, notice_word(i)))
			notice_new(n, r, i);
	return 0;
}

int notices_open(struct daemon *d, struct notices **ret, struct err *e)
{
	char *path = xasprintf("%s/notices.db", d->config->state_dir);
	struct notices *n = xcalloc(1, sizeof(*n));
	int r;

	n->d = d;
	TAILQ_INIT(&n->all);
	n->hooks = hooks_new(d->loop);
	n->webhook = webhook_new(d->loop, webhook_done, n);
	ev_prepare_init(&n->prepare, on_prepare);
	ev_timer_init(&n->retry, on_retry, 0, 0);
	n->prepare.data = n->retry.data = n;
	ev_prepare_start(d->loop, &n->prepare);
	ev_unref(d->loop); /* it does not keep the loop alive */
	r = outbox_open(path, &n->db, e);
	if (r == 0)
		r = outbox_last(n->db, &n->last_id);
	if (r == 0)
		r = outbox_each(n->db, restore, n);
	if (r < 0 && n->db)
		err_set(e, r, "%s: %s", path, db_error(n->db));
	free(path);
	if (r < 0) {
		notices_free(n);
		return r;
	}
	if (n->count)
		log_info("%u events of the last run are still to be told", n->count);
	begin_tx(n); /* so that the first turn begins with them */
	*ret = n;
	return 0;
}

struct notices *notices_free(struct notices *n)
{
	struct notice *x;

	if (!n)
		return NULL;
	if (n->in_tx) {
		recorded(n, db_commit(n->db));
		n->in_tx = false;
	}
	ev_ref(n->d->loop);
	ev_prepare_stop(n->d->loop, &n->prepare);
	ev_timer_stop(n->d->loop, &n->retry);
	hooks_free(n->hooks);
	webhook_free(n->webhook);
	while ((x = TAILQ_FIRST(&n->all)))
		notice_free(x);
	db_close(n->db);
	free(n);
	return NULL;
}

bool notices_wanted(const struct group_cfg *g, enum notice_event event)
{
	return g && (g->on[event] || (g->webhook && g->webhook_events & 1u << event));
}

/* Id, time and host first, then the facts; the text. */
static char *body_of(struct notices *n, const char *event, const char *group, json_t *facts)
{
	char stamp[TIMETEXT_MAX], host[256] = "";
	struct now now = daemon_now();
	json_t *o;
	char *text;

	gethostname(host, sizeof(host) - 1);
	timetext_utc_ms(now.wall, now.wall_us / 1000, stamp);
	o = json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)n->last_id, "event", event,
		      "time", stamp, "host", host, "group", group);
	json_object_update_missing(o, facts);
	json_decref(facts);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

static void put(struct notices *n, const struct outbox_row *r, enum notice_event event)
{
	if (n->count >= NOTICES_MAX) {
		if (!n->full)
			log_error("%s %s/%s is not told, and none after it: %u events wait already",
				  r->event, r->group, r->path, n->count);
		n->full = true;
		return;
	}
	begin_tx(n);
	recorded(n, outbox_put(n->db, r));
	notice_new(n, r, event);
}

void notices_tell(struct notices *n, const struct group_cfg *g, enum notice_event event,
		  json_t *facts)
{
	char *path = xstrdup(json_string_value(json_object_get(facts, "path")) ?: "");
	struct outbox_row r = {
		.id = ++n->last_id,
		.event = notice_word(event),
		.group = g->name,
		.path = path,
		.created = daemon_now().wall,
	};
	char *body = body_of(n, r.event, g->name, facts);

	r.body = body;
	if (g->on[event])
		put(n, &r, event);
	r.webhook = true;
	if (g->webhook && g->webhook_events & 1u << event)
		put(n, &r, event);
	free(body);
	free(path);
}

unsigned notices_waiting(const struct notices *n, const char **ret_problem)
{
	*ret_problem = NULL;
	if (!n)
		return 0;
	*ret_problem = n->problem[0] ? n->problem : NULL;
	return n->count;
}
