/*
 * test_address.c: addresses that are taken, and the many that are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/address.h"

static void urls(void **state)
{
	static const char *const good[][2] = {
		{"https://b", "https://b:4480"},
		{"https://b/", "https://b:4480"},
		{"https://b.example.net:1", "https://b.example.net:1"},
		{"https://10.0.0.1:65535/", "https://10.0.0.1:65535"},
		{"https://[::1]", "https://[::1]:4480"},
		{"https://[fe80::1%eth0]:9", NULL},
		{"https://[2001:db8::1]:9", "https://[2001:db8::1]:9"},
	};
	static const char *const bad[] = {
		"",
		"https:/",
		"https://",
		"https:///",
		"http://b",
		"b:4480",
		"https://b:",
		"https://b:0",
		"https://b:65536",
		"https://b:x",
		"https://b/x",
		"https://u@b",
		"https://b?x",
		"https://[::1",
		"https://[]",
		"https://[b]",
		"https://b c",
		"https://:1",
		"https://[::1]x",
		"HTTPS://b",
		"https://b:1:2",
		"https://b:000001",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char *url = address_url(good[i][0]);

		if (good[i][1])
			assert_string_equal(url, good[i][1]);
		else
			assert_null(url);
		free(url);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (address_url(bad[i]))
			fail_msg("%s was taken", bad[i]);
}

static void listening(void **state)
{
	static const char *const bad[] = {"",	   "4480",     ":",	 "h",
					  "[::1]", "::1:4480", ":70000", "h:1x"};

	(void)state;
	assert_true(address_listen_ok(":4480"));
	assert_true(address_listen_ok("127.0.0.1:1"));
	assert_true(address_listen_ok("[::]:4480"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(address_listen_ok(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(listening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
