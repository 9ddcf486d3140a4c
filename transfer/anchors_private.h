/*
 * anchors_private.h: the file of a content's anchors, shared by anchors.c, which reads it, and
 * anchors_writer.c: a head of 32 bytes, then the anchors, sorted: print in the upper, block in the
 * lower half of 64 bits.
 */
#ifndef SPOKESYNC_TRANSFER_ANCHORS_PRIVATE_H
#define SPOKESYNC_TRANSFER_ANCHORS_PRIVATE_H

#include "transfer/anchors.h"
#include "transfer/flat.h"

#define ANCHORS_MAGIC	 "SSYNCANC"
#define ANCHORS_VERSION	 2u /* 1 had windows that lay in two blocks */
#define ANCHOR_BITS_MOST 20u
#define ANCHORS_MOST	 (8u << 20)
#define ANCHORS_NAME_LEN (HASH_HEX + sizeof(ANCHOR_SUFFIX))

struct anchors_head {
	char magic[8];
	uint32_t version, bits;
	uint64_t count, zero;
};
_Static_assert(sizeof(struct anchors_head) == 32, "head of a file of anchors");

struct anchors {
	struct flat map;
	struct anchors_head head; /* a copy: it is what was looked at */
	const uint64_t *entries;
};

const char *anchors_name(const struct hash *root, char name[ANCHORS_NAME_LEN]);

#endif
