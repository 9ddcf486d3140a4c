/*
 * forge.c: a test's hook in a spoke, by LD_PRELOAD: in answers to steps of a descent it puts other
 * short hashes in the place of true ones, as a content would that was made so that its blocks'
 * hashes begin alike. FORGE=TRUE:TOLD[,TRUE:TOLD...], 16 hexadecimal digits each. No part of the
 * program.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT 8u

typedef void *create_fn(size_t size, void *buffer, int mode);
void *MHD_create_response_from_buffer(size_t size, void *buffer, int mode);

static void hex(const char *digits, uint8_t ret[SHORT])
{
	for (unsigned i = 0; i < SHORT; i++) {
		unsigned byte = 0;

		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			abort();
		ret[i] = (uint8_t)byte;
	}
}

static void forge(uint8_t *body, size_t size, const char *true_hash, const char *told_hash)
{
	uint8_t is[SHORT], told[SHORT];

	hex(true_hash, is);
	hex(told_hash, told);
	for (size_t i = 0; i + SHORT <= size; i++) {
		if (memcmp(body + i, is, SHORT) == 0) {
			memcpy(body + i, told, SHORT);
			fprintf(stderr, "forged %.16s\n", told_hash);
		}
	}
}

void *MHD_create_response_from_buffer(size_t size, void *buffer, int mode)
{
	create_fn *create = (create_fn *)dlsym(RTLD_NEXT, "MHD_create_response_from_buffer");
	const char *pair = getenv("FORGE");

	/* The caller's own buffer, which it gives up: only what is a step's answer is touched. */
	if (size > SHORT && memcmp(buffer, "SSYNCT01", SHORT) == 0) {
		for (; pair && strlen(pair) >= 33; pair = strchr(pair, ','), pair += pair != NULL)
			forge(buffer, size, pair, pair + 17);
	}
	return create(size, buffer, mode);
}
