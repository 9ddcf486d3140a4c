/*
 * notices.h: telling the administrator's programs and servers what happened: hooks and webhooks.
 *
 * What is told goes to disk first (outbox.h), and from there when the hook has ended or the webhook
 * was answered: at least once over a crash. Whoever records the step that is told of commits the
 * notices before it: notices_commit(), then its own. Loop thread; nothing here waits.
 */
#ifndef SPOKESYNC_SCHEDULER_NOTICES_H
#define SPOKESYNC_SCHEDULER_NOTICES_H

#include <jansson.h>

#include "policy/config.h"

struct daemon;
struct notices;

#define NOTICES_MAX 2000u /* kept at a time */

/* d: its loop, state_dir and, each time, its configuration and job log. What is left of an earlier
 * run is told once the loop runs. */
int notices_open(struct daemon *d, struct notices **ret, struct err *e) WARN_UNUSED;
struct notices *notices_free(struct notices *n); /* what is not told stays on disk */
/* Is there anybody to be told? Then facts need not be put together. */
bool notices_wanted(const struct group_cfg *g, enum notice_event event);
/* Takes facts: an object, with at least "path" (of a group as a whole: ""). */
void notices_tell(struct notices *n, const struct group_cfg *g, enum notice_event event,
		  json_t *facts);
/* Makes durable what was told since the last time, and only then begins with it. */
void notices_commit(struct notices *n);
/* How many are not told yet; *ret_problem: what stands in the way of the webhook, or NULL. */
unsigned notices_waiting(const struct notices *n, const char **ret_problem);

#endif
