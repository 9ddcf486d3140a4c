/*
 * spoke_notice.h: what a spoke tells hooks and webhooks (notices.h): publish.
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_NOTICE_H
#define SPOKESYNC_SCHEDULER_SPOKE_NOTICE_H

#include "scheduler/spoke_state.h"

/* It lies there under its name now (or is gone). Durable when this returns: to be called before
 * that is recorded as done. */
void spoke_notice(struct spoke_group *g, const char *kind, const char *path,
		  const struct hash *root, uint64_t size);

#endif
