/*
 * test_units.c: rates, sizes, durations, clock times.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/units.h"
#include "tests/unit/temp.h"

#define KEEP 12345

static void rates(void **state)
{
	static const struct {
		const char *text;
		uint64_t rate;
	} good[] = {
		{"20Mbit", 2500000},	     {"512kbit", 64000},	{"1Gbit", 125000000},
		{"2MiB", 2 * MIB},	     {"64KiB", 65536},		{"1.5Mbit", 187500},
		{"20 Mbit/s", 2500000},	     {"8MB", 8000000},		{"1400B", 1400},
		{"20mbit", 2500000},	     {"unlimited", UINT64_MAX}, {"0.064Mbit", 8000},
		{"8000Gbit", 1000000000000},
	};
	static const char *const bad[] = {
		"",
		"20",
		"Mbit",
		"20Mb",
		"20mb",
		"20 Mbit x",
		"-1Mbit",
		"0Mbit",
		"0.001kbit",
		"20Mbits",
		"1e6kbit",
		"0x10kbit",
		"1.Mbit",
		".5Mbit",
		"1,5Mbit",
		"closed",
		"Unlimited",
		"9000Gbit",
		"20Mbit/h",
		"99999999999999999999Gbit",
		"1.1234567Mbit",
		"nan",
		"infMbit",
	};
	struct err e;
	uint64_t r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(units_parse_rate(good[i].text, false, &r, &e), 0);
		assert_int_equal(r, good[i].rate);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		r = KEEP;
		e.text[0] = '\0';
		assert_true(units_parse_rate(bad[i], false, &r, &e) < 0);
		assert_int_equal(r, KEEP);
		assert_true(e.text[0] != '\0');
	}
	assert_int_equal(units_parse_rate("closed", true, &r, &e), 0);
	assert_int_equal(r, RATE_CLOSED);
	assert_true(units_parse_rate("0kbit", true, &r, &e) < 0);
	assert_true(units_parse_rate("x", false, &r, NULL) < 0);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{"0", 0},
		{"1B", 1},
		{"8GiB", 8 * GIB},
		{"8 gib", 8 * GIB},
		{"1.5TiB", 1536 * GIB},
		{"200GB", 200000000000},
		{"512kB", 512000},
	};
	static const char *const bad[] = {"",	 "8",	  "8G",		 "-1B",
					  "GiB", "8GiBB", "99999999TiB", "8gb"};
	struct err e;
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(units_parse_size(good[i].text, &v, &e), 0);
		assert_int_equal(v, good[i].size);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		v = KEEP;
		assert_true(units_parse_size(bad[i], &v, &e) < 0);
		assert_int_equal(v, KEEP);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
		{"0", 0},
		{"0s", 0},
		{"500ms", 500000},
		{"90s", 90 * SECOND_US},
		{"15m", 900 * SECOND_US},
		{"2h 05m", 7500 * SECOND_US},
		{"1h30m", 5400 * SECOND_US},
		{"1d", 86400 * SECOND_US},
		{"1d2h3m4s5ms", 93784005000},
	};
	static const char *const bad[] = {"",	  "90",	   "1m1h", "1m1m", "-1s",
					  "1.5h", "4000d", "s",	   "1 x",  "99999999999999999999s"};
	struct err e;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(units_parse_duration(good[i].text, &v, &e), 0);
		assert_int_equal(v, good[i].us);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		v = KEEP;
		assert_true(units_parse_duration(bad[i], &v, &e) < 0);
		assert_int_equal(v, KEEP);
	}
}

static void clocks(void **state)
{
	static const char *const bad[] = {"", "6:00", "24:01", "12:60", "12.00", "12:000", "ab:cd"};
	unsigned m = KEEP;
	struct err e;

	(void)state;
	assert_int_equal(units_parse_clock("00:00", &m, &e), 0);
	assert_int_equal(m, 0);
	assert_int_equal(units_parse_clock("24:00", &m, &e), 0);
	assert_int_equal(m, 1440);
	assert_int_equal(units_parse_clock("06:30", &m, &e), 0);
	assert_int_equal(m, 390);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(units_parse_clock(bad[i], &m, &e) < 0);
	assert_int_equal(m, 390);
}

static void printed(void **state)
{
	char b[UNITS_TEXT];

	(void)state;
	assert_string_equal(units_rate(1000000, b), "8 Mbit/s");
	assert_string_equal(units_rate(187500, b), "1.5 Mbit/s");
	assert_string_equal(units_rate(1, b), "8 bit/s");
	assert_string_equal(units_rate(RATE_UNLIMITED, b), "unlimited");
	assert_string_equal(units_rate(RATE_CLOSED, b), "closed");
	assert_string_equal(units_size(3328599655, b), "3.1 GiB");
	assert_string_equal(units_size(1023, b), "1023 B");
	assert_string_equal(units_size(UINT64_MAX, b), "unlimited");
	assert_string_equal(units_size(INT64_MAX, b), "8388607 TiB");
	assert_string_equal(units_duration(7500 * SECOND_US, b), "2h 05m");
	assert_string_equal(units_duration(-42 * SECOND_US, b), "-42s");
	assert_string_equal(units_duration(20000, b), "20ms");
	assert_string_equal(units_duration(INT64_MIN, b), "-106751991d 04h");
	assert_string_equal(units_rate_exact(5000000, b), "40Mbit");
	assert_string_equal(units_rate_exact(62500, b), "500kbit");
	assert_string_equal(units_rate_exact(1000000, b), "8Mbit");
	assert_string_equal(units_rate_exact(20 * MIB, b), "20MiB");
	assert_string_equal(units_rate_exact(1400, b), "1400B");
	assert_string_equal(units_size_exact(8 * GIB, b), "8GiB");
	assert_string_equal(units_size_exact(0, b), "0");
	assert_string_equal(units_duration_exact(5400 * SECOND_US, b), "90m");
	assert_string_equal(units_duration_exact(0, b), "0");
}

/* What is printed exactly parses back to the same. */
static void round_trip(void **state)
{
	uint64_t seed = 7;
	char b[UNITS_TEXT];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t v = temp_random(&seed) >> (24 + i % 39), back;
		int64_t us;

		if (i % 3 == 0)
			v = v / 125000 * 125000;
		if (!v || v > 1000000000000)
			continue;
		assert_int_equal(units_parse_rate(units_rate_exact(v, b), false, &back, NULL), 0);
		assert_int_equal(back, v);
		assert_int_equal(units_parse_size(units_size_exact(v, b), &back, NULL), 0);
		assert_int_equal(back, v);
		v = v % 300000000000 * 1000;
		assert_int_equal(
			units_parse_duration(units_duration_exact((int64_t)v, b), &us, NULL), 0);
		assert_int_equal(us, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),  cmocka_unit_test(sizes),   cmocka_unit_test(durations),
		cmocka_unit_test(clocks), cmocka_unit_test(printed), cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
