/*
 * why.h: why something does not move, in whole sentences with times and figures.
 */
#ifndef SPOKESYNC_SCHEDULER_WHY_H
#define SPOKESYNC_SCHEDULER_WHY_H

#include <jansson.h>

#include "scheduler/hub.h"

/* An array of sentences, at least one. */
json_t *why_job(struct daemon *d, struct job *j, struct now now);
/* What keeps (spoke, group) closed, or opens it; one sentence each, appended. */
void why_closed(struct daemon *d, const struct spoke_state *s, const struct group_cfg *g,
		struct now now, json_t *sentences);
/* Appends one sentence. */
void why_say(json_t *sentences, const char *fmt, ...) PRINTF(2, 3);

#endif
