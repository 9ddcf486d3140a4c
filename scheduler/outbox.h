/*
 * outbox.h: what is still to be told, on disk: a database of its own in state_dir, so that it can
 * be committed before the step that it tells of is recorded as done. Rows in, rows out.
 */
#ifndef SPOKESYNC_SCHEDULER_OUTBOX_H
#define SPOKESYNC_SCHEDULER_OUTBOX_H

#include "scheduler/db.h"

struct outbox_row {
	uint64_t id;  /* of the event: a hook and a webhook of it have the same */
	bool webhook; /* else a hook */
	const char *event, *group, *path, *body;
	struct wall created;
	unsigned tries;
};

int outbox_open(const char *path, struct db **ret, struct err *e) WARN_UNUSED;
/* The newest id ever given. */
int outbox_last(struct db *db, uint64_t *ret) WARN_UNUSED;
int outbox_put(struct db *db, const struct outbox_row *r) WARN_UNUSED; /* new, or its tries */
int outbox_drop(struct db *db, uint64_t id, bool webhook) WARN_UNUSED;
/* In order of id. Strings live during the call-back only. */
typedef int outbox_row_fn(void *arg, const struct outbox_row *r);
int outbox_each(struct db *db, outbox_row_fn *fn, void *arg) WARN_UNUSED;

#endif
