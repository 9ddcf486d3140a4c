/*
 * daemon.c: the running daemon from its configuration to its end: directories, the lock that keeps
 * a second one away, key, job log, loop, role, control socket. See daemon.h; reload.c has the
 * change of configuration, signals.c the signals.
 */
#include "scheduler/daemon_run.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/control.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"
#include "scheduler/notices.h"
#include "scheduler/notify.h"
#include "scheduler/privileges.h"
#include "scheduler/signals.h"
#include "transfer/key.h"
#include "transfer/worker.h"

/* Descriptors: connections, images, pins; more than any fleet of ours needs. */
#define FILES_WANTED 65536
/* An orderly stop takes seconds; what is not done then is done by the next start. */
#define STOP_LIMIT_S 20.0

struct now daemon_now(void)
{
	struct timespec wall, mono;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &mono);
	return (struct now){
		.wall = {wall.tv_sec},
		.wall_us = (uint32_t)(wall.tv_nsec / 1000),
		.mono = {(int64_t)mono.tv_sec * SECOND_US + mono.tv_nsec / 1000},
	};
}

/* The sandbox that it runs in may refuse any of this. */
static void set_limits(void)
{
	struct rlimit r;
	struct err e;

	umask(027);
	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = MIN(r.rlim_max, (rlim_t)FILES_WANTED);
		if (setrlimit(RLIMIT_NOFILE, &r) < 0)
			log_warn("limit of open files: %s", strerror(errno));
	}
	/* The key is in memory: no core files. */
	r = (struct rlimit){0, 0};
	if (setrlimit(RLIMIT_CORE, &r) < 0)
		log_warn("no core files: %s", strerror(errno));
	if (privileges_drop(&e) < 0)
		log_warn("%s", e.text);
}

/* Makes the directory of a file that we write; one level, where it is missing. */
static int make_parent(const char *path, mode_t mode, struct err *e)
{
	char *copy = xstrdup(path);
	const char *dir = dirname(copy);
	int r = 0;

	if (mkdir(dir, mode) < 0 && errno != EEXIST)
		r = err_set(e, -errno, "%s: %s", dir, strerror(errno));
	free(copy);
	return r;
}

/* One daemon a state directory. The lock lives as long as the process. */
static int lock_state(const char *dir, int *ret_fd, struct err *e)
{
	char *path = xasprintf("%s/lock", dir);
	int fd, r = 0;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		r = err_set(e, -errno, "%s: %s", path, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = err_set(e, -EBUSY, "another spokesyncd runs on %s", dir);
		close(fd);
	} else {
		*ret_fd = fd;
	}
	free(path);
	return r;
}

static int prepare_disk(struct daemon *d, int *ret_lock, struct err *e)
{
	const struct config *c = d->config;
	int r;

	if (mkdir(c->state_dir, 0750) < 0 && errno != EEXIST)
		return err_set(e, -errno, "state_dir %s: %s", c->state_dir, strerror(errno));
	r = make_parent(c->control, 0755, e);
	if (!r)
		r = make_parent(c->job_log, 0750, e);
	if (!r)
		r = make_parent(c->key, 0750, e);
	if (!r)
		r = lock_state(c->state_dir, ret_lock, e);
	return r;
}

/* One more than processors: some wait for disks, and slow frames may not have all of them. */
static unsigned worker_threads(const struct config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->threads)
		return c->threads;
	return cores > 0 ? (unsigned)MIN(cores + 1, 64) : 2;
}

static int start_role(struct daemon *d, struct err *e)
{
	return d->config->role == ROLE_HUB ? hub_start(d, e) : spoke_start(d, e);
}

static void say_ready(struct daemon *d)
{
	const struct config *c = d->config;
	char pin[PIN_TEXT + 1], status[256];
	struct pin own;

	memcpy(own.sha256, d->key->pin, sizeof(own.sha256));
	snprintf(status, sizeof(status), "%s, %zu groups, %zu spokes", role_word(c->role),
		 c->n_groups, c->n_spokes);
	log_info("spokesyncd " PACKAGE_VERSION ": %s, key %s, control %s", status,
		 pin_print(&own, pin), c->control);
	notify_ready(status);
	joblog_event(d->joblog, EVENT_DAEMON_STARTED,
		     json_pack("{s:s, s:s, s:I, s:I}", "software", "spokesync " PACKAGE_VERSION,
			       "role", role_word(c->role), "groups", (json_int_t)c->n_groups,
			       "spokes", (json_int_t)c->n_spokes));
}

int daemon_start(struct daemon *d, struct err *e)
{
	int r;

	set_limits();
	d->started = d->config_loaded = daemon_now().wall;
	d->lock_fd = -1;
	r = prepare_disk(d, &d->lock_fd, e);
	if (!r)
		r = key_load(d->config->key, true, &d->key, e);
	if (!r)
		r = joblog_open(d->config->job_log, &d->joblog, e);
	if (r < 0)
		return r;
	d->loop = ev_default_loop(EVFLAG_AUTO);
	if (!d->loop)
		return err_set(e, -ENOSYS, "the event loop cannot be made");
	d->pool = pool_new(d->loop, worker_threads(d->config));
	d->signals = signals_new(d);
	r = notices_open(d, &d->notices, e);
	if (!r)
		r = start_role(d, e);
	if (!r)
		r = control_new(d, &d->control, e);
	if (!r)
		say_ready(d);
	return r;
}

static void end_loop(struct daemon *d, const char *why)
{
	joblog_event(d->joblog, EVENT_DAEMON_STOPPED, json_pack("{s:s}", "why", why));
	ev_break(d->loop, EVBREAK_ALL);
}

static void stopped(struct daemon *d)
{
	log_info("stopped");
	end_loop(d, "all was ended and recorded");
}

static void stop_takes_long(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop, (void)revents;
	log_warn("the stop takes longer than %.0f s: ending; the next start goes on", STOP_LIMIT_S);
	end_loop(w->data, "it took too long: the next start goes on");
}

void daemon_stop(struct daemon *d)
{
	static ev_timer limit;

	if (d->stopping)
		return;
	d->stopping = true;
	notify_send("STOPPING=1\nSTATUS=stopping\n");
	ev_timer_init(&limit, stop_takes_long, STOP_LIMIT_S, 0.);
	limit.data = d;
	ev_timer_start(d->loop, &limit);
	if (d->hub)
		hub_stop(d, stopped);
	else if (d->spoke)
		spoke_stop(d, stopped);
	else
		stopped(d);
}

/* In the order in which things lean on each other; all of it may be half made. */
void daemon_finish(struct daemon *d)
{
	d->control = control_free(d->control);
	d->hub = hub_free(d->hub);
	d->spoke = spoke_free(d->spoke);
	d->notices = notices_free(d->notices);
	d->signals = signals_free(d->signals);
	d->pool = pool_free(d->pool);
	d->joblog = joblog_close(d->joblog);
	d->key = key_free(d->key);
	d->config = config_unref(d->config);
	if (d->loop)
		ev_loop_destroy(d->loop);
	d->loop = NULL;
	if (d->lock_fd >= 0)
		close(d->lock_fd);
}
