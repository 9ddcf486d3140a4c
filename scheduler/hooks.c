/*
 * hooks.c: see hooks.h. A hook that does not end in time gets SIGTERM, and SIGKILL ten seconds
 * later, its whole process group. Its end is only logged: nothing waits for it or depends on it.
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

#define HOOK_LIMIT_S 300.0
#define HOOK_KILL_S  10.0
#define HOOKS_MAX    1000u

extern char **environ;

struct hook {
	char *program, *what;
	char **env;
	size_t n_env;
	TAILQ_ENTRY(hook) entry;
};
TAILQ_HEAD(hook_list, hook);

struct hooks {
	struct ev_loop *loop;
	struct hook_list waiting;
	unsigned n;
	struct hook *current;
	pid_t pid;
	ev_child child;
	ev_timer limit;
	bool termed;
};

static void hook_next(struct hooks *h);

static void hook_free(struct hook *k)
{
	size_t i;

	for (i = 0; i < k->n_env; i++)
		free(k->env[i]);
	free(k->env);
	free(k->program);
	free(k->what);
	free(k);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct hooks *h = w->data;

	(void)revents;
	if (!h->termed)
		log_warn("hook for %s: not done after %.0f s, ended", h->current->what,
			 HOOK_LIMIT_S);
	kill(-h->pid, h->termed ? SIGKILL : SIGTERM);
	h->termed = true;
	ev_timer_stop(loop, w);
	ev_timer_set(w, HOOK_KILL_S, 0.0);
	ev_timer_start(loop, w);
}

static void on_child(struct ev_loop *loop, ev_child *w, int revents)
{
	struct hooks *h = w->data;
	int status = w->rstatus;

	(void)revents;
	ev_child_stop(loop, w);
	ev_timer_stop(loop, &h->limit);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		log_warn("hook for %s: exit status %d", h->current->what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		log_warn("hook for %s: ended by signal %d", h->current->what, WTERMSIG(status));
	hook_free(h->current);
	h->current = NULL;
	hook_next(h);
}

struct hooks *hooks_new(struct ev_loop *loop)
{
	struct hooks *h = xcalloc(1, sizeof(*h));

	h->loop = loop;
	TAILQ_INIT(&h->waiting);
	h->child.data = h->limit.data = h;
	return h;
}

struct hooks *hooks_free(struct hooks *h)
{
	struct hook *k;

	if (!h)
		return NULL;
	if (h->current) {
		kill(-h->pid, SIGTERM);
		ev_child_stop(h->loop, &h->child);
		ev_timer_stop(h->loop, &h->limit);
		hook_free(h->current);
	}
	while ((k = TAILQ_FIRST(&h->waiting))) {
		TAILQ_REMOVE(&h->waiting, k, entry);
		hook_free(k);
	}
	free(h);
	return NULL;
}

static int hook_spawn(struct hooks *h, struct hook *k)
{
	char *argv[] = {"/bin/sh", "-c", k->program, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 2, 1);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(&h->pid, argv[0], &actions, &attr, argv, k->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static void hook_next(struct hooks *h)
{
	struct hook *k = TAILQ_FIRST(&h->waiting);
	int r;

	if (!k || h->current)
		return;
	TAILQ_REMOVE(&h->waiting, k, entry);
	h->n--;
	r = hook_spawn(h, k);
	if (r < 0) {
		log_error("hook for %s: cannot be run: %s", k->what, strerror(-r));
		hook_free(k);
		hook_next(h);
		return;
	}
	h->current = k;
	h->termed = false;
	ev_child_init(&h->child, on_child, h->pid, 0);
	h->child.data = h;
	ev_child_start(h->loop, &h->child);
	ev_timer_init(&h->limit, on_limit, HOOK_LIMIT_S, 0.0);
	h->limit.data = h;
	ev_timer_start(h->loop, &h->limit);
}

void hooks_run(struct hooks *h, const char *program, const char *what,
	       const struct hook_fact *facts, size_t n)
{
	struct hook *k;
	size_t i, n_old = 0;

	if (!program || !*program)
		return;
	if (h->n >= HOOKS_MAX) {
		log_error("hook for %s: %u are waiting, not run", what, h->n);
		return;
	}
	while (environ[n_old])
		n_old++;
	k = xcalloc(1, sizeof(*k));
	k->program = xstrdup(program);
	k->what = xstrdup(what);
	k->env = xcalloc(n_old + n + 1, sizeof(*k->env));
	for (i = 0; i < n_old; i++)
		k->env[k->n_env++] = xstrdup(environ[i]);
	for (i = 0; i < n; i++)
		k->env[k->n_env++] = xasprintf("SPOKESYNC_%s=%s", facts[i].name, facts[i].value);
	TAILQ_INSERT_TAIL(&h->waiting, k, entry);
	h->n++;
	hook_next(h);
}

unsigned hooks_waiting(const struct hooks *h)
{
	return h->n + (h->current != NULL);
}
