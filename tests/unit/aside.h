/* aside.h: what waits, such as a client, done on a thread while a test's loop turns. */
#ifndef SPOKESYNC_TESTS_UNIT_ASIDE_H
#define SPOKESYNC_TESTS_UNIT_ASIDE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <ev.h>

#include "policy/base.h"

struct aside {
	struct ev_loop *loop;
	void (*run)(void *arg);
	void *arg;
	ev_async over;
};

static inline void *aside_main(void *arg)
{
	struct aside *a = arg;

	a->run(a->arg);
	ev_async_send(a->loop, &a->over);
	return NULL;
}

static inline void aside_over(struct ev_loop *loop, ev_async *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(loop, EVBREAK_ONE);
}

static inline void aside_run(struct ev_loop *loop, void (*run)(void *arg), void *arg)
{
	struct aside a = {.loop = loop, .run = run, .arg = arg};
	pthread_t t;

	ev_async_init(&a.over, aside_over);
	ev_async_start(loop, &a.over);
	if (pthread_create(&t, NULL, aside_main, &a) != 0)
		abort();
	ev_run(loop, 0);
	pthread_join(t, NULL);
	ev_async_stop(loop, &a.over);
}

struct aside_shell {
	const char *cmd;
	char out[65536];
};

static inline void aside_shell_main(void *arg)
{
	struct aside_shell *s = arg;
	FILE *p = popen(s->cmd, "r");

	if (p == NULL)
		abort();
	s->out[fread(s->out, 1, sizeof(s->out) - 1, p)] = '\0';
	pclose(p);
}

/* What the command wrote, until the next one. */
static inline char *aside_shell(struct ev_loop *loop, const char *cmd)
{
	static struct aside_shell s;

	s.cmd = cmd;
	aside_run(loop, aside_shell_main, &s);
	return s.out;
}

#endif
