/*
 * test_pin.c: public keys' hashes as text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/config.h"

static void both_forms(void **state)
{
	/* of the same 32 bytes, 00 01 02 ... 1f */
	static const char hex[] =
		"sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	static const char base64[] = "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
	struct pin a, b;
	char buf[PIN_TEXT + 1];

	(void)state;
	assert_int_equal(pin_parse(hex, &a, NULL), 0);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(a.sha256[i], i);
	assert_int_equal(pin_parse(base64, &b, NULL), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_string_equal(pin_print(&a, buf), hex);
	assert_int_equal(
		pin_parse("sha256:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
			  &b, NULL),
		0);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		"sha256:00",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"md5:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
		"sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0",
		"sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
		"sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
		"sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh=8",
		"sha256//!AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"sha256:...",
	};
	struct pin p;
	struct err e;

	(void)state;
	memset(&p, 7, sizeof(p));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(pin_parse(bad[i], &p, &e), -EINVAL);
		assert_non_null(strstr(e.text, "--print-key"));
		assert_int_equal(p.sha256[0], 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
