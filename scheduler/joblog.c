/*
 * joblog.c: the job log on disk and its followers. See joblog.h. A line is one write to a file
 * opened for append, so that a reader and a rotation never see half of one; what a full disk or a
 * power cut leaves of one is cut off. It is a record for people and programs, not state: a full
 * disk is said once and stops nothing.
 */
#include "scheduler/joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/timetext.h"

#define LOOK_BACK 65536 /* a line is a few KiB, with a hook's output in it */

struct follower {
	joblog_line_fn *fn;
	void *arg;
	bool gone; /* unfollowed during a call; freed after it */
	TAILQ_ENTRY(follower) entry;
};

struct joblog {
	char *path;
	int fd;
	bool failing; /* the last write failed: say so once */
	bool telling;
	TAILQ_HEAD(, follower) followers;
};

const char *event_word(enum event event)
{
	static const char *const words[EVENTS_N] = {
		[EVENT_DAEMON_STARTED] = "daemon_started",
		[EVENT_DAEMON_STOPPED] = "daemon_stopped",
		[EVENT_RELOAD] = "reload",
		[EVENT_COMMAND] = "command",
		[EVENT_CREATED] = "created",
		[EVENT_STARTED] = "started",
		[EVENT_RESUMED] = "resumed",
		[EVENT_WAITING] = "waiting",
		[EVENT_PAUSED] = "paused",
		[EVENT_DESCENT] = "descent",
		[EVENT_STAGED] = "staged",
		[EVENT_PUBLISHED] = "published",
		[EVENT_FAILED] = "failed",
		[EVENT_SUPERSEDED] = "superseded",
		[EVENT_CANCELLED] = "cancelled",
		[EVENT_LATE] = "late",
		[EVENT_IN_TIME] = "in_time",
		[EVENT_LEFT_BEHIND] = "left_behind",
		[EVENT_SUMMARY] = "summary",
		[EVENT_INDEXED] = "indexed",
		[EVENT_DELETED] = "deleted",
		[EVENT_COMPLETE] = "complete",
		[EVENT_GROUP_STOPPED] = "group_stopped",
		[EVENT_GROUP_RESUMED] = "group_resumed",
		[EVENT_EXTENTS_DISTRUSTED] = "extents_distrusted",
		[EVENT_SPOKE_UP] = "spoke_up",
		[EVENT_SPOKE_DOWN] = "spoke_down",
		[EVENT_PAIR] = "pair",
		[EVENT_PROBE] = "probe",
		[EVENT_OVERRIDE_STARTED] = "override_started",
		[EVENT_OVERRIDE_ENDED] = "override_ended",
		[EVENT_DRIFT] = "drift",
		[EVENT_DRIFT_OVER] = "drift_over",
		[EVENT_SCRUB] = "scrub",
		[EVENT_HOOK] = "hook",
		[EVENT_WEBHOOK] = "webhook",
		[EVENT_WEBHOOK_FAILED] = "webhook_failed",
	};

	return words[event];
}

/* What comes after the last newline is no line: the next one would be glued to it. */
static void cut_half_line(int fd)
{
	char end[LOOK_BACK];
	struct stat st;
	ssize_t n, last;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	n = pread(fd, end, sizeof(end), MAX(st.st_size - (off_t)sizeof(end), 0));
	for (last = n; last > 0 && end[last - 1] != '\n';)
		last--;
	if (last < n && (last > 0 || n == st.st_size) && ftruncate(fd, st.st_size - n + last) < 0)
		log_warn("job log: half a line cannot be cut off: %s", strerror(errno));
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return -errno;
	cut_half_line(fd);
	return fd;
}

int joblog_open(const char *path, struct joblog **ret, struct err *e)
{
	struct joblog *l;
	int fd = open_file(path);

	if (fd < 0)
		return err_set(e, fd, "job log %s: %s", path, strerror(-fd));
	l = xcalloc(1, sizeof(*l));
	l->path = xstrdup(path);
	l->fd = fd;
	TAILQ_INIT(&l->followers);
	*ret = l;
	return 0;
}

struct joblog *joblog_close(struct joblog *l)
{
	struct follower *f;

	if (!l)
		return NULL;
	while ((f = TAILQ_FIRST(&l->followers))) {
		TAILQ_REMOVE(&l->followers, f, entry);
		free(f);
	}
	close(l->fd);
	free(l->path);
	free(l);
	return NULL;
}

int joblog_reopen(struct joblog *l)
{
	int fd;

	if (!l)
		return 0;
	fd = open_file(l->path);
	if (fd < 0)
		return fd; /* the old file goes on being written */
	close(l->fd);
	l->fd = fd;
	return 0;
}

const char *joblog_path(const struct joblog *l)
{
	return l->path;
}

static void write_line(struct joblog *l, char *line)
{
	size_t len = strlen(line);
	ssize_t n;

	line[len] = '\n';
	do {
		n = write(l->fd, line, len + 1);
	} while (n < 0 && errno == EINTR);
	line[len] = '\0';
	if (n == (ssize_t)len + 1) {
		l->failing = false;
		return;
	}
	if (!l->failing)
		log_error("job log %s: %s; lines are lost until this is mended", l->path,
			  n < 0 ? strerror(errno) : "short write");
	l->failing = true;
	if (n > 0)
		cut_half_line(l->fd);
}

static void tell_followers(struct joblog *l, const char *line)
{
	struct follower *f, *next;

	l->telling = true;
	TAILQ_FOREACH (f, &l->followers, entry) {
		if (!f->gone)
			f->fn(f->arg, line);
	}
	l->telling = false;
	for (f = TAILQ_FIRST(&l->followers); f; f = next) {
		next = TAILQ_NEXT(f, entry);
		if (f->gone) {
			TAILQ_REMOVE(&l->followers, f, entry);
			free(f);
		}
	}
}

void joblog_event(struct joblog *l, enum event event, json_t *fields)
{
	char stamp[TIMETEXT_MAX];
	struct timespec ts;
	json_t *object;
	char *line;

	if (!l) {
		json_decref(fields);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	timetext_utc_ms((struct wall){ts.tv_sec}, (unsigned)(ts.tv_nsec / 1000000), stamp);
	object = json_pack("{s:s, s:s}", "time", stamp, "event", event_word(event));
	json_object_update_missing(object, fields);
	json_decref(fields);
	line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(object);
	if (!line) {
		log_error("job log: event %s cannot be written as JSON", event_word(event));
		return;
	}
	/* json_dumps allocates to the byte; room for the newline is ours to make. */
	line = xrealloc(line, strlen(line) + 2);
	write_line(l, line);
	tell_followers(l, line);
	free(line);
}

void *joblog_follow(struct joblog *l, joblog_line_fn *fn, void *arg)
{
	struct follower *f = xcalloc(1, sizeof(*f));

	f->fn = fn;
	f->arg = arg;
	TAILQ_INSERT_TAIL(&l->followers, f, entry);
	return f;
}

void joblog_unfollow(struct joblog *l, void *follower)
{
	struct follower *f = follower;

	if (l->telling) {
		f->gone = true;
		return;
	}
	TAILQ_REMOVE(&l->followers, f, entry);
	free(f);
}
