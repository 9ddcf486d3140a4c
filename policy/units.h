/*
 * units.h: rates, sizes, durations and clock times as people write them, parsed and printed.
 *
 * A rate is bytes a second. Written with a unit: kbit, Mbit, Gbit (decimal bits), KiB, MiB,
 * GiB, kB, MB, GB (bytes), "unlimited", and where the caller allows it "closed".
 */
#ifndef SPOKESYNC_POLICY_UNITS_H
#define SPOKESYNC_POLICY_UNITS_H

#include "policy/base.h"

#define RATE_CLOSED    ((uint64_t)0)
#define RATE_UNLIMITED UINT64_MAX

/* Room for any of the printed forms below. */
#define UNITS_TEXT 40

/* Each returns 0, or -EINVAL / -ERANGE with e saying what is allowed; *ret untouched then. */
int units_parse_rate(const char *s, bool allow_closed, uint64_t *ret, struct err *e) WARN_UNUSED;
int units_parse_size(const char *s, uint64_t *ret, struct err *e) WARN_UNUSED;
/* "90s", "15m", "2h", "1d", "1h30m", "500ms"; microseconds. */
int units_parse_duration(const char *s, int64_t *ret_us, struct err *e) WARN_UNUSED;
/* "HH:MM", 00:00 .. 24:00, minutes of the day. */
int units_parse_clock(const char *s, unsigned *ret_minutes, struct err *e) WARN_UNUSED;

/* Each prints into buf (UNITS_TEXT bytes) and returns buf: "8 Mbit/s", "3.1 GiB", "2h 05m". */
const char *units_rate(uint64_t rate, char buf[UNITS_TEXT]);
const char *units_size(uint64_t bytes, char buf[UNITS_TEXT]);
const char *units_duration(int64_t us, char buf[UNITS_TEXT]);
/* The shortest text that parses back to exactly this value: "8Mbit", "20MiB", "90m". */
const char *units_rate_exact(uint64_t rate, char buf[UNITS_TEXT]);
const char *units_size_exact(uint64_t bytes, char buf[UNITS_TEXT]);
const char *units_duration_exact(int64_t us, char buf[UNITS_TEXT]);

#endif
