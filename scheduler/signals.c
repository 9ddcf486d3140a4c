/*
 * signals.c: see signals.h. The watchers keep no loop alive and do nothing but call the daemon.
 */
#include "scheduler/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/daemon.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"

static const int numbers[] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT};

struct signals {
	struct ev_loop *loop;
	ev_signal watchers[ARRAY_LEN(numbers)];
};

static void on_reload(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct config_errors errors = {0};
	char restart[512];

	(void)loop, (void)revents;
	/* What is wrong with it was logged there, line by line. */
	if (daemon_reload(w->data, &errors, restart, sizeof(restart)) < 0)
		config_errors_done(&errors);
}

static void on_reopen(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct daemon *d = w->data;
	int r = joblog_reopen(d->joblog);

	(void)loop, (void)revents;
	if (r < 0)
		log_error("job log %s cannot be opened again: %s; the old file goes on",
			  joblog_path(d->joblog), strerror(-r));
	else
		log_info("job log reopened");
}

static void on_stop(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct daemon *d = w->data;

	(void)loop, (void)revents;
	if (d->stopping) {
		log_warn("asked to stop again: ending at once");
		_exit(1);
	}
	log_info("%s: stopping", w->signum == SIGTERM ? "SIGTERM" : "SIGINT");
	daemon_stop(d);
}

struct signals *signals_new(struct daemon *d)
{
	static void (*const callbacks[])(struct ev_loop *, ev_signal *, int) = {
		on_reload,
		on_reopen,
		on_stop,
		on_stop,
	};
	struct signals *s = xcalloc(1, sizeof(*s));

	s->loop = d->loop;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		ev_signal_init(&s->watchers[i], callbacks[i], numbers[i]);
		s->watchers[i].data = d;
		ev_signal_start(d->loop, &s->watchers[i]);
		ev_unref(d->loop);
	}
	return s;
}

struct signals *signals_free(struct signals *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		ev_ref(s->loop);
		ev_signal_stop(s->loop, &s->watchers[i]);
	}
	free(s);
	return NULL;
}
