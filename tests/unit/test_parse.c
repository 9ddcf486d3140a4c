/*
 * test_parse.c: what the guarded reader passes on, and every trap of inih that it must not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/parse.h"

/* Events as text: "[kind|name]@1 key=value@2 !error@3 key=value?doubt@4". */
static char out[8192];

static void add(const char *fmt, ...) PRINTF(1, 2);
static void add(const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + n, sizeof(out) - n, fmt, ap);
	va_end(ap);
}

static void on_section(void *arg, const char *kind, const char *name, struct origin at)
{
	(void)arg;
	add("[%s|%s]@%u ", kind, name, at.line);
}

static void on_value(void *arg, const char *key, const char *value, const char *doubt,
		     struct origin at)
{
	(void)arg;
	add("%s=%s%s@%u ", key, value, doubt ? "?" : "", at.line);
}

static void on_error(void *arg, const char *text, struct origin at)
{
	const char *word = arg;

	if (word)
		assert_non_null(strstr(text, word));
	add("!@%u ", at.line);
}

static void expect_bytes(const char *text, size_t len, const char *word, const char *events)
{
	static const struct parse_events e = {on_section, on_value, on_error};
	FILE *f = fmemopen((void *)text, len, "r");

	assert_non_null(f);
	out[0] = '\0';
	parse_stream(f, "x.ini", &e, (void *)word);
	fclose(f);
	assert_string_equal(out, events);
}

static void expect(const char *text, const char *word, const char *events)
{
	expect_bytes(text, strlen(text), word, events);
}

static void good(void **state)
{
	(void)state;
	expect("\n", NULL, "");
	expect("; only\n# comments\n   ; indented\n", NULL, "");
	expect("[a]\nk = v\n", NULL, "[a|]@1 k=v@2 ");
	expect("[a  b]\nk=v", NULL, "[a|b]@1 k=v@2 ");
	expect("[ a b ] ; comment\n", NULL, "[a|b]@1 ");
	/* Empty sections are seen, and the same key twice. */
	expect("[a]\n[b]\nk = 1\nk = 2\n", NULL, "[a|]@1 [b|]@2 k=1@3 k=2@4 ");
	expect("[a]\nk = v   ; comment\n", NULL, "[a|]@1 k=v@2 ");
	expect("[a]\nk = v\t; comment\n", NULL, "[a|]@1 k=v@2 ");
	expect("[a]\nk = a;b\n", NULL, "[a|]@1 k=a;b@2 ");
	expect("[a]\nk = a=b:c\n", NULL, "[a|]@1 k=a=b:c@2 ");
	expect("[a]\r\nk = v\r\n", NULL, "[a|]@1 k=v@2 ");
	expect("\xef\xbb\xbf[a]\nk = \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n", NULL,
	       "[a|]@1 k=\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80@2 ");
	expect("[a]\nk =\nk = ; c\n", NULL, "[a|]@1 k=@2 k=@3 ");
}

/* inih would take an indented line for more of the value above. */
static void indented(void **state)
{
	(void)state;
	expect("[a]\n  k = 1\n\tl = 2\n", NULL, "[a|]@1 k=1@2 l=2@3 ");
	expect("[a]\nk = 1\n  more\n", "not a section", "[a|]@1 k=1@2 !@3 ");
	expect("[a]\nk = 1\n  [b]\n", NULL, "[a|]@1 k=1@2 [b|]@3 ");
}

static void long_lines(void **state)
{
	char text[3000];
	size_t n;

	(void)state;
	for (int len = 190; len < 1100; len++) {
		n = (size_t)sprintf(text, "[a]\nk = ");
		memset(text + n, 'x', (size_t)len - 4);
		strcpy(text + n + len - 4, "\nl = 2\n");
		out[0] = '\0';
		if (len > 198) {
			expect(text, "longer than 198", "[a|]@1 !@2 l=2@3 ");
		} else {
			char *want = xasprintf("[a|]@1 k=%.*s@2 l=2@3 ", len - 4, text + n);

			expect(text, NULL, want);
			free(want);
		}
	}
	/* The tail of a long line, which inih would take for a key. */
	memset(text, 'y', 400);
	strcpy(text + 400, "\n");
	memcpy(text, "[a]\nk = ", 8);
	memcpy(text + 210, "evil = 1", 8);
	expect(text, "longer", "[a|]@1 !@2 ");
}

static void long_names(void **state)
{
	static const char name[] =
		"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

	(void)state;
	for (int len = 40; len < 60; len++) {
		bool good = len <= PARSE_NAME_MOST;
		char *key = xasprintf("[a]\n%.*s = 1\n", len, name);
		char *section = xasprintf("[group %.*s]\n", len - 6, name);
		char *key_events = xasprintf("[a|]@1 %.*s=1@2 ", len, name);
		char *section_events = xasprintf("[group|%.*s]@1 ", len - 6, name);

		expect(key, "longer than 49", good ? key_events : "[a|]@1 !@2 ");
		expect(section, "longer than 49", good ? section_events : "!@1 ");
		free(key);
		free(section);
		free(key_events);
		free(section_events);
	}
}

static void wrong_lines(void **state)
{
	(void)state;
	expect("k = 1\n", "before the first", "!@1 ");
	expect("[a]\nk\nl = 2\nm\n", "not a section", "[a|]@1 !@2 l=2@3 !@4 ");
	expect("[a]\n= v\n", "no key", "[a|]@1 !@2 ");
	expect("[a]\nk: v\n", "not a section", "[a|]@1 !@2 ");
	expect("[a]\nk: v = 2\n", "not a section", "[a|]@1 !@2 ");
	expect("[a]\nk ; x = 2\n", "not a section", "[a|]@1 !@2 ");
	expect("[a]\nk =; c\n", "cannot begin", "[a|]@1 !@2 ");
	expect("[a\nk = 1\n", NULL, "!@1 !@2 ");
	expect("[a] k = 1\n", "follows the section", "!@1 ");
	expect("[a \"b\"]\n", "quotes", "!@1 ");
	expect("[a ; b]\n", "comments", "!@1 ");
	expect("[a]\nk = \x01\n", "control", "[a|]@1 !@2 ");
	expect("[a]\nk = \x7f\n", "control", "[a|]@1 !@2 ");
	expect("[a]\nk = a\rb\n", "control", "[a|]@1 !@2 ");
	expect_bytes("[a]\nk = a\0b\nl = 1\n", 18, "NUL", "[a|]@1 !@2 l=1@3 ");
}

static void not_utf8(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xc3",
		"\xc0\xaf",
		"\xe0\x80\xaf",
		"\xed\xa0\x80",
		"\xf0\x80\x80\xaf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xe2\x82",
		"\xc3(",
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "[a]\nk = %s\n", bad[i]);
		expect(text, "UTF-8", "[a|]@1 !@2 ");
	}
}

/* A comment that may not be one is told of; the caller decides by the kind of the value. */
static void doubts(void **state)
{
	(void)state;
	expect("[a]\nk = (a ;b)\n", NULL, "[a|]@1 k=(a?@2 ");
	expect("[a]\nk = a ; b\n", NULL, "[a|]@1 k=a?@2 ");
	expect("[a]\nk = a  ; b\n", NULL, "[a|]@1 k=a@2 ");
	expect("[a]\nk = a  ; b ; c\n", NULL, "[a|]@1 k=a@2 ");
	expect("[a]\nk = a # b\n", NULL, "[a|]@1 k=a # b?@2 ");
	expect("[a]\nk = a#b\n", NULL, "[a|]@1 k=a#b@2 ");
}

static void too_large(void **state)
{
	size_t size = PARSE_FILE_MOST + 100;
	char *text = malloc(size);

	(void)state;
	memset(text, '\n', size);
	memcpy(text, "[a]", 3);
	memcpy(text + size - 50, "k = 1", 5);
	assert_non_null(text);
	{
		static const struct parse_events e = {on_section, on_value, on_error};
		FILE *f = fmemopen(text, size, "r");

		out[0] = '\0';
		parse_stream(f, "x.ini", &e, NULL);
		fclose(f);
	}
	assert_null(strstr(out, "k="));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	       cmocka_unit_test(indented),
		cmocka_unit_test(long_lines),  cmocka_unit_test(long_names),
		cmocka_unit_test(wrong_lines), cmocka_unit_test(not_utf8),
		cmocka_unit_test(doubts),      cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
