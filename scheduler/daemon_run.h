/*
 * daemon_run.h: the daemon's life as main() sees it: start, (the loop), finish.
 */
#ifndef SPOKESYNC_SCHEDULER_DAEMON_RUN_H
#define SPOKESYNC_SCHEDULER_DAEMON_RUN_H

#include "scheduler/daemon.h"

/* d->config and d->config_file are set. 0 or -errno with e; daemon_finish() is due either way. */
int daemon_start(struct daemon *d, struct err *e) WARN_UNUSED;
/* Frees all of it. */
void daemon_finish(struct daemon *d);

#endif
