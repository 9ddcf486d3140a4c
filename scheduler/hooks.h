/*
 * hooks.h: programs of the administrator, run when something happened, with the facts in their
 * environment and on their standard input. Calls of one program come one after the other, in order;
 * different programs run side by side, up to four. Each has a time limit; what they print is
 * logged, so much of it. Nothing waits for them. Loop thread.
 */
#ifndef SPOKESYNC_SCHEDULER_HOOKS_H
#define SPOKESYNC_SCHEDULER_HOOKS_H

#include "policy/base.h"

struct ev_loop;
struct hook;
struct hooks;

#define HOOK_OUTPUT_MAX 4096
#define HOOK_INPUT_MAX	(48 * 1024) /* fits into a pipe: it is written before the program runs */

struct hook_end {
	int status;	    /* of waitpid(); -1: it could not be run */
	bool late;	    /* it was ended because its time was over */
	double seconds;	    /* that it took */
	const char *output; /* the first HOOK_OUTPUT_MAX bytes of it; valid during the call */
};
typedef void hook_done_fn(void *arg, const struct hook_end *end);

struct hook_spec {
	const char *program;	/* run by /bin/sh -c */
	const char *what;	/* for the log */
	const char *input;	/* its standard input */
	const char *const *env; /* "NAME=value", beside what the daemon has; NULL-terminated */
	double limit_s;
	hook_done_fn *done; /* called once, unless hooks_free() comes first; may be NULL */
	void *arg;
};

struct hooks *hooks_new(struct ev_loop *loop) WARN_UNUSED;
struct hooks *hooks_free(struct hooks *h); /* what runs is ended; done() is not called */
/* The spec and its strings are copied. */
void hooks_run(struct hooks *h, const struct hook_spec *spec);
unsigned hooks_waiting(const struct hooks *h); /* those that run among them */

#endif
