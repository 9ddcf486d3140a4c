/*
 * signals.c: see signals.h. The watchers keep no loop alive and do nothing but call the daemon.
 */
#include "scheduler/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/daemon.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"

static ev_signal signals_watchers[4];
static const int signals_numbers[] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT};

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

void signals_start(struct daemon *d)
{
	static void (*const callbacks[])(struct ev_loop *, ev_signal *, int) = {
		on_reload,
		on_reopen,
		on_stop,
		on_stop,
	};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(signals_watchers); i++) {
		ev_signal_init(&signals_watchers[i], callbacks[i], signals_numbers[i]);
		signals_watchers[i].data = d;
		ev_signal_start(d->loop, &signals_watchers[i]);
		ev_unref(d->loop);
	}
}

void signals_stop(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_LEN(signals_watchers); i++) {
		ev_ref(d->loop);
		ev_signal_stop(d->loop, &signals_watchers[i]);
	}
}
