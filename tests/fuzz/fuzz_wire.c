/*
 * fuzz_wire.c: every decoder of a JSON body that a peer sends. The first byte says which. What
 * decodes is encoded and must decode again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(kind)                                                              \
	static void try_##kind(const char *json, size_t len)                   \
	{                                                                      \
		struct wire_##kind a, b;                                       \
		struct err e;                                                  \
		char *text;                                                    \
                                                                               \
		if (wire_##kind##_decode(json, len, &a, &e) < 0)               \
			return;                                                \
		text = wire_##kind##_encode(&a);                               \
		wire_##kind##_done(&a);                                        \
		assert(wire_##kind##_decode(text, strlen(text), &b, &e) == 0); \
		wire_##kind##_done(&b);                                        \
		free(text);                                                    \
	}

TRY(hello)
TRY(inventory)
TRY(offer)
TRY(position)
TRY(publish)
TRY(published)
TRY(pair)

static void try_changes(const char *json, size_t len)
{
	uint64_t a, b;
	struct err e;
	char *text;

	if (wire_changes_decode(json, len, &a, &e) < 0)
		return;
	text = wire_changes_encode(a);
	assert(wire_changes_decode(text, strlen(text), &b, &e) == 0 && a == b);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(const char *, size_t) = {
		try_hello,   try_inventory, try_offer, try_position,
		try_publish, try_published, try_pair,  try_changes,
	};
	char *json;

	if (!size)
		return 0;
	json = malloc(size); /* of exactly its size: a read beyond it is seen */
	assert(json);
	memcpy(json, data + 1, size - 1);
	tries[data[0] % ARRAY_LEN(tries)](json, size - 1);
	free(json);
	return 0;
}
