/*
 * test_joincode.c: join codes as text. Every single mistake of a typist must be found: each
 * character replaced by each other one, left out, doubled, swapped with its neighbour, in the
 * address too.
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/joincode.h"

static struct joincode sample(void)
{
	struct joincode c = {.address = ""};

	assert_int_equal(joincode_set_address(&c, "Berlin.example.net:4480"), 0);
	for (unsigned i = 0; i < 32; i++)
		c.pin.sha256[i] = (uint8_t)(7 * i + 3);
	for (unsigned i = 0; i < JOINCODE_SECRET; i++)
		c.secret[i] = (uint8_t)(251 - 13 * i);
	return c;
}

static void good(const char *text)
{
	struct joincode want = sample(), got;
	struct err e;

	if (joincode_parse(text, &got, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	assert_string_equal(got.address, want.address);
	assert_memory_equal(&got.pin, &want.pin, sizeof(got.pin));
	assert_memory_equal(got.secret, want.secret, sizeof(got.secret));
}

/* Another code, or none: never this one with a mistake that is not seen. */
static void bad(const char *text)
{
	struct joincode got;
	struct err e = {""};

	if (joincode_parse(text, &got, &e) == 0)
		fail_msg("taken: %s", text);
	assert_true(strlen(e.text) > 10);
}

static void there_and_back(void **state)
{
	struct joincode c = sample();
	char text[JOINCODE_TEXT], again[JOINCODE_TEXT];

	(void)state;
	joincode_print(&c, text);
	assert_true(!strncmp(text, "spk:berlin.example.net:4480/", 28));
	assert_int_equal(strlen(text), 28 + 85 + 16);
	good(text);
	assert_int_equal(joincode_parse(text, &c, NULL), 0);
	assert_string_equal(joincode_print(&c, again), text);
	/* The longest address there may be. */
	memset(c.address, 'a', 255);
	strcpy(c.address + 255, ":65535");
	assert_true(strlen(joincode_print(&c, text)) < JOINCODE_TEXT);
	assert_int_equal(joincode_parse(text, &c, NULL), 0);
}

/* What people and mail programs do to a code. */
static void as_pasted(void **state)
{
	struct joincode c = sample();
	char text[JOINCODE_TEXT], other[2 * JOINCODE_TEXT], *p = other;

	(void)state;
	joincode_print(&c, text);
	snprintf(other, sizeof(other), "  \n%s \r\n", text);
	good(other);
	for (size_t i = 0; text[i]; i++) {
		char d = (char)tolower((unsigned char)text[i]);

		if (d == '-')
			continue;
		if (i > 28)
			d = d == 'o' ? '0' : d == 'i' ? '1' : d == 'b' ? '8' : d;
		*p++ = d;
		if (i > 28 && i % 20 == 0)
			p = stpcpy(p, "\n\t ");
	}
	*p = '\0';
	good(other);
}

static void every_mistake_is_found(void **state)
{
	static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	struct joincode c = sample();
	char text[JOINCODE_TEXT], wrong[JOINCODE_TEXT + 1];
	unsigned tried = 0;

	(void)state;
	joincode_print(&c, text);
	for (size_t i = 4; text[i]; i++) {
		if (text[i] == '-')
			continue;
		for (const char *d = others; *d; d++) {
			strcpy(wrong, text);
			wrong[i] = *d;
			if (toupper((unsigned char)text[i]) != *d)
				bad(wrong), tried++;
		}
		memcpy(wrong, text, i); /* left out */
		strcpy(wrong + i, text + i + 1);
		bad(wrong);
		memcpy(wrong, text, i + 1); /* doubled */
		strcpy(wrong + i + 1, text + i);
		bad(wrong);
		strcpy(wrong, text); /* swapped */
		wrong[i] = text[i + 1];
		wrong[i + 1] = text[i];
		if (text[i + 1] && text[i + 1] != '-' && text[i] != text[i + 1])
			bad(wrong), tried++;
	}
	assert_true(tried > 3000);
}

static void nonsense(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"spk:",
		"spk:/",
		"spk:host/AAAA",
		"spk::4480/AAAAA",
		"spk:host:0/AAAAA",
		"spk:host:4480",
		"https://host:4480/",
		"spk:ho st:4480/AAAAA",
		"spk:host:4480/AAA9A",
	};
	char many[JOINCODE_MOST + 2];
	struct joincode c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		bad(texts[i]);
	memset(many, 'A', sizeof(many));
	memcpy(many, "spk:host:4480/", 14);
	many[sizeof(many) - 1] = '\0';
	bad(many);
	many[300] = '\0';
	bad(many);
	memset(many + 4, 'h', 300); /* an address that is too long */
	many[300] = '/';
	bad(many);
	assert_int_equal(joincode_set_address(&c, ":4480"), -EINVAL);
	assert_int_equal(joincode_set_address(&c, "host"), -EINVAL);
	assert_int_equal(joincode_set_address(&c, "[::1]:4480"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(as_pasted),
		cmocka_unit_test(every_mistake_is_found),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
