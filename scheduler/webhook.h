/*
 * webhook.h: one POST at a time, by a thread of its own, so that a server that is slow or gone
 * holds up nothing else. Loop thread.
 */
#ifndef SPOKESYNC_SCHEDULER_WEBHOOK_H
#define SPOKESYNC_SCHEDULER_WEBHOOK_H

#include "policy/config.h"

struct ev_loop;
struct webhook;

enum webhook_end {
	WEBHOOK_TOLD,
	WEBHOOK_LATER, /* no answer, or one that says so: to be told again */
	WEBHOOK_NEVER, /* an answer that will not change */
};
/* text: what came of it, in words; valid during the call. */
typedef void webhook_done_fn(void *arg, enum webhook_end end, const char *text);

struct webhook *webhook_new(struct ev_loop *loop, webhook_done_fn *done, void *arg) WARN_UNUSED;
struct webhook *webhook_free(struct webhook *w); /* within seconds; done() is not called */
bool webhook_busy(const struct webhook *w);
/* Not while it is busy. What is needed of g is copied. */
void webhook_post(struct webhook *w, const struct group_cfg *g, const char *body);

#endif
