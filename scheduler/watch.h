/*
 * watch.h: inotify on the directories of one group: hints that something changed, so that the
 * periodic scan is not the only way to notice. Hints only: an overflow, a moved directory, or
 * anything that is not understood asks for a scan.
 */
#ifndef SPOKESYNC_SCHEDULER_WATCH_H
#define SPOKESYNC_SCHEDULER_WATCH_H

#include "policy/base.h"

struct ev_loop;
struct watch;

struct watch_events {
	void (*touched)(void *arg, const char *path); /* look at this path again */
	void (*scan)(void *arg);		      /* look at everything */
	void *arg;
};

/* top: the group's directory. NULL with e: no inotify here; scans alone do the work. */
struct watch *watch_new(struct ev_loop *loop, const char *top, const struct watch_events *ev,
			struct err *e) WARN_UNUSED;
struct watch *watch_free(struct watch *w);
/*
 * A directory below the top ("" = itself). 1: newly watched, so what happened in it before is not
 * known; 0: it was already; -errno (-ENOSPC: the system's limit of watches).
 */
int watch_add(struct watch *w, const char *dir) WARN_UNUSED;

#endif
