/*
 * control.h: the control socket: who may connect, what they may do, and the way from a request to
 * its handler. Commands are rows of command.h; rights are checked here, before any handler runs.
 */
#ifndef SPOKESYNC_SCHEDULER_CONTROL_H
#define SPOKESYNC_SCHEDULER_CONTROL_H

#include "policy/base.h"

struct control;
struct daemon;

int control_new(struct daemon *d, struct control **ret, struct err *e) WARN_UNUSED;
struct control *control_free(struct control *c);

#endif
