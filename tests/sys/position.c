/*
 * position.c: what a spoke's disk holds of a transfer, read as the daemon reads it when it starts:
 * "OFFSET PROVEN", of the bundle and of the image; "none" where there is no such transfer, or what
 * is left of it is good for nothing. For
 * tests that cut the power. position DIRECTORY ROOT
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "transfer/staging.h"

int main(int argc, char **argv)
{
	struct wire_position p;
	struct assembler *a;
	struct staging *st;
	struct store *s;
	struct hash root;
	struct err e = {""};
	int r;

	if (argc != 3 || hash_parse(argv[2], &root) < 0)
		return 2;
	if (store_open(argv[1], &s, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	a = assembler_new(NULL);
	r = staging_open(s, a, &root, &st, &e);
	if (r == 0) {
		staging_position(st, false, &p);
		printf("%" PRIu64 " %" PRIu64 "\n", p.offset, p.proven_bytes);
		wire_position_done(&p);
		staging_close(st);
	} else if (r == -ENOENT || r == -EBADMSG) {
		puts("none");
	} else {
		fprintf(stderr, "%s\n", e.text);
	}
	assembler_free(a);
	store_close(s);
	return r == 0 || r == -ENOENT || r == -EBADMSG ? 0 : 1;
}
