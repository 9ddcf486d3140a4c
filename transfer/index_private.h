/* index_private.h: the records of an index file, shared by index.c and index_writer.c. */
#ifndef SPOKESYNC_TRANSFER_INDEX_PRIVATE_H
#define SPOKESYNC_TRANSFER_INDEX_PRIVATE_H

#include "transfer/index.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "index files are mapped as they are: little endian machines only"
#endif

#define INDEX_MAGIC	  "SSYNCX01"
#define INDEX_PART_MAGIC  "SSYNCP01" /* of a content that is known in part */
#define INDEX_VERSION	  1u
#define INDEX_HEADER_SIZE 256u

struct index_header {
	char magic[8];
	uint32_t version, zero;
	uint64_t size;
	struct hash root;
	uint64_t nodes, nonzero, n_hooks;
	uint32_t hook_bits;
	struct hash known; /* in part: the root that its records have; else zeros */
	uint8_t zeros[108];
	struct hash sum;
};
_Static_assert(sizeof(struct index_header) == INDEX_HEADER_SIZE, "index header");

struct index_record {
	struct hash node;
	uint64_t rank;
	uint64_t bits[2];
};
_Static_assert(sizeof(struct index_record) == 56, "index record");

/* As index_open(), of the one kind or the other. */
int index_open_kind(int dirfd, const char *name, bool part, struct index **ret,
		    struct err *e) WARN_UNUSED;
int index_check_header(const struct index_header *h, bool part, struct err *e) WARN_UNUSED;

uint64_t index_leaves_at(uint64_t size); /* where the leaves begin */
unsigned index_node_blocks(uint64_t size, uint64_t node);
/* Set bits among the first n (0..128). */
unsigned index_bits_before(const uint64_t bits[2], unsigned n);

#endif
