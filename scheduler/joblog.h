/*
 * joblog.h: the job log: one JSON object a line, an event each, and one "summary" per finished run.
 */
#ifndef SPOKESYNC_SCHEDULER_JOBLOG_H
#define SPOKESYNC_SCHEDULER_JOBLOG_H

#include <jansson.h>

#include "policy/base.h"

struct joblog;

int joblog_open(const char *path, struct joblog **ret, struct err *e) WARN_UNUSED;
struct joblog *joblog_close(struct joblog *l);
int joblog_reopen(struct joblog *l) WARN_UNUSED;
const char *joblog_path(const struct joblog *l);
/* Adds "time" (RFC 3339 UTC, ms) and "event", writes the line, tells followers. Takes fields. */
void joblog_event(struct joblog *l, const char *event, json_t *fields);
/* Called with each line as it is written (without newline). */
typedef void joblog_line_fn(void *arg, const char *line);
void *joblog_follow(struct joblog *l, joblog_line_fn *fn, void *arg) WARN_UNUSED;
void joblog_unfollow(struct joblog *l, void *follower);

#endif
