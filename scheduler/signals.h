/*
 * signals.h: signals as loop events: HUP reloads, USR1 reopens the logs, TERM and INT stop in
 * order, a second TERM or INT ends at once.
 */
#ifndef SPOKESYNC_SCHEDULER_SIGNALS_H
#define SPOKESYNC_SCHEDULER_SIGNALS_H

#include "policy/base.h"

struct daemon;

struct signals;

struct signals *signals_new(struct daemon *d) WARN_UNUSED;
struct signals *signals_free(struct signals *s);

#endif
