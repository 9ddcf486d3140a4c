/*
 * test_filter.c: includes and excludes, and the line that decides.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/filter.h"

static struct filter *f;

static void add(bool include, const char *pattern, unsigned line)
{
	assert_int_equal(filter_add(f, include, pattern, (struct origin){"x.ini", line}, NULL), 0);
}

static void path(const char *p, bool in, unsigned line)
{
	struct filter_verdict v;

	filter_path(f, p, &v);
	assert_int_equal(v.in, in);
	assert_int_equal(v.origin.line, line);
	assert_int_equal(v.pattern != NULL, line != 0);
	assert_false(v.limit_hit);
}

static void verdicts(void **state)
{
	(void)state;
	f = filter_new();
	path("anything", true, 0);
	add(false, "\\.lok$", 3);
	path("anything", true, 0);
	path("a.vhdx.lok", false, 3);
	add(true, "\\.vhdx$", 1);
	add(true, "^sets/", 2);
	path("a.vhdx", true, 1);
	path("sets/a.lok", false, 3);
	path("sets/a", true, 2);
	path("other", false, 0);
	f = filter_free(f);
	path("no filter", true, 0);
}

static void limit(void **state)
{
	char longer[4000];
	struct filter_verdict v;

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	f = filter_new();
	add(true, "^(a+)+[bc]$", 1);
	add(true, "a", 2);
	filter_path(f, longer, &v);
	assert_false(v.in);
	assert_true(v.limit_hit);
	assert_int_equal(v.origin.line, 1);
	/* Protection errs on the other side. */
	assert_true(filter_any(f, longer));
	f = filter_free(f);
}

static void any(void **state)
{
	(void)state;
	assert_false(filter_any(NULL, "a"));
	f = filter_new();
	assert_false(filter_any(f, "a"));
	add(true, "^WriteCache/", 1);
	assert_true(filter_any(f, "WriteCache/x"));
	assert_false(filter_any(f, "x"));
	f = filter_free(f);
}

static void too_many(void **state)
{
	struct err e;
	int r = 0;

	(void)state;
	f = filter_new();
	for (unsigned i = 0; i < 1000 && !r; i++)
		r = filter_add(f, true, "a", (struct origin){"x", i}, &e);
	assert_int_equal(r, -E2BIG);
	assert_int_equal(filter_add(f, true, "(", (struct origin){"x", 1}, &e) < 0, true);
	f = filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(limit),
		cmocka_unit_test(any),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
