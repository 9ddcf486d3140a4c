/*
 * test_nearest.c: edit distance, and what is near enough to be meant.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/nearest.h"

static const char *of(const char *wrong, const char *const *words)
{
	struct nearest n = nearest_to(wrong);

	for (; *words; words++)
		nearest_try(&n, *words);
	return n.word ? n.word : "";
}

static void distance(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("", ""), 0);
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_int_equal(nearest_distance("abc", ""), 3);
	assert_int_equal(nearest_distance("window", "window"), 0);
	assert_int_equal(nearest_distance("Window", "window"), 0);
	assert_int_equal(nearest_distance("windw", "window"), 1);
	assert_int_equal(nearest_distance("widnow", "window"), 1);
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
	assert_int_equal(nearest_distance("ca", "abc"), 3);
}

static void choice(void **state)
{
	static const char *const words[] = {"policy", "path", "priority", "publish", "scan", NULL};
	static const char *const same[] = {"aa", "ab", NULL};
	char longer[300], buf[80];
	struct nearest n;

	(void)state;
	assert_string_equal(of("polcy", words), "policy");
	assert_string_equal(of("pth", words), "path");
	assert_string_equal(of("priorty", words), "priority");
	assert_string_equal(of("colour", words), "");
	assert_string_equal(of("x", words), "");
	/* The first of equals. */
	assert_string_equal(of("ac", same), "aa");
	memset(longer, 'p', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_string_equal(of(longer, words), "");
	n = nearest_to("polcy");
	assert_string_equal(nearest_hint(&n, buf, sizeof(buf)), "");
	assert_true(nearest_try(&n, "policy"));
	assert_string_equal(nearest_hint(&n, buf, sizeof(buf)), "; did you mean \"policy\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance),
		cmocka_unit_test(choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
