/*
 * signals.h: signals as loop events: HUP reloads, USR1 reopens the logs, TERM and INT stop in
 * order, a second TERM or INT ends at once.
 */
#ifndef SPOKESYNC_SCHEDULER_SIGNALS_H
#define SPOKESYNC_SCHEDULER_SIGNALS_H

struct daemon;

void signals_start(struct daemon *d);
void signals_stop(struct daemon *d);

#endif
