/*
 * test_diff.c: what a new configuration changes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/diff.h"
#include "tests/unit/ini.h"

static void add(void *arg, const struct diff_change *d)
{
	static const char *const kinds[] = {"+", "-", "*"};
	char **all = arg, *old = *all;

	*all = xasprintf("%s%s%s %s %s %s>%s%s;", old, kinds[d->kind], d->section, d->name,
			 d->key ? d->key : "", d->before ? d->before : "", d->after ? d->after : "",
			 d->restart ? "!" : "");
	free(old);
}

static void expect(const char *before, const char *after, const char *want, const char *restart)
{
	struct config *a = ini_good(before), *b = ini_good(after);
	char *all = xstrdup(""), buf[256];
	size_t n;

	assert_non_null(a);
	assert_non_null(b);
	diff_config(a, b, add, &all);
	assert_string_equal(all, want);
	n = diff_restart(a, b, buf, sizeof(buf));
	assert_string_equal(buf, restart);
	assert_int_equal(n > 0, *restart != '\0');
	free(all);
	config_unref(a);
	config_unref(b);
}

static void same_meaning(void **state)
{
	(void)state;
	expect(INI_HUB("rate = 8Mbit", "", "settle = 90s"),
	       INI_HUB("; moved\nrate = 8000kbit\ntransfers = 8\ncontrol = /run/spokesync/control.sock/",
		       "timezone = UTC", "settle = 1m30s\npublish = file"),
	       "", "");
}

static void changes(void **state)
{
	(void)state;
	expect(INI_HUB("rate = 8Mbit", "", "include = a"),
	       INI_HUB("", "", "include = a\ninclude = b"),
	       "*daemon  rate 8Mbit>unlimited;*group g include a>a\nb;", "");
	/* The order of windows has a meaning. */
	expect(INI_HUB("", "window = sat 01:00-02:00 closed\nwindow = sat 01:30-03:00 1MiB", ""),
	       INI_HUB("", "window = sat 01:30-03:00 1MiB\nwindow = sat 01:00-02:00 closed", ""),
	       "*policy p window daily 22:00-06:00 20Mbit\nsat 01:00-02:00 closed\n"
	       "sat 01:30-03:00 1MiB>daily 22:00-06:00 20Mbit\nsat 01:30-03:00 1MiB\n"
	       "sat 01:00-02:00 closed;",
	       "");
}

static void sections(void **state)
{
	(void)state;
	expect(INI_HUB("", "", ""),
	       INI_HUB("", "", "") "[policy q]\nwindow = daily 01:00-02:00 closed\n",
	       "+policy q  >;", "");
	expect(INI_HUB("", "", "") "[policy q]\nwindow = daily 01:00-02:00 closed\n",
	       INI_HUB("", "", ""), "-policy q  >;", "");
}

static void restarts(void **state)
{
	char want[256];

	(void)state;
	snprintf(want, sizeof(want),
		 "*daemon  state_dir /a>/b!;*daemon  job_log /a/jobs.jsonl>/b/jobs.jsonl!;"
		 "*daemon  key /a/hub.key>/b/hub.key!;*daemon  rate unlimited>8Mbit;");
	expect(INI_HUB("state_dir = /a", "", ""), INI_HUB("state_dir = /b\nrate = 8Mbit", "", ""),
	       want, "[daemon] state_dir, [daemon] job_log, [daemon] key");
}

/* A list that does not fit is cut between names. */
static void small_buffer(void **state)
{
	struct config *a = ini_good(INI_HUB("state_dir = /a", "", ""));
	struct config *b = ini_good(INI_HUB("state_dir = /b", "", ""));
	char buf[24];

	(void)state;
	assert_int_equal(diff_restart(a, b, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "[daemon] state_dir");
	config_unref(a);
	config_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_meaning), cmocka_unit_test(changes),
		cmocka_unit_test(sections),	cmocka_unit_test(restarts),
		cmocka_unit_test(small_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
