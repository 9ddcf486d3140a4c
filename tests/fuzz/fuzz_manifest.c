/*
 * fuzz_manifest.c: what calls itself a manifest. The answer is the same each time, and a list of
 * names of images, in order, each once, that are no paths; what is too much is refused.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sets.h"
#include "transfer/manifest.h"
#include "transfer/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(char *names)
{
	char *rest = names, *name, *before = NULL;
	unsigned n = 0;
	struct err e;

	while (*names && (name = strsep(&rest, "\n"))) {
		assert(sets_listed(name));
		assert(wire_path_ok(name, &e) && !strpbrk(name, "/\\"));
		assert(!before || strcmp(before, name) < 0);
		before = name;
		n++;
	}
	assert(n <= MANIFEST_NAMES_MOST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *one = NULL, *two = NULL;
	int r = manifest_scan(data, size, sets_listed, &one);

	assert(r == manifest_scan(data, size, sets_listed, &two));
	assert(r == 0 || r == -EBADMSG || r == -E2BIG || r == -EFBIG);
	assert(one ? two && !strcmp(one, two) : !two && (r == -E2BIG || r == -EFBIG));
	if (one)
		check(one);
	free(one);
	free(two);
	return 0;
}
