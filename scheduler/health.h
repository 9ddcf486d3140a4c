/*
 * health.h: is all well? For `status --check` and monitoring: a level and, in words, each thing
 * that is not as it should be. A closed window is not a fault.
 */
#ifndef SPOKESYNC_SCHEDULER_HEALTH_H
#define SPOKESYNC_SCHEDULER_HEALTH_H

#include <jansson.h>

#include "scheduler/hub.h"

/* {"level": "ok" | "warning" | "critical", "problems": ["..."]}; at most 20 problems in words. */
json_t *health_of_hub(struct hub *h, struct now now);

#endif
