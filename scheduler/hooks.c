/*
 * hooks.c: see hooks.h. A hook that does not end in time gets SIGTERM, and SIGKILL ten seconds
 * later, its whole process group. When the program has ended, what it left running may still hold
 * its output: that is read no longer.
 */
#include "scheduler/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ev.h>

#include "scheduler/log.h"

#define HOOK_KILL_S	10.0
#define HOOKS_AT_A_TIME 4u
#define HOOK_LINE_MAX	400

extern char **environ;

struct hook {
	struct hooks *hooks;
	char *program, *what, *input;
	char **env;
	size_t n_env;
	double limit_s;
	hook_done_fn *done;
	void *arg;
	/* while it runs */
	pid_t pid;
	int out; /* its output, or -1 */
	ev_child child;
	ev_io readable;
	ev_timer limit;
	ev_tstamp began;
	bool termed;
	char *output;	       /* HOOK_OUTPUT_MAX and a NUL; made when it begins */
	size_t n_output, said; /* said: so much of it is logged */
	bool cut;
	TAILQ_ENTRY(hook) entry;
};
TAILQ_HEAD(hook_list, hook);

struct hooks {
	struct ev_loop *loop;
	struct hook_list waiting, running;
	unsigned n_waiting, n_running;
};

static void hooks_next(struct hooks *h);

static void hook_free(struct hook *k)
{
	for (size_t i = 0; i < k->n_env; i++)
		free(k->env[i]);
	free(k->env);
	free(k->program);
	free(k->what);
	free(k->input);
	free(k->output);
	free(k);
}

/* Whole lines, and at the end what is left. */
static void hook_say(struct hook *k, bool rest)
{
	char *nl, *line;
	size_t len;

	while (k->said < k->n_output) {
		line = k->output + k->said;
		nl = memchr(line, '\n', k->n_output - k->said);
		if (!nl && !rest)
			break;
		len = nl ? (size_t)(nl - line) : k->n_output - k->said;
		if (len)
			log_info("hook for %s: %.*s", k->what, (int)MIN(len, HOOK_LINE_MAX), line);
		k->said += len + (nl != NULL);
	}
}

/* All that is there; more than is kept is read and dropped, so that the program goes on. */
static void hook_read(struct hook *k)
{
	char buf[4096];
	ssize_t n;
	size_t take;

	for (unsigned i = 0; i < 16; i++) {
		n = read(k->out, buf, sizeof(buf));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			ev_io_stop(k->hooks->loop, &k->readable);
			break;
		}
		take = MIN((size_t)n, HOOK_OUTPUT_MAX - k->n_output);
		/* A NUL would end it for whoever prints it. */
		for (size_t b = 0; b < take; b++)
			k->output[k->n_output++] = buf[b] ? buf[b] : '?';
		k->cut |= take < (size_t)n;
	}
	hook_say(k, false);
}

static void on_output(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop, (void)revents;
	hook_read(w->data);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct hook *k = w->data;

	(void)revents;
	if (!k->termed)
		log_warn("hook for %s: not done after %.0f s, ended", k->what, k->limit_s);
	kill(-k->pid, k->termed ? SIGKILL : SIGTERM);
	ev_timer_stop(loop, w);
	if (k->termed)
		return;
	k->termed = true;
	ev_timer_set(w, HOOK_KILL_S, 0.0);
	ev_timer_start(loop, w);
}

static void hook_stop(struct hook *k)
{
	struct hooks *h = k->hooks;

	ev_child_stop(h->loop, &k->child);
	ev_timer_stop(h->loop, &k->limit);
	ev_io_stop(h->loop, &k->readable);
	close(k->out);
	TAILQ_REMOVE(&h->running, k, entry);
	h->n_running--;
}

static void hook_tell(struct hook *k, int status)
{
	struct hook_end end = {
		.status = status, .late = k->termed, .output = k->output ? k->output : ""};

	if (k->began > 0)
		end.seconds = ev_time() - k->began;
	if (k->done)
		k->done(k->arg, &end);
	hook_free(k);
}

static void on_child(struct ev_loop *loop, ev_child *w, int revents)
{
	struct hook *k = w->data;
	struct hooks *h = k->hooks;
	int status = w->rstatus;

	(void)loop, (void)revents;
	hook_read(k);
	hook_say(k, true);
	if (k->cut)
		log_info("hook for %s: it printed more than %d bytes", k->what, HOOK_OUTPUT_MAX);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		log_warn("hook for %s: exit status %d", k->what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		log_warn("hook for %s: ended by signal %d", k->what, WTERMSIG(status));
	/* What it left behind in its group has had its time as well. */
	if (k->termed)
		kill(-k->pid, SIGKILL);
	hook_stop(k);
	hook_tell(k, status);
	hooks_next(h);
}

struct hooks *hooks_new(struct ev_loop *loop)
{
	struct hooks *h = xcalloc(1, sizeof(*h));

	h->loop = loop;
	TAILQ_INIT(&h->waiting);
	TAILQ_INIT(&h->running);
	return h;
}

struct hooks *hooks_free(struct hooks *h)
{
	struct hook *k;

	if (!h)
		return NULL;
	while ((k = TAILQ_FIRST(&h->running))) {
		kill(-k->pid, SIGTERM);
		hook_stop(k);
		hook_free(k);
	}
	while ((k = TAILQ_FIRST(&h->waiting))) {
		TAILQ_REMOVE(&h->waiting, k, entry);
		hook_free(k);
	}
	free(h);
	return NULL;
}

/* in: what it reads from; out: what it writes to. */
static int hook_spawn(struct hook *k, int in, int out)
{
	char *argv[] = {"/bin/sh", "-c", k->program, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, out, 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(&k->pid, argv[0], &actions, &attr, argv, k->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static void close_pair(int fds[2])
{
	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Its input is in the pipe before it runs: nobody has to go on writing. */
static int hook_begin(struct hook *k)
{
	size_t len = MIN(strlen(k->input), (size_t)HOOK_INPUT_MAX);
	int in[2] = {-1, -1}, out[2] = {-1, -1}, r = 0;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    fcntl(in[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0 && write(in[1], k->input, len) != (ssize_t)len)
		r = -EIO;
	if (r == 0)
		r = hook_spawn(k, in[0], out[1]);
	if (r == 0) {
		k->out = out[0];
		k->output = xcalloc(HOOK_OUTPUT_MAX + 1, 1);
		out[0] = -1;
	}
	close_pair(in);
	close_pair(out);
	return r;
}

static void hook_watch(struct hook *k)
{
	struct ev_loop *loop = k->hooks->loop;

	k->began = ev_time();
	ev_child_init(&k->child, on_child, k->pid, 0);
	ev_io_init(&k->readable, on_output, k->out, EV_READ);
	ev_timer_init(&k->limit, on_limit, k->limit_s, 0.0);
	k->child.data = k->readable.data = k->limit.data = k;
	ev_child_start(loop, &k->child);
	ev_io_start(loop, &k->readable);
	/* Timers count from the loop's idea of now. */
	ev_now_update(loop);
	ev_timer_start(loop, &k->limit);
}

static bool program_runs(const struct hooks *h, const char *program)
{
	const struct hook *k;

	TAILQ_FOREACH (k, &h->running, entry)
		if (!strcmp(k->program, program))
			return true;
	return false;
}

static struct hook *hook_first(const struct hooks *h)
{
	struct hook *k;

	TAILQ_FOREACH (k, &h->waiting, entry)
		if (!program_runs(h, k->program))
			return k;
	return NULL;
}

static void hooks_next(struct hooks *h)
{
	struct hook *k;
	int r;

	while (h->n_running < HOOKS_AT_A_TIME && (k = hook_first(h))) {
		TAILQ_REMOVE(&h->waiting, k, entry);
		h->n_waiting--;
		r = hook_begin(k);
		if (r < 0) {
			log_error("hook for %s: cannot be run: %s", k->what, strerror(-r));
			hook_tell(k, -1);
			continue;
		}
		TAILQ_INSERT_TAIL(&h->running, k, entry);
		h->n_running++;
		hook_watch(k);
	}
}

/* What a service manager gave to the daemon alone. */
static bool is_private(const char *variable)
{
	static const char *const names[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_",
					    "JOURNAL_STREAM=", "INVOCATION_ID="};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

static void hook_environment(struct hook *k, const char *const *more)
{
	size_t n_old = 0, n_more = 0;

	while (environ[n_old])
		n_old++;
	while (more && more[n_more])
		n_more++;
	k->env = xcalloc(n_old + n_more + 1, sizeof(*k->env));
	for (size_t i = 0; i < n_old; i++)
		if (!is_private(environ[i]))
			k->env[k->n_env++] = xstrdup(environ[i]);
	for (size_t i = 0; i < n_more; i++)
		k->env[k->n_env++] = xstrdup(more[i]);
}

void hooks_run(struct hooks *h, const struct hook_spec *spec)
{
	struct hook *k = xcalloc(1, sizeof(*k));

	k->hooks = h;
	k->out = -1;
	k->program = xstrdup(spec->program);
	k->what = xstrdup(spec->what);
	k->input = xstrdup(spec->input ? spec->input : "");
	k->limit_s = spec->limit_s;
	k->done = spec->done;
	k->arg = spec->arg;
	hook_environment(k, spec->env);
	TAILQ_INSERT_TAIL(&h->waiting, k, entry);
	h->n_waiting++;
	hooks_next(h);
}

unsigned hooks_waiting(const struct hooks *h)
{
	return h->n_waiting + h->n_running;
}
