/*
 * hub_turn.h: the plan pass before the loop sleeps, and the timers that make it come.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_TURN_H
#define SPOKESYNC_SCHEDULER_HUB_TURN_H

#include "scheduler/hub_state.h"

void hub_turn_start(struct hub *h);
void hub_turn_stop(struct hub *h);
void hub_turn_commit(struct hub *h); /* what hub_tx() opened */
void hub_stop_over(struct hub *h);   /* hub.c: nothing is pushed any more */

#endif
