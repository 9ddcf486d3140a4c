/*
 * joblog.h: the job log: one JSON object a line, an event each, and one "summary" per finished run.
 */
#ifndef SPOKESYNC_SCHEDULER_JOBLOG_H
#define SPOKESYNC_SCHEDULER_JOBLOG_H

#include <jansson.h>

#include "policy/base.h"

/* What there is to tell. The words are in joblog.c; spokesyncd(8) says what each means. */
enum event {
	/* of the daemon */
	EVENT_DAEMON_STARTED,
	EVENT_DAEMON_STOPPED,
	EVENT_RELOAD,
	EVENT_COMMAND,
	/* of a job */
	EVENT_CREATED,
	EVENT_STARTED,
	EVENT_RESUMED,
	EVENT_WAITING,
	EVENT_PAUSED,
	EVENT_DESCENT,
	EVENT_STAGED,
	EVENT_PUBLISHED,
	EVENT_FAILED,
	EVENT_SUPERSEDED,
	EVENT_CANCELLED,
	EVENT_LATE,
	EVENT_IN_TIME,
	EVENT_LEFT_BEHIND,
	EVENT_SUMMARY,
	/* of a file of the hub */
	EVENT_INDEXED,
	EVENT_DELETED,
	EVENT_COMPLETE,
	/* of a group, a spoke, an override */
	EVENT_GROUP_STOPPED,
	EVENT_GROUP_RESUMED,
	EVENT_EXTENTS_DISTRUSTED,
	EVENT_SPOKE_UP,
	EVENT_SPOKE_DOWN,
	EVENT_PAIR,
	EVENT_PROBE,
	EVENT_OVERRIDE_STARTED,
	EVENT_OVERRIDE_ENDED,
	/* of what lies on a spoke */
	EVENT_DRIFT,
	EVENT_DRIFT_OVER,
	EVENT_SCRUB,
	/* of who is told */
	EVENT_HOOK,
	EVENT_WEBHOOK,
	EVENT_WEBHOOK_FAILED,
	EVENTS_N
};
const char *event_word(enum event event);

struct joblog;

int joblog_open(const char *path, struct joblog **ret, struct err *e) WARN_UNUSED;
struct joblog *joblog_close(struct joblog *l);
int joblog_reopen(struct joblog *l) WARN_UNUSED;
const char *joblog_path(const struct joblog *l);
/* Adds "time" (RFC 3339 UTC, ms) and "event", writes the line, tells followers. Takes fields. */
void joblog_event(struct joblog *l, enum event event, json_t *fields);
/* Called with each line as it is written (without newline). */
typedef void joblog_line_fn(void *arg, const char *line);
void *joblog_follow(struct joblog *l, joblog_line_fn *fn, void *arg) WARN_UNUSED;
void joblog_unfollow(struct joblog *l, void *follower);

#endif
