/*
 * doctor.h: what the filesystems of the groups' directories can do for replication, and in plain
 * words what it costs where one cannot. Blocks for some milliseconds a group: a worker's, or the
 * command line's own where no daemon runs.
 */
#ifndef SPOKESYNC_SCHEDULER_DOCTOR_H
#define SPOKESYNC_SCHEDULER_DOCTOR_H

#include <jansson.h>

#include "policy/config.h"

struct doctor;

/* Copies what it needs of the configuration. only: one group, or NULL for all. */
struct doctor *doctor_new(const struct config *c, const char *only) WARN_UNUSED;
struct doctor *doctor_free(struct doctor *d);
/* The hub does not believe a group's extents any more (trust.h); why. */
void doctor_distrust(struct doctor *d, const char *group, const char *why);
void doctor_run(struct doctor *d);
json_t *doctor_json(const struct doctor *d); /* after it; a new reference */

#endif
