/*
 * zone.h: time zones by IANA name. zone.c is the only file that knows GLib.
 */
#ifndef SPOKESYNC_POLICY_ZONE_H
#define SPOKESYNC_POLICY_ZONE_H

#include "policy/base.h"

struct zone;

struct local_time {
	int32_t day;	  /* days since 1970-01-01, local */
	unsigned weekday; /* 0 = monday */
	unsigned second;  /* of the day, 0..86399 */
	int32_t offset;	  /* seconds east of UTC */
	bool dst;
	char abbrev[12];
};

/* NULL where the name is not known (never silently UTC). "UTC" always works. */
struct zone *zone_new(const char *name) WARN_UNUSED;
/* One table for all who name the zone: refreshed for one, it is for all. */
struct zone *zone_ref(struct zone *z);
/* Gives a reference back; the last frees it. */
struct zone *zone_free(struct zone *z);
/* Its name in the database. */
const char *zone_name(const struct zone *z);
/* Reads the zone's file again where it was changed or replaced (one stat where not). True: the zone
 * answers otherwise than before. A file that is gone or not whole changes nothing. */
bool zone_refresh(struct zone *z);
void zone_local(const struct zone *z, struct wall t, struct local_time *ret);
/* First t' > t at which the offset changes; WALL_NEVER if none within 400 days. */
struct wall zone_next_change(const struct zone *z, struct wall t);
/* The machine's own zone by IANA name (TZ, /etc/localtime); "UTC" where it cannot be told. */
const char *zone_system_name(char *buf, size_t size);
/* "mon 2026-11-23 06:00 CET", seconds only where there are some; z NULL: in UTC. WALL_NEVER:
 * "never". */
#define ZONE_TEXT 48
const char *zone_print(const struct zone *z, struct wall t, char buf[ZONE_TEXT]);
/* days since 1970-01-01 <-> civil date */
int32_t zone_days_from_civil(int year, unsigned month, unsigned day);
void zone_civil_from_days(int32_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day);

#endif
