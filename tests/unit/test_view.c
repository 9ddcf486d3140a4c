/*
 * test_view.c: tables, bars and cleaned names, as they stand on a screen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>

#include "scheduler/view.h"

static void widths(void **state)
{
	(void)state;
	assert_int_equal(view_width(""), 0);
	assert_int_equal(view_width("abc"), 3);
	assert_int_equal(view_width("k\xc3\xb6ln"), 4);
	assert_int_equal(view_width("\xff\xfe"), 2);
}

static void cleaned(const char *in, const char *out)
{
	char buf[64];

	assert_string_equal(view_clean(in, buf, sizeof(buf)), out);
}

/* What would steer a terminal, or turn text around, does not get through. */
static void control_characters(void **state)
{
	char small[4];

	(void)state;
	cleaned("plain name.vhdx", "plain name.vhdx");
	cleaned("k\xc3\xb6ln", "k\xc3\xb6ln");
	cleaned("a\033[2Jb", "a?[2Jb");
	cleaned("a\nb\tc\x7f", "a?b?c?");
	cleaned("a\xc2\x9b"
		"b",
		"a?b");
	cleaned("a\xe2\x80\xae"
		"b",
		"a?b");
	cleaned("\xff\xc3", "??");
	cleaned("\xe2\x82", "??");
	/* Cut between characters, never inside one. */
	assert_string_equal(view_clean("ab\xc3\xb6", small, sizeof(small)), "ab");
}

static void bars(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(view_bar(0, 10, buf), "[>         ]");
	assert_string_equal(view_bar(0.5, 10, buf), "[=====>    ]");
	assert_string_equal(view_bar(1, 10, buf), "[==========]");
	assert_string_equal(view_bar(7, 10, buf), "[==========]");
	assert_string_equal(view_bar(-1, 10, buf), "[>         ]");
	assert_string_equal(view_bar(0.0 / 0.0, 10, buf), "[>         ]");
}

/* What a printer prints, as a string to be freed. */
static char *printed(void (*print)(FILE *f))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print(f);
	fclose(f);
	return text;
}

static void print_table(FILE *f)
{
	static const char *const heads[] = {"NAME", ">SIZE", "STATE"};
	struct view_table *t = view_table_new(heads, 3);

	view_cell(t, "a");
	view_cell(t, "%d KiB", 1);
	view_cell(t, "waiting");
	view_cell(t, "k\xc3\xb6ln\n");
	view_cell(t, "1000 KiB");
	view_cell(t, "%s", "");
	assert_int_equal(view_table_rows(t), 2);
	view_table_print(t, f);
	view_table_free(t);
}

static void tables(void **state)
{
	char *text = printed(print_table);

	(void)state;
	assert_string_equal(text, "NAME       SIZE  STATE\n"
				  "a         1 KiB  waiting\n"
				  "k\xc3\xb6ln?  1000 KiB\n");
	free(text);
}

static void print_wrapped(FILE *f)
{
	view_wrap(f, "one two  three four", 2, 12);
	view_wrap(f, "averyveryverylongword x", 0, 5);
	view_wrap(f, "", 0, 5);
}

static void wrapped(void **state)
{
	char *text = printed(print_wrapped);

	(void)state;
	assert_string_equal(text, "  one two\n  three four\naveryveryverylongword\nx\n\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths),  cmocka_unit_test(control_characters),
		cmocka_unit_test(bars),	   cmocka_unit_test(tables),
		cmocka_unit_test(wrapped),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
