/*
 * hooks.h: programs of the administrator, run when something happened, with the facts in their
 * environment. One at a time in the order asked for; each has a time limit; what they print goes to
 * the daemon's stderr. Loop thread.
 */
#ifndef SPOKESYNC_SCHEDULER_HOOKS_H
#define SPOKESYNC_SCHEDULER_HOOKS_H

#include "policy/base.h"

struct ev_loop;
struct hooks;

struct hook_fact {
	const char *name, *value;
};

struct hooks *hooks_new(struct ev_loop *loop) WARN_UNUSED;
struct hooks *hooks_free(struct hooks *h); /* what runs is killed */
/* program: run by /bin/sh -c. Facts become SPOKESYNC_<name>; they are copied. what: for the log. */
void hooks_run(struct hooks *h, const char *program, const char *what,
	       const struct hook_fact *facts, size_t n);
unsigned hooks_waiting(const struct hooks *h);

#endif
