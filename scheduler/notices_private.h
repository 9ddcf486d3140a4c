/*
 * notices_private.h: for notices*.c: what is still to be told, and what hooks and webhooks need of
 * the queue.
 */
#ifndef SPOKESYNC_SCHEDULER_NOTICES_PRIVATE_H
#define SPOKESYNC_SCHEDULER_NOTICES_PRIVATE_H

#include <sys/queue.h>

#include <ev.h>
#include <jansson.h>

#include "policy/config.h"
#include "scheduler/notices.h"
#include "scheduler/outbox.h"
#include "scheduler/webhook.h"

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
	struct notice *posted; /* the webhook under way, while there is one */
	unsigned count;
	uint64_t last_id;
	bool in_tx, full; /* full: said once */
	char problem[300];
	ev_prepare prepare;
	ev_timer retry;
};

void notices_begin(struct notices *n); /* a transaction, where there is none */
/* What cannot be written down is told all the same, from memory. */
void notices_recorded(struct notices *n, int r);
void notice_over(struct notice *x);	       /* told, or given up; frees it */
json_t *notice_fields(const struct notice *x); /* of the job log's event of what became of it */

/* Hands a notice over to the hook of g; it may be over at once. */
void notices_hook(struct notice *x, const struct group_cfg *g);
/* The first webhook that may go now, or NULL; then *ret_next is when one is due. */
struct notice *notices_webhook_due(struct notices *n, struct mono now, struct mono *ret_next);
void notices_webhook_done(void *arg, enum webhook_end end, const char *text);

#endif
