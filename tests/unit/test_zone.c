/*
 * test_zone.c: zones against the C library's own, which reads the same files by other code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "policy/zone.h"
#include "tests/unit/temp.h"
#include "tests/unit/zones.h"

#define FROM ((int64_t)1577836800) /* 2020-01-01 */
#define TO   ((int64_t)2240611200) /* 2041-01-01 */

static void compare(const struct zone *z, int64_t t)
{
	struct local_time l;
	time_t tt = t;
	struct tm tm;

	zone_local(z, (struct wall){t}, &l);
	localtime_r(&tt, &tm);
	assert_int_equal(l.offset, tm.tm_gmtoff);
	assert_int_equal(l.second, tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
	assert_int_equal(l.weekday, (tm.tm_wday + 6) % 7);
	assert_int_equal(l.day, zone_days_from_civil(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
						     (unsigned)tm.tm_mday));
	assert_int_equal(l.dst, tm.tm_isdst > 0);
	assert_string_equal(l.abbrev, tm.tm_zone);
}

static long offset_of(int64_t t)
{
	time_t tt = t;
	struct tm tm;

	return localtime_r(&tt, &tm)->tm_gmtoff;
}

static void like_libc(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		struct zone *z = zone_new(zones[i]);
		struct wall t = {FROM};

		assert_non_null(z);
		setenv("TZ", zones[i], 1);
		tzset();
		for (int k = 0; k < 2000; k++)
			compare(z, FROM + (int64_t)(temp_random(&seed) % (TO - FROM)));
		/* Every change, and nothing between two of them. */
		while (t.s < TO) {
			struct wall next = zone_next_change(z, t);
			int64_t last = next.s == INT64_MAX ? t.s + 400 * 86400 : next.s - 1;

			for (int64_t x = t.s; x < last; x += 6 * 3600)
				assert_int_equal(offset_of(x), offset_of(t.s));
			if (next.s == INT64_MAX) {
				t.s = last;
				continue;
			}
			compare(z, next.s - 1);
			compare(z, next.s);
			assert_int_not_equal(offset_of(next.s - 1), offset_of(next.s));
			t = next;
		}
		zone_free(z);
	}
	unsetenv("TZ");
}

static void unknown_names(void **state)
{
	static const char *const bad[] = {
		"",
		"Europe/Berlinn",
		"Berlin",
		"UTC+3",
		"+05:00",
		"/etc/localtime",
		"../etc/passwd",
		"Europe",
		"EST5EDT,M3",
		"CET-1CEST",
		"Europe/Berlin ",
		"europe/berlin!",
		"Europe/../UTC",
		"zone.tab",
		"Foo3",
		"Europe/Berlin\xc3\xa4",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(zone_new(bad[i]));
	zone_free(NULL);
}

static void skipped_day(void **state)
{
	/* Samoa had no 2011-12-30. */
	struct zone *z = zone_new("Pacific/Apia");
	struct wall change = zone_next_change(z, (struct wall){1325000000});
	struct local_time before, after;

	(void)state;
	zone_local(z, (struct wall){change.s - 1}, &before);
	zone_local(z, change, &after);
	assert_int_equal(before.day, zone_days_from_civil(2011, 12, 29));
	assert_int_equal(after.day, zone_days_from_civil(2011, 12, 31));
	assert_int_equal(after.second, 0);
	zone_free(z);
}

static void civil(void **state)
{
	static const int days_in[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int32_t day = zone_days_from_civil(1897, 1, 1);
	unsigned m, d;
	int y;

	(void)state;
	assert_int_equal(zone_days_from_civil(1970, 1, 1), 0);
	assert_int_equal(zone_days_from_civil(2026, 11, 22), 20779);
	for (int year = 1897; year < 2405; year++) {
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		for (unsigned month = 1; month <= 12; month++) {
			unsigned n = (unsigned)days_in[month - 1] + (month == 2 && leap);

			for (unsigned k = 1; k <= n; k++, day++) {
				assert_int_equal(zone_days_from_civil(year, month, k), day);
				zone_civil_from_days(day, &y, &m, &d);
				assert_true(y == year && m == month && d == k);
			}
		}
	}
}

static void system_name(void **state)
{
	char buf[64];

	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	assert_string_equal(zone_system_name(buf, sizeof(buf)), "Asia/Tokyo");
	setenv("TZ", ":Asia/Tokyo", 1);
	assert_string_equal(zone_system_name(buf, sizeof(buf)), "Asia/Tokyo");
	setenv("TZ", "/usr/share/zoneinfo/Asia/Tokyo", 1);
	assert_string_equal(zone_system_name(buf, sizeof(buf)), "Asia/Tokyo");
	setenv("TZ", "CET-1CEST", 1);
	assert_string_equal(zone_system_name(buf, sizeof(buf)), "UTC");
	setenv("TZ", "Asia/Tokyo", 1);
	assert_string_equal(zone_system_name(buf, 4), "UTC");
	unsetenv("TZ");
	assert_true(zone_system_name(buf, sizeof(buf))[0] != '\0');
}

static void printed(void **state)
{
	struct zone *z = zone_new("Europe/Berlin");
	char buf[ZONE_TEXT];

	(void)state;
	assert_string_equal(zone_print(z, (struct wall){1795323600}, buf),
			    "sun 2026-11-22 06:00 CET");
	assert_string_equal(zone_print(NULL, (struct wall){1795323601}, buf),
			    "sun 2026-11-22 05:00:01 UTC");
	assert_string_equal(zone_print(z, WALL_NEVER, buf), "never");
	zone_free(z);
}

static void copy_zone(const struct temp *t, const char *from, const char *to, size_t most)
{
	char path[600], buf[8192];
	int fd = temp_file(t, "new"), in;
	ssize_t n;

	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", from);
	in = open(path, O_RDONLY | O_CLOEXEC);
	n = read(in, buf, sizeof(buf));
	assert_in_range(n, 100, sizeof(buf) - 1);
	temp_write(fd, buf, MIN((size_t)n, most), 0);
	close(in);
	close(fd);
	assert_int_equal(renameat(t->fd, "new", t->fd, to), 0);
}

static long offset_in(const struct zone *z, int64_t t)
{
	struct local_time l;

	zone_local(z, (struct wall){t}, &l);
	return l.offset;
}

/* An update of the zone files under a running program. */
static void changed_file(void **state)
{
	struct zone *z, *utc;
	struct temp t;

	(void)state;
	temp_new(&t);
	setenv("TZDIR", t.path, 1);
	copy_zone(&t, "Europe/Berlin", "Here", SIZE_MAX);
	z = zone_new("Here");
	utc = zone_new("UTC");
	assert_non_null(z);
	assert_string_equal(zone_name(z), "Here");
	assert_int_equal(offset_in(z, FROM), 3600);
	assert_false(zone_refresh(z));
	/* The same bytes in another file. */
	copy_zone(&t, "Europe/Berlin", "Here", SIZE_MAX);
	assert_false(zone_refresh(z));
	copy_zone(&t, "Asia/Tokyo", "Here", SIZE_MAX);
	assert_int_equal(offset_in(z, FROM), 3600);
	assert_true(zone_refresh(z));
	assert_false(zone_refresh(z));
	assert_int_equal(offset_in(z, FROM), 9 * 3600);
	/* Gone, or half written, at any length: what was known stays. */
	unlinkat(t.fd, "Here", 0);
	assert_false(zone_refresh(z));
	for (size_t most = 0; most < 2298; most += 1 + most / 9) {
		copy_zone(&t, "Europe/Berlin", "Here", most);
		assert_false(zone_refresh(z));
		assert_null(zone_new("Here"));
	}
	assert_int_equal(offset_in(z, FROM), 9 * 3600);
	copy_zone(&t, "Europe/Berlin", "Here", SIZE_MAX);
	/* Anew for all who hold it. */
	assert_ptr_equal(zone_ref(z), z);
	assert_true(zone_refresh(z));
	zone_free(z);
	assert_int_equal(offset_in(z, FROM), 3600);
	assert_false(zone_refresh(utc));
	zone_free(utc);
	zone_free(z);
	unsetenv("TZDIR");
	temp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_libc),	cmocka_unit_test(unknown_names),
		cmocka_unit_test(skipped_day),	cmocka_unit_test(civil),
		cmocka_unit_test(system_name),	cmocka_unit_test(printed),
		cmocka_unit_test(changed_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
