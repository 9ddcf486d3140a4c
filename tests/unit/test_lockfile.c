/*
 * test_lockfile.c: names of lock files: templates and their mistakes, the names that they make, and
 * which names they could have made.
 */
#include "policy/lockfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void good(const char *text, const char *canonical, struct lockfiles *l)
{
	char buf[LOCKFILES_MAX * (LOCKFILE_TEXT + 2)];
	struct err e = {""};

	if (lockfile_parse(text, l, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	assert_string_equal(lockfile_print(l, buf, sizeof(buf)), canonical);
}

static void bad(const char *text, const char *says)
{
	struct lockfiles l = {.n = 77};
	struct err e = {""};

	assert_int_not_equal(lockfile_parse(text, &l, &e), 0);
	assert_int_equal(l.n, 77); /* untouched */
	if (!strstr(e.text, says))
		fail_msg("%s: %s", text, e.text);
}

static void test_parse(void **state)
{
	struct lockfiles l;

	(void)state;
	good("none", "none", &l);
	assert_int_equal(l.n, 0);
	good(LOCKFILE_DEFAULT, "{name}.lok, {stem}.lok", &l);
	good(" .{name}.lock ,~{stem}", ".{name}.lock, ~{stem}", &l);
	bad("", "needs {name}");
	bad(".lok", "needs {name}");
	bad("{name}.lok,", "needs {name}");
	bad("{name}", "the image itself");
	bad("{stem}{name}.lok", "once");
	bad("{{name}.lok", "once");
	bad("}{name}.lok", "once");
	bad("locks/{name}", "beside the image");
	bad("{name}.a,{name}.b,{name}.c,{name}.d,{name}.e", "more than 4");
	bad("{name}.0123456789012345678901234567890123456789012", "more than 47");
}

/* Catches: the stem taken from the first dot, a dot file's name cut to nothing, itself named. */
static void test_names(void **state)
{
	struct lockfiles l;
	char buf[256], longest[256];

	(void)state;
	good(LOCKFILE_DEFAULT ", .~{name}", LOCKFILE_DEFAULT ", .~{name}", &l);
	assert_true(lockfile_name(&l, 0, "win.3.avhdx", buf, sizeof(buf)));
	assert_string_equal(buf, "win.3.avhdx.lok");
	assert_true(lockfile_name(&l, 1, "win.3.avhdx", buf, sizeof(buf)));
	assert_string_equal(buf, "win.3.lok");
	/* What is said of an image is not the image. */
	assert_false(lockfile_name(&l, 1, "win.pvp", buf, sizeof(buf)));
	assert_false(lockfile_name(&l, 1, "win.XML", buf, sizeof(buf)));
	assert_true(lockfile_name(&l, 0, "win.pvp", buf, sizeof(buf)));
	assert_true(lockfile_name(&l, 1, "win.iso", buf, sizeof(buf)));
	assert_true(lockfile_name(&l, 1, "win", buf, sizeof(buf)));
	assert_string_equal(buf, "win.lok");
	assert_true(lockfile_name(&l, 1, ".hidden", buf, sizeof(buf)));
	assert_string_equal(buf, ".hidden.lok");
	assert_true(lockfile_name(&l, 2, "win.vhd", buf, sizeof(buf)));
	assert_string_equal(buf, ".~win.vhd");
	assert_false(lockfile_name(&l, 1, "win.lok", buf, sizeof(buf)));
	assert_false(lockfile_name(&l, 1, "Win.LOK", buf, sizeof(buf)));
	memset(longest, 'x', 255);
	longest[255] = '\0';
	assert_false(lockfile_name(&l, 0, longest, buf, sizeof(buf)));
	assert_false(lockfile_name(&l, 0, "abcdef", buf, 10));
	assert_true(lockfile_name(&l, 0, "abcde", buf, 10));
}

static void test_is(void **state)
{
	struct lockfiles l;

	(void)state;
	good(LOCKFILE_DEFAULT ", .~{name}#", LOCKFILE_DEFAULT ", .~{name}#", &l);
	assert_true(lockfile_is(&l, "a/b.lok/win.3.lok"));
	assert_true(lockfile_is(&l, ".~x#"));
	assert_true(lockfile_is(&l, "a/WIN.Lok"));
	assert_false(lockfile_is(&l, ".~#"));
	assert_false(lockfile_is(&l, ".lok")); /* of no name */
	assert_false(lockfile_is(&l, "a.lok/win.vhdx"));
	assert_false(lockfile_is(&l, "win.lokx"));
	good("none", "none", &l);
	assert_false(lockfile_is(&l, "win.lok"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
