/*
 * hub_notices.h: what the hub tells hooks and webhooks (notices.h): the facts of a version, a job,
 * a group. Where nobody wants them nothing is put together.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_NOTICES_H
#define SPOKESYNC_SCHEDULER_HUB_NOTICES_H

#include "scheduler/hub_state.h"

void hub_notice_settled(const struct hub_version *hv);
void hub_notice_complete(const struct hub_version *hv); /* every spoke of its group has it */
void hub_notice_changed(struct hub_job *x, const struct action *a); /* staged, fail */
void hub_notice_late(const struct hub_job *x, struct wall deadline);
void hub_notice_stopped(const struct hub_group *g); /* fail: for its problem */
/* fail, for each group of the spoke: a key that is not the pinned one, there or here. */
void hub_notice_refused(const struct hub_spoke *s, const char *why);

#endif
