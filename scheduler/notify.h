/*
 * notify.h: sd_notify(3) without its library: a datagram of NAME=value lines to $NOTIFY_SOCKET.
 */
#ifndef SPOKESYNC_SCHEDULER_NOTIFY_H
#define SPOKESYNC_SCHEDULER_NOTIFY_H

#include "policy/base.h"

/* Without $NOTIFY_SOCKET nothing happens. 0 or -errno; nobody need care. */
int notify_send(const char *fmt, ...) PRINTF(1, 2);
/* "RELOADING=1" with the monotonic time that Type=notify-reload wants. */
int notify_reloading(void);
/* READY=1 and a status text. */
int notify_ready(const char *status);

#endif
