/*
 * units.c: rates, sizes, durations and clock times, both ways.
 *
 * Numbers are read by hand, not by strtod(): no locale, no hexadecimal, no overflow that goes by
 * silently. A unit is always written, because "20" has meant bits, bytes and kilobytes in other
 * tools; "Mb" is refused for the same reason.
 */
#include "policy/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RATE_MOST     ((uint64_t)1000000000000) /* 1 TB/s: leaves room in 64-bit buckets */
#define DURATION_MOST ((int64_t)3650 * 86400 * SECOND_US)
#define DIGITS_MOST   18 /* of a number before its point; 10^18 fits 64 bits */
#define DECIMALS_MOST 6
#define RATE_DIGITS   3 /* so many are as readable as fewer: 40Mbit stays that, and is not 5MB */

struct unit {
	const char *name;
	uint64_t value;
	bool exact; /* the case matters: MB is bytes, Mb could be either */
};

/* In bits, largest first within a family; the order is the preference of units_rate_exact(). */
static const struct unit rate_units[] = {
	{"Gbit", 1000000000, false}, {"Mbit", 1000000, false},
	{"kbit", 1000, false},	     {"GiB", 8 * GIB, false},
	{"MiB", 8 * MIB, false},     {"KiB", 8 * KIB, false},
	{"GB", 8000000000, true},    {"MB", 8000000, true},
	{"kB", 8000, true},	     {"B", 8, true},
};

static const struct unit size_units[] = {
	{"TiB", 1024 * GIB, false}, {"GiB", GIB, false},	 {"MiB", MIB, false},
	{"KiB", KIB, false},	    {"TB", 1000000000000, true}, {"GB", 1000000000, true},
	{"MB", 1000000, true},	    {"kB", 1000, true},		 {"B", 1, true},
};

/* Largest first: a duration is read and printed in falling order. */
static const struct unit duration_units[] = {
	{"d", (uint64_t)86400 * 1000000, true},
	{"h", (uint64_t)3600 * 1000000, true},
	{"m", (uint64_t)60 * 1000000, true},
	{"s", 1000000, true},
	{"ms", 1000, true},
};

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* A decimal number with up to DECIMALS_MOST decimals: value = digits / scale. NULL: none. */
static const char *read_number(const char *s, uint64_t *ret_digits, uint64_t *ret_scale)
{
	uint64_t digits = 0, scale = 1;
	unsigned n = 0, decimals = 0;

	for (; isdigit((unsigned char)*s); s++) {
		if (++n > DIGITS_MOST)
			return NULL;
		digits = digits * 10 + (uint64_t)(*s - '0');
	}
	if (!n)
		return NULL;
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++) {
			if (++n > DIGITS_MOST || ++decimals > DECIMALS_MOST)
				return NULL;
			digits = digits * 10 + (uint64_t)(*s - '0');
			scale *= 10;
		}
		if (!decimals)
			return NULL;
	}
	*ret_digits = digits;
	*ret_scale = scale;
	return s;
}

static const struct unit *find_unit(const struct unit *units, size_t n, const char *s, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(units[i].name) != len)
			continue;
		if (!strncmp(units[i].name, s, len) ||
		    (!units[i].exact && !strncasecmp(units[i].name, s, len)))
			return &units[i];
	}
	return NULL;
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (isalpha((unsigned char)s[n]))
		n++;
	return n;
}

static int rate_error(const char *s, bool allow_closed, struct err *e)
{
	return err_set(e, -EINVAL, "\"%.60s\" is not a rate: 20Mbit, 512kbit, 2MiB, unlimited%s", s,
		       allow_closed ? " or closed" : "");
}

int units_parse_rate(const char *s, bool allow_closed, uint64_t *ret, struct err *e)
{
	uint64_t digits, scale;
	const struct unit *u;
	unsigned __int128 v;
	const char *p;
	size_t len;

	if (!strcmp(s, "unlimited")) {
		*ret = RATE_UNLIMITED;
		return 0;
	}
	if (!strcmp(s, "closed")) {
		if (!allow_closed)
			return err_set(e, -EINVAL,
				       "closed is for window and date lines; a rate is above 0");
		*ret = RATE_CLOSED;
		return 0;
	}
	p = read_number(s, &digits, &scale);
	if (!p)
		return rate_error(s, allow_closed, e);
	p = skip_blanks(p);
	len = word_length(p);
	if (!len && !*p)
		return err_set(e, -EINVAL,
			       "the rate \"%.60s\" has no unit: kbit, Mbit, Gbit, KiB, MiB, GiB",
			       s);
	u = find_unit(rate_units, ARRAY_LEN(rate_units), p, len);
	if (!u || (p[len] && strcmp(p + len, "/s")))
		return rate_error(s, allow_closed, e);
	v = (unsigned __int128)digits * u->value / 8 / scale;
	if (!v)
		return err_set(e, -ERANGE, "the rate \"%.60s\" is not above 0%s", s,
			       allow_closed ? "; write closed" : "");
	if (v > RATE_MOST)
		return err_set(e, -ERANGE, "the rate \"%.60s\" is above 8000Gbit; write unlimited",
			       s);
	*ret = (uint64_t)v;
	return 0;
}

int units_parse_size(const char *s, uint64_t *ret, struct err *e)
{
	uint64_t digits, scale;
	const struct unit *u;
	unsigned __int128 v;
	const char *p;

	if (!strcmp(s, "0")) {
		*ret = 0;
		return 0;
	}
	p = read_number(s, &digits, &scale);
	if (!p)
		return err_set(e, -EINVAL, "\"%.60s\" is not a size: 512MiB, 8GiB, 1.5TiB", s);
	p = skip_blanks(p);
	u = find_unit(size_units, ARRAY_LEN(size_units), p, strlen(p));
	if (!u)
		return err_set(e, -EINVAL,
			       "the size \"%.60s\" needs a unit: B, KiB, MiB, GiB, TiB, kB, MB, "
			       "GB, TB",
			       s);
	v = (unsigned __int128)digits * u->value / scale;
	if (v > INT64_MAX)
		return err_set(e, -ERANGE, "the size \"%.60s\" is too large", s);
	*ret = (uint64_t)v;
	return 0;
}

int units_parse_duration(const char *s, int64_t *ret_us, struct err *e)
{
	unsigned __int128 sum = 0;
	const struct unit *last = NULL, *u;
	const char *p = s;
	uint64_t digits, scale;
	size_t len;

	if (!strcmp(s, "0")) {
		*ret_us = 0;
		return 0;
	}
	do {
		p = read_number(p, &digits, &scale);
		if (!p || scale != 1)
			goto bad;
		p = skip_blanks(p);
		len = word_length(p);
		u = find_unit(duration_units, ARRAY_LEN(duration_units), p, len);
		if (!u || (last && u <= last))
			goto bad;
		last = u;
		sum += (unsigned __int128)digits * u->value;
		if (sum > (unsigned __int128)DURATION_MOST)
			return err_set(e, -ERANGE, "the duration \"%.60s\" is above 3650d", s);
		p = skip_blanks(p + len);
	} while (*p);
	*ret_us = (int64_t)sum;
	return 0;
bad:
	return err_set(e, -EINVAL, "\"%.60s\" is not a duration: 90s, 15m, 2h, 1d, 1h30m, 500ms",
		       s);
}

int units_parse_clock(const char *s, unsigned *ret_minutes, struct err *e)
{
	unsigned minutes;

	if (strlen(s) != 5 || !isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]) ||
	    s[2] != ':' || !isdigit((unsigned char)s[3]) || !isdigit((unsigned char)s[4]))
		return err_set(e, -EINVAL, "\"%.60s\" is not a time of day: HH:MM", s);
	minutes = (unsigned)(s[0] - '0') * 600 + (unsigned)(s[1] - '0') * 60 +
		  (unsigned)(s[3] - '0') * 10 + (unsigned)(s[4] - '0');
	if (s[3] > '5' || minutes > 24 * 60)
		return err_set(e, -ERANGE, "\"%.60s\" is not within 00:00 .. 24:00", s);
	*ret_minutes = minutes;
	return 0;
}

/* v / unit with three digits or so: "3.1", "25", "0.5". Tenths only where they tell something. */
static void print_scaled(char *buf, uint64_t v, uint64_t unit, const char *name)
{
	uint64_t whole = v / unit;
	uint64_t tenths = (uint64_t)((unsigned __int128)(v % unit) * 10 / unit);

	if (whole < 100 && tenths)
		snprintf(buf, UNITS_TEXT, "%" PRIu64 ".%" PRIu64 " %s", whole, tenths, name);
	else
		snprintf(buf, UNITS_TEXT, "%" PRIu64 " %s", whole, name);
}

const char *units_rate(uint64_t rate, char buf[UNITS_TEXT])
{
	static const char *const names[] = {"Gbit/s", "Mbit/s", "kbit/s"};
	uint64_t unit = 125000000;

	if (rate == RATE_UNLIMITED || rate == RATE_CLOSED) {
		snprintf(buf, UNITS_TEXT, "%s", rate ? "unlimited" : "closed");
		return buf;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++, unit /= 1000) {
		if (rate >= unit) {
			print_scaled(buf, rate, unit, names[i]);
			return buf;
		}
	}
	snprintf(buf, UNITS_TEXT, "%" PRIu64 " bit/s", rate * 8);
	return buf;
}

const char *units_size(uint64_t bytes, char buf[UNITS_TEXT])
{
	if (bytes == UINT64_MAX) {
		snprintf(buf, UNITS_TEXT, "unlimited");
		return buf;
	}
	for (size_t i = 0; i < 4; i++) {
		if (bytes >= size_units[i].value) {
			print_scaled(buf, bytes, size_units[i].value, size_units[i].name);
			return buf;
		}
	}
	snprintf(buf, UNITS_TEXT, "%" PRIu64 " B", bytes);
	return buf;
}

const char *units_duration(int64_t us, char buf[UNITS_TEXT])
{
	const char *sign = us < 0 ? "-" : "";
	uint64_t v = us < 0 ? -(uint64_t)us : (uint64_t)us;
	uint64_t s = v / 1000000, ms = v / 1000 % 1000;

	if (s >= 86400)
		snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "d %02" PRIu64 "h", sign, s / 86400,
			 s / 3600 % 24);
	else if (s >= 3600)
		snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "h %02" PRIu64 "m", sign, s / 3600,
			 s / 60 % 60);
	else if (s >= 60)
		snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "m %02" PRIu64 "s", sign, s / 60, s % 60);
	else if (s || !ms)
		snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "s", sign, s);
	else
		snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "ms", sign, ms);
	return buf;
}

/*
 * The first unit of the table that needs at most `few` digits; where none does, fewest digits. The
 * last unit divides everything.
 */
static void print_exact(char *buf, const struct unit *units, size_t n, size_t few,
			unsigned __int128 v)
{
	char text[UNITS_TEXT];
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		if (v % units[i].value)
			continue;
		snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)(v / units[i].value));
		if (strlen(text) >= best)
			continue;
		best = strlen(text);
		snprintf(buf, UNITS_TEXT, "%s%s", text, units[i].name);
		if (best <= few)
			return;
	}
}

const char *units_rate_exact(uint64_t rate, char buf[UNITS_TEXT])
{
	if (rate == RATE_UNLIMITED || rate == RATE_CLOSED)
		snprintf(buf, UNITS_TEXT, "%s", rate ? "unlimited" : "closed");
	else
		print_exact(buf, rate_units, ARRAY_LEN(rate_units), RATE_DIGITS,
			    (unsigned __int128)rate * 8);
	return buf;
}

const char *units_size_exact(uint64_t bytes, char buf[UNITS_TEXT])
{
	if (bytes == UINT64_MAX || !bytes)
		snprintf(buf, UNITS_TEXT, "%s", bytes ? "unlimited" : "0");
	else
		print_exact(buf, size_units, ARRAY_LEN(size_units), 0, bytes);
	return buf;
}

const char *units_duration_exact(int64_t us, char buf[UNITS_TEXT])
{
	size_t i = 0, last = ARRAY_LEN(duration_units) - 1;

	if (us <= 0) {
		snprintf(buf, UNITS_TEXT, "0");
		return buf;
	}
	while (i < last && (uint64_t)us % duration_units[i].value)
		i++;
	snprintf(buf, UNITS_TEXT, "%" PRIu64 "%s", (uint64_t)us / duration_units[i].value,
		 duration_units[i].name);
	return buf;
}
