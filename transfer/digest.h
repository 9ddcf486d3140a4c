/*
 * digest.h: SHA-256 of blocks, nodes and roots, in the layout of fs-verity (version 1, SHA-256,
 * 4 KiB blocks, no salt), so that `fsverity digest FILE` checks us on any Linux.
 *
 *   block 4 KiB, zero-padded at the end of the file     -> leaf hash
 *   node  128 blocks = 512 KiB; SHA-256 of a zero-padded 4096-byte block of its leaf hashes
 *   root  SHA-256 of the 256-byte fsverity_descriptor, which holds the size and the top hash
 */
#ifndef SPOKESYNC_TRANSFER_DIGEST_H
#define SPOKESYNC_TRANSFER_DIGEST_H

#include "policy/base.h"

#define BLOCK_SIZE    4096u
#define NODE_BLOCKS   128u
#define NODE_SIZE     (BLOCK_SIZE * NODE_BLOCKS)
#define HASH_SIZE     32u
#define HASH_HEX      64u
#define FILE_SIZE_MAX ((uint64_t)64 << 40) /* 64 TiB: more is refused */

struct hash {
	uint8_t b[HASH_SIZE];
};

static inline uint64_t blocks_of(uint64_t size)
{
	return (size + BLOCK_SIZE - 1) / BLOCK_SIZE;
}

static inline uint64_t nodes_of(uint64_t size)
{
	return (size + NODE_SIZE - 1) / NODE_SIZE;
}

extern const struct hash hash_zero_block; /* leaf hash of an all-zero block */

bool hash_equal(const struct hash *a, const struct hash *b);
const char *hash_hex(const struct hash *h, char buf[HASH_HEX + 1]);
int hash_parse(const char *hex, struct hash *ret) WARN_UNUSED; /* exactly 64 lower-case digits */

void digest_bytes(const void *data, size_t len, struct hash *ret);
/* len 1..4096; the rest counts as zeros. All-zero blocks are found first and cost no hashing. */
void digest_block(const void *data, size_t len, struct hash *ret);
/* The same for all blocks of len bytes, of which only the last may be short: about twice as fast.
 */
void digest_blocks(const void *data, size_t len, struct hash *ret);
bool digest_is_zero(const void *data, size_t len);
/* n 1..128 leaf hashes. */
void digest_node(const struct hash *leaves, unsigned n, struct hash *ret);
/* nodes: nodes_of(size) hashes. first_leaf: needed only for 0 < size <= 4096, else ignored. */
void digest_root(uint64_t size, const struct hash *nodes, const struct hash *first_leaf,
		 struct hash *ret);

/* The same for node hashes that come one by one, in order. 20 KiB: on a stack or embedded. */
#define DIGEST_LEVELS 5 /* 2^27 nodes of 64 TiB are four levels of 128; one to spare */
struct digest_tower {
	struct hash block[DIGEST_LEVELS][NODE_BLOCKS]; /* the open hash block of each level */
	unsigned n[DIGEST_LEVELS];
};
void digest_tower_init(struct digest_tower *t);
void digest_tower_add(struct digest_tower *t, const struct hash *node);
void digest_tower_root(struct digest_tower *t, uint64_t size, const struct hash *first_leaf,
		       struct hash *ret);

#endif
