/*
 * test_base.c: error texts and allocation.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/base.h"

static void errors(void **state)
{
	struct err e;
	char *longer = malloc(2000);

	(void)state;
	assert_int_equal(err_set(NULL, -EIO, "x"), -EIO);
	assert_int_equal(err_set(&e, -EINVAL, "line %d", 7), -EINVAL);
	assert_string_equal(e.text, "line 7");
	/* Its own old text as an argument. */
	assert_int_equal(err_set(&e, -EIO, "in x: %s", e.text), -EIO);
	assert_string_equal(e.text, "in x: line 7");
	memset(longer, 'a', 1999);
	longer[1999] = '\0';
	assert_int_equal(err_set(&e, -1, "%s", longer), -1);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	free(longer);
}

static void allocation(void **state)
{
	char *p = xcalloc(0, 0), *s;

	(void)state;
	assert_non_null(p);
	p = xrealloc(p, 0);
	assert_non_null(p);
	free(p);
	s = xasprintf("%s-%d", "a", 3);
	assert_string_equal(s, "a-3");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
		cmocka_unit_test(allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
