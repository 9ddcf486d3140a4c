/*
 * fuzz_join.c: what is pasted as a join code. What is taken is printed and must be the same code
 * again, and its address one that the configuration would take.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/joincode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct joincode a, b;
	char *text = malloc(size + 1), again[JOINCODE_TEXT], *url, *whole;
	struct err e = {""};

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (joincode_parse(text, &a, &e) == 0) {
		joincode_print(&a, again);
		assert(strlen(again) < JOINCODE_TEXT);
		assert(joincode_parse(again, &b, &e) == 0);
		assert(strcmp(a.address, b.address) == 0);
		assert(memcmp(&a.pin, &b.pin, sizeof(a.pin)) == 0);
		assert(memcmp(a.secret, b.secret, sizeof(a.secret)) == 0);
		whole = xasprintf("https://%s", a.address);
		url = address_url(whole);
		assert(url);
		free(url);
		free(whole);
	} else {
		assert(e.text[0]);
	}
	free(text);
	return 0;
}
