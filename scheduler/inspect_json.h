/*
 * inspect_json.h: what was found of a file, with what the catalog knows, as JSON: facts, the chain,
 * who has its blocks, and in sentences what is wrong and what cannot be said.
 */
#ifndef SPOKESYNC_SCHEDULER_INSPECT_JSON_H
#define SPOKESYNC_SCHEDULER_INSPECT_JSON_H

#include <jansson.h>

#include "scheduler/hub.h"
#include "scheduler/inspect.h"

json_t *inspect_json(struct hub *h, const char *group, const struct inspect *x); /* new, or NULL */

#endif
