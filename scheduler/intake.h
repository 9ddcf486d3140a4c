/*
 * intake.h: what is seen of a path, by a hint or by a scan, against what is known of it: skipped,
 * as catalogued, or to be settled. What has settled is take.c's.
 */
#ifndef SPOKESYNC_SCHEDULER_INTAKE_H
#define SPOKESYNC_SCHEDULER_INTAKE_H

#include "scheduler/hub_state.h"

/* One look at a path. skip: static text, or NULL. */
struct intake_seen {
	bool gone;
	const char *skip;
	struct identity identity;
	uint32_t mode;
};

void intake_touch(struct hub_group *g, const char *path); /* a hint: looks at it with stat */
void intake_see(struct hub_group *g, const char *path, const struct intake_seen *seen);
bool intake_wanted(const struct hub_group *g, const char *path); /* by the filter */
/* For how long it has to be as it is before it is taken. */
int64_t intake_settle_us(const struct hub_group *g, const char *path);
/* What a scan did not see: gone, unless the group's directory itself is in doubt. */
void intake_missing(struct hub_group *g, uint64_t scan);
/* A path that was catalogued and turned out to differ on disk settles again. */
void intake_doubt(struct hub_group *g, const char *path);
void intake_forget(struct hub_file *f, const char *why); /* jobs for it are cancelled */

#endif
