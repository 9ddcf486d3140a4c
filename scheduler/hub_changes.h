/*
 * hub_changes.h: a spoke on which jobs wait for room, or for files that are in use there, is asked
 * to say when that changes: one question at a time, whose answer comes when there is something to
 * tell. A spoke that cannot (its version) is tried again by the greetings and in ten minutes.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_CHANGES_H
#define SPOKESYNC_SCHEDULER_HUB_CHANGES_H

#include "scheduler/hub_state.h"

/* Asks, where a job waits for that and nobody is asking. */
void hub_changes_ask(struct hub_spoke *s);
/* No answer is to be waited for. */
void hub_changes_end(struct hub_spoke *s);

#endif
