/*
 * test_match.c: patterns and their limits.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/match.h"

static int match(const char *pattern, enum match_how how, const char *subject)
{
	struct match *m;
	int r;

	assert_int_equal(match_new(pattern, how, &m, NULL), 0);
	r = match_test(m, subject);
	match_free(m);
	return r;
}

static void matches(void **state)
{
	(void)state;
	assert_int_equal(match("\\.vhdx?$", MATCH_ANYWHERE, "win/a.vhdx"), 1);
	assert_int_equal(match("\\.vhdx?$", MATCH_ANYWHERE, "a.vhdx.tmp"), 0);
	/* $ is the very end, not before a last newline. */
	assert_int_equal(match("\\.vhdx?$", MATCH_ANYWHERE, "a.vhdx\n"), 0);
	assert_int_equal(match("berlin|paris", MATCH_WHOLE, "berlin"), 1);
	assert_int_equal(match("berlin|paris", MATCH_WHOLE, "berlin-test"), 0);
	assert_int_equal(match("berlin|paris", MATCH_WHOLE, "new-paris"), 0);
	/* One letter is one character, whatever its bytes. */
	assert_int_equal(match("^.$", MATCH_ANYWHERE, "\xc3\xa4"), 1);
	assert_int_equal(match("(?i)^\xc3\xa4$", MATCH_ANYWHERE, "\xc3\x84"), 1);
	/* Not UTF-8: no match where it is broken, no error, no crash. */
	assert_int_equal(match("^a.b$", MATCH_ANYWHERE,
			       "a\xff"
			       "b"),
			 0);
	assert_int_equal(match("b$", MATCH_ANYWHERE,
			       "a\xff"
			       "b"),
			 1);
	assert_null(match_free(NULL));
}

static void wrong_patterns(void **state)
{
	static const char *const bad[] = {"",	    "(",   "[a",   "*",
					  "a{2,1}", "\\C", "\xff", "(?<n>a)(?<n>b)"};
	char deep[300] = "", longer[2000];
	struct match *m = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		e.text[0] = '\0';
		assert_int_equal(match_new(bad[i], MATCH_ANYWHERE, &m, &e), -EINVAL);
		assert_null(m);
		assert_true(e.text[0] != '\0');
	}
	for (int i = 0; i < 100; i++)
		strcat(deep, "(");
	for (int i = 0; i < 100; i++)
		strcat(deep, ")");
	assert_int_equal(match_new(deep, MATCH_ANYWHERE, &m, &e), -EINVAL);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(match_new(longer, MATCH_ANYWHERE, &m, &e), -EINVAL);
}

static void limits(void **state)
{
	char subject[4000];

	(void)state;
	memset(subject, 'a', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	/* Would take longer than the universe has. */
	assert_int_equal(match("^(a+)+[bc]$", MATCH_ANYWHERE, subject), -E2BIG);
	/* A pattern may lower the limits, never raise them. */
	assert_int_equal(match("(*LIMIT_MATCH=4000000000)^(a+)+[bc]$", MATCH_ANYWHERE, subject),
			 -E2BIG);
	assert_int_equal(match("^(a|b)*$", MATCH_ANYWHERE, subject), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(wrong_patterns),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
