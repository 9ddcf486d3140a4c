/*
 * test_week.c: the grid of seven days, from the JSON of a timetable to the signs on the screen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/build.h"
#include "scheduler/client_week.h"
#include "scheduler/windows_json.h"

struct drawn {
	char *text;
	char *row[16];
	size_t rows;
};

/* Draws a week of these lines from t on. */
static struct drawn draw(const char *const *lines, size_t n, const char *zone, int64_t t,
			 unsigned columns, bool colours)
{
	struct policy p = {.name = "p", .lines = xcalloc(n, sizeof(*p.lines)), .n_lines = n};
	struct zone *z = zone_new(zone);
	struct timetable tt = {.policy = &p, .zone = z};
	struct drawn d = {0};
	char *save = NULL;
	json_t *days;
	size_t size;
	FILE *f;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(window_line_parse(lines[i], &p.lines[i], NULL), 0);
	days = windows_json_week(&tt, (struct wall){t});
	f = open_memstream(&d.text, &size);
	client_week_print(f, days, columns, colours);
	fclose(f);
	for (char *row = strtok_r(d.text, "\n", &save); row && d.rows < ARRAY_LEN(d.row);
	     row = strtok_r(NULL, "\n", &save))
		d.row[d.rows++] = row;
	json_decref(days);
	zone_free(z);
	free(p.lines);
	return d;
}

#define DRAW(zone, t, columns, colours, ...)                                                      \
	draw((const char *const[]){__VA_ARGS__},                                                  \
	     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), zone, t, columns, \
	     colours)

static void a_week(void **state)
{
	/* Wednesday 2026-11-25 13:37 in Berlin */
	struct drawn d = DRAW("Europe/Berlin", 1795610220, 80, false, "mon-fri 22:00-06:00 20Mbit",
			      "sat,sun 00:00-24:00 unlimited", "mon-fri 12:00-13:00 2Mbit");

	(void)state;
	assert_int_equal(d.rows, 9);
	assert_string_equal(d.row[0],
			    "                00    03    06    09    12    15    18    21");
	assert_string_equal(d.row[1],
			    "Wed 2026-11-25  222222222222............11..................2222");
	assert_string_equal(d.row[4],
			    "Sat 2026-11-28  ################################################");
	assert_string_equal(d.row[6],
			    "Mon 2026-11-30  ........................11..................2222");
	assert_string_equal(d.row[8],
			    "                . closed   1 2 Mbit/s   2 20 Mbit/s   # unlimited");
	free(d.text);
}

/* The hour that the clocks skip is blank, and its day says how long it is. */
static void clocks(void **state)
{
	struct drawn spring = DRAW("Europe/Berlin", 1774738800, 80, false,
				   "daily 00:00-24:00 unlimited", "sun 03:00-04:00 closed");
	struct drawn autumn = DRAW("Europe/Berlin", 1792879200, 80, false,
				   "daily 00:00-24:00 unlimited", "sun 02:00-03:00 closed");
	struct drawn beirut =
		DRAW("Asia/Beirut", 1774800000, 80, false, "daily 00:00-24:00 unlimited");

	(void)state;
	assert_string_equal(spring.row[1],
			    "Sun 2026-03-29  ####  ..########################################  "
			    "a day of 23h 00m: clocks forward 1h 00m");
	assert_string_equal(autumn.row[1],
			    "Sun 2026-10-25  ####..##########################################  "
			    "a day of 25h 00m: clocks back 1h 00m");
	assert_string_equal(beirut.row[1],
			    "Sun 2026-03-29    ##############################################  "
			    "a day of 23h 00m: clocks forward 1h 00m");
	free(spring.text);
	free(autumn.text);
	free(beirut.text);
}

/* Edges within a cell are said; a wide terminal has quarters; colours only where asked for. */
static void cells(void **state)
{
	struct drawn d = DRAW("UTC", 1795305600, 80, false, "daily 10:07-11:20 8Mbit");
	struct drawn wide = DRAW("UTC", 1795305600, 130, false, "daily 10:15-11:30 8Mbit");
	struct drawn colours = DRAW("UTC", 1795305600, 80, true, "daily 10:00-11:00 8Mbit");

	(void)state;
	assert_string_equal(d.row[1],
			    "Sun 2026-11-22  ....................111.........................");
	assert_non_null(strstr(d.row[9], "a cell is half an hour"));
	assert_int_equal(strlen(wide.row[1]), 16 + 96);
	assert_int_equal(strcspn(wide.row[1] + 16, "1"), 41);
	assert_int_equal(strspn(wide.row[1] + 16 + 41, "1"), 5);
	assert_int_equal(wide.rows, 9);
	assert_null(strchr(d.row[1], '\033'));
	assert_non_null(strstr(colours.row[1], "\033["));
	assert_string_equal(colours.row[1] + strlen(colours.row[1]) - 4, "\033[0m");
	free(d.text);
	free(wide.text);
	free(colours.text);
}

/* More rates than there are signs: the highest share one, and nothing is read beyond. */
static void many_rates(void **state)
{
	const char *lines[96];
	struct drawn d;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
		lines[i] = xasprintf("daily %02u:%02u-%02u:%02u %ukbit", i / 4, i % 4 * 15,
				     (i + 1) / 4, (i + 1) % 4 * 15, 100 + i);
	d = draw(lines, ARRAY_LEN(lines), "UTC", 1795305600, 130, false);
	assert_int_equal(strlen(d.row[1]), 16 + 96);
	assert_int_equal(strspn(d.row[1] + 16, "123456789abcdefghijklmnopqrstuvwxyzABCDE"), 96);
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
		free((char *)lines[i]);
	free(d.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_week),
		cmocka_unit_test(clocks),
		cmocka_unit_test(cells),
		cmocka_unit_test(many_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
