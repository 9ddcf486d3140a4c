/*
 * notices_webhook.c: a notice as an HTTP POST. They go one at a time, each group's in order: one
 * that has to wait holds up those of its group behind it, and no other's.
 */
#include "scheduler/notices_private.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/daemon.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"

#define RETRY_MIN_US SECOND_US
#define RETRY_MAX_US (600 * SECOND_US)
#define GIVE_UP_S    86400

static void log_webhook(const struct notice *x, enum event event, const char *text)
{
	json_t *o = notice_fields(x);

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
	notices_begin(n);
	notices_recorded(n, outbox_put(n->db, &r));
	x->due.us = now.mono.us + delay;
	x->begun = false;
}

void notices_webhook_done(void *arg, enum webhook_end end, const char *text)
{
	struct notices *n = arg;
	struct notice *x = n->posted;

	x->tries++;
	if (end == WEBHOOK_LATER && daemon_now().wall.s - x->created.s < GIVE_UP_S) {
		webhook_later(x, text);
		return;
	}
	if (end == WEBHOOK_TOLD) {
		log_webhook(x, EVENT_WEBHOOK, text);
		n->problem[0] = '\0';
	} else {
		log_warn("webhook of group %s: %s %s is not told: %s", x->group,
			 notice_word(x->event), x->path, text);
		log_webhook(x, EVENT_WEBHOOK_FAILED, text);
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
struct notice *notices_webhook_due(struct notices *n, struct mono now, struct mono *ret_next)
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
