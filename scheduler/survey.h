/*
 * survey.h: when a group is scanned, and what becomes of what the scan found: every name goes to
 * the intake, and what was not found is asked for once more there.
 */
#ifndef SPOKESYNC_SCHEDULER_SURVEY_H
#define SPOKESYNC_SCHEDULER_SURVEY_H

#include "scheduler/hub_state.h"

void survey_init(struct hub_group *g);
void survey_now(struct hub_group *g);
void survey_want(struct hub_group *g);	 /* soon; several wishes are one scan */
void survey_cancel(struct hub_group *g); /* the daemon stops: it ends soon, and is not repeated */
void survey_forget(struct hub_group *g); /* the group goes: nobody waits for it */

#endif
