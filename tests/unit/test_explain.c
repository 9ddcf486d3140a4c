/*
 * test_explain.c: verdicts in words name the lines that decided.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/explain.h"
#include "tests/unit/ini.h"

static char said[4096];

static void add(void *arg, const char *line)
{
	(void)arg;
	strcat(said, line);
	strcat(said, "\n");
}

static const char *rate_words(const struct config *c, const struct rate_facts *facts, int64_t t)
{
	struct explain_rate x = {
		.config = c,
		.facts = facts,
		.spoke = config_spoke(c, "paris"),
		.group = config_group(c, "g"),
		.now = {.wall = {t}, .mono = {t * SECOND_US}},
	};

	said[0] = '\0';
	explain_rate(&x, add, NULL);
	return said;
}

#define HAS(text, part) assert_non_null(strstr(text, part))

static void rates(void **state)
{
	struct config *c =
		ini_good(INI_HUB("rate = 100Mbit\npolicy = p", "timezone = Europe/Berlin", ""));
	struct override o = {
		.id = 1,
		.kind = OVERRIDE_PAUSE,
		.until = {1795323600},
		.until_mono = MONO_NEVER,
		.who = "uid 0",
		.why = "maintenance",
	};
	struct rate_facts none = {0}, paused = {.overrides = &o, .n_overrides = 1};
	const char *s;

	(void)state;
	assert_non_null(c);
	s = rate_words(c, &none, 1795305600); /* 01:00 in Berlin */
	HAS(s, "g -> paris: open at 20 Mbit/s until sun 2026-11-22 06:00 CET\n");
	HAS(s, "x.ini:3  [daemon] rate\n");
	HAS(s, "default  [spoke] rate\n");
	HAS(s, "x.ini:6  p: daily 22:00-06:00 20Mbit\n");
	HAS(s, "x.ini:6  p (of the group): daily 22:00-06:00 20Mbit\n");
	s = rate_words(c, &none, 1795305600 + 12 * 3600);
	HAS(s, "closed: no window is open; opens sun 2026-11-22 22:00 CET\n");
	HAS(s, "x.ini:5  p (of the group): no line covers this time\n");
	s = rate_words(c, &paused, 1795305600);
	HAS(s, "closed: paused; opens sun 2026-11-22 22:00 CET\n");
	HAS(s, "until sun 2026-11-22 06:00 CET, by uid 0: maintenance\n");
	config_unref(c);
}

static void zone_not_known(void **state)
{
	struct config *c = ini_good(INI_HUB("", "timezone = spoke", ""));
	struct rate_facts none = {0};

	(void)state;
	HAS(rate_words(c, &none, 1795305600), "time zone is not known");
	/* Its line covers this hour in any zone west of Asia: nobody may say that none does. */
	HAS(said, "p (of the group): without a time zone no line can be read\n");
	assert_null(strstr(said, "no line covers"));
	config_unref(c);
}

static const char *path_words(const struct config *c, const char *path)
{
	said[0] = '\0';
	explain_path(config_group(c, "g"), path, add, NULL);
	return said;
}

static void paths(void **state)
{
	struct config *c = ini_good(INI_HUB("", "", "include = \\.vhdx$\nexclude = ^tmp/"));
	struct config *all = ini_good(INI_HUB("", "", ""));

	(void)state;
	HAS(path_words(c, "a.vhdx"), "a.vhdx in g: replicated by ");
	HAS(path_words(c, "a.vhdx"), "x.ini:11  \\.vhdx$\n");
	HAS(path_words(c, "tmp/a.vhdx"), "not replicated by ");
	HAS(path_words(c, "tmp/a.vhdx"), "x.ini:12  ^tmp/\n");
	HAS(path_words(c, "a"), "not replicated: no include line matches\n");
	HAS(path_words(all, "a"), "replicated: there are no include lines\n");
	config_unref(c);
	config_unref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(zone_not_known),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
