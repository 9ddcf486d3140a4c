/*
 * windows_json.h: timetables as JSON, for `windows` in its forms: what holds at a time, the coming
 * edges, a week day by day, and a week as DFS Replication writes it.
 */
#ifndef SPOKESYNC_SCHEDULER_WINDOWS_JSON_H
#define SPOKESYNC_SCHEDULER_WINDOWS_JSON_H

#include <jansson.h>

#include "policy/timetable.h"

/* Adds open, rate, by, line, text. */
void windows_json_state(json_t *o, const struct timetable *tt, struct wall t);
json_t *windows_json_edges(const struct timetable *tt, struct wall t, uint64_t n);
json_t *windows_json_week(const struct timetable *tt, struct wall t);
json_t *windows_json_dfsr(const struct policy *p);

#endif
