/*
 * notices.c: see notices.h: the queue of what is to be told, on disk and in memory. Hooks are
 * handed over all at once (notices_hook.c), webhooks one after the other (notices_webhook.c).
 */
#include "scheduler/notices_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/daemon.h"
#include "scheduler/hooks.h"
#include "scheduler/log.h"
#include "scheduler/timetext.h"

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

void notices_recorded(struct notices *n, int r)
{
	if (r < 0)
		log_error("recording what is to be told: %s", db_error(n->db));
}

void notices_begin(struct notices *n)
{
	int r;

	if (n->in_tx)
		return;
	r = db_begin(n->db);
	n->in_tx = r == 0;
	notices_recorded(n, r);
}

void notice_over(struct notice *x)
{
	struct notices *n = x->notices;

	notices_begin(n);
	notices_recorded(n, outbox_drop(n->db, x->id, x->webhook));
	n->full = false;
	notice_free(x);
}

json_t *notice_fields(const struct notice *x)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "on", notice_word(x->event), "group", x->group,
			 "path", x->path, "id", (json_int_t)x->id);
}

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
			notices_hook(x, g);
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
	while ((x = notices_webhook_due(n, now.mono, &next)) && !(g = told_by(x)))
		notice_over(x);
	ev_timer_stop(n->d->loop, &n->retry);
	if (x) {
		x->begun = true;
		n->posted = x;
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
	notices_recorded(n, r);
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
	n->webhook = webhook_new(d->loop, notices_webhook_done, n);
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
	notices_begin(n); /* so that the first turn begins with them */
	*ret = n;
	return 0;
}

struct notices *notices_free(struct notices *n)
{
	struct notice *x;

	if (!n)
		return NULL;
	if (n->in_tx) {
		notices_recorded(n, db_commit(n->db));
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
	notices_begin(n);
	notices_recorded(n, outbox_put(n->db, r));
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
