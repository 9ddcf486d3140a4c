/*
 * timetext.h: calendar times as text: RFC 3339 for machines, weekday and zone for people, and the
 * forms that people type. Pure; local forms take the zone of the process (the command line).
 */
#ifndef SPOKESYNC_SCHEDULER_TIMETEXT_H
#define SPOKESYNC_SCHEDULER_TIMETEXT_H

#include "policy/base.h"

struct zone;

#define TIMETEXT_MAX 48

/* "2026-11-22T15:00:37Z"; "never" for WALL_NEVER. Each returns buf. */
const char *timetext_utc(struct wall t, char buf[TIMETEXT_MAX]);
/* With milliseconds, for log lines. */
const char *timetext_utc_ms(struct wall t, unsigned ms, char buf[TIMETEXT_MAX]);
/* "Mon 2026-11-23 22:00 CET" in that zone; seconds only where they are not 0. NULL: UTC. */
const char *timetext_in_zone(const struct zone *z, struct wall t, char buf[TIMETEXT_MAX]);
/* "Mon 22:00:05" within a week of now, else "2026-11-22 22:00", in the zone of the process. */
const char *timetext_local(struct wall t, struct wall now, char buf[TIMETEXT_MAX]);

/* RFC 3339 with Z or an offset; fractions of a second are dropped. 0 or -EINVAL. */
int timetext_parse_utc(const char *s, struct wall *ret, struct err *e) WARN_UNUSED;
/*
 * What people type: RFC 3339; "YYYY-MM-DD[ T]HH:MM[:SS]" and "YYYY-MM-DD" in the zone of the
 * process; "HH:MM" (forward: the next one; else the last one); "now"; a duration such as "90m"
 * (forward: from now on; else ago).
 */
int timetext_parse_typed(const char *s, struct wall now, bool forward, struct wall *ret,
			 struct err *e) WARN_UNUSED;

#endif
