/*
 * digest.c: SHA-256 of blocks, nodes and roots in the layout of fs-verity. The only file that asks
 * GnuTLS for a hash of data; several blocks at a time are digest_many.c. Pure: no I/O, any thread.
 *
 * gnutls_hash_fast() costs no more at 4 KiB than a kept handle (1.78 GB/s both, SHA-NI), so there
 * is no handle to keep.
 */
#include "transfer/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "transfer/digest_private.h"

const struct hash hash_zero_block = {{0xad, 0x7f, 0xac, 0xb2, 0x58, 0x6f, 0xc6, 0xe9,
				      0x66, 0xc0, 0x04, 0xd7, 0xd1, 0xd1, 0x6b, 0x02,
				      0x4f, 0x58, 0x05, 0xff, 0x7c, 0xb4, 0x7c, 0x7a,
				      0x85, 0xda, 0xbd, 0x8b, 0x48, 0x89, 0x2c, 0xa7}};

bool hash_equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a->b, b->b, HASH_SIZE) == 0;
}

const char *hash_hex(const struct hash *h, char buf[HASH_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH_SIZE; i++) {
		buf[2 * i] = digits[h->b[i] >> 4];
		buf[2 * i + 1] = digits[h->b[i] & 15];
	}
	buf[HASH_HEX] = '\0';
	return buf;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hash_parse(const char *hex, struct hash *ret)
{
	struct hash h;

	for (size_t i = 0; i < HASH_SIZE; i++) {
		int hi = hex_digit(hex[2 * i]);
		int lo = hi < 0 ? -1 : hex_digit(hex[2 * i + 1]);

		if (lo < 0)
			return -EINVAL;
		h.b[i] = (uint8_t)(hi << 4 | lo);
	}
	if (hex[HASH_HEX] != '\0')
		return -EINVAL;
	*ret = h;
	return 0;
}

void digest_bytes(const void *data, size_t len, struct hash *ret)
{
	/* It fails only where the library cannot hash at all; no answer would be a safe one then.
	 */
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, ret->b) < 0)
		abort();
}

bool digest_is_zero(const void *data, size_t len)
{
	const uint8_t *p = data;
	static const uint8_t zero[16];

	if (len <= sizeof(zero))
		return memcmp(p, zero, len) == 0;
	/* The first bytes are zero and every byte equals the one 16 before it. */
	return memcmp(p, zero, sizeof(zero)) == 0 &&
	       memcmp(p, p + sizeof(zero), len - sizeof(zero)) == 0;
}

void digest_block(const void *data, size_t len, struct hash *ret)
{
	if (digest_is_zero(data, len)) {
		*ret = hash_zero_block;
	} else if (len == BLOCK_SIZE) {
		digest_bytes(data, BLOCK_SIZE, ret);
	} else {
		uint8_t padded[BLOCK_SIZE] = {0};

		memcpy(padded, data, MIN(len, sizeof(padded)));
		digest_bytes(padded, sizeof(padded), ret);
	}
}

void digest_blocks(const void *data, size_t len, struct hash *ret)
{
	const uint8_t *p = data, *many[DIGEST_LANES];
	struct hash *to[DIGEST_LANES];
	unsigned n = 0;

	for (; len >= BLOCK_SIZE; p += BLOCK_SIZE, len -= BLOCK_SIZE, ret++) {
		if (digest_is_zero(p, BLOCK_SIZE)) {
			*ret = hash_zero_block;
			continue;
		}
		many[n] = p;
		to[n] = ret;
		if (++n == DIGEST_LANES) {
			digest_many(many, to, n);
			n = 0;
		}
	}
	if (n > 0)
		digest_many(many, to, n);
	if (len > 0)
		digest_block(p, len, ret);
}

void digest_node(const struct hash *leaves, unsigned n, struct hash *ret)
{
	if (n == NODE_BLOCKS) {
		digest_bytes(leaves, BLOCK_SIZE, ret);
	} else {
		struct hash padded[NODE_BLOCKS];

		memset(padded, 0, sizeof(padded));
		memcpy(padded, leaves, MIN(n, NODE_BLOCKS) * sizeof(*leaves));
		digest_bytes(padded, sizeof(padded), ret);
	}
}

void digest_tower_init(struct digest_tower *t)
{
	memset(t->n, 0, sizeof(t->n));
}

/* A full block is hashed into the level above. */
static void tower_add(struct digest_tower *t, unsigned level, const struct hash *h)
{
	if (level >= ARRAY_LEN(t->n))
		return; /* the levels hold 16 PiB; without this gcc -O2 warns of array bounds */
	if (t->n[level] == NODE_BLOCKS) {
		struct hash up;

		digest_node(t->block[level], NODE_BLOCKS, &up);
		t->n[level] = 0;
		tower_add(t, level + 1, &up);
	}
	t->block[level][t->n[level]++] = *h;
}

void digest_tower_add(struct digest_tower *t, const struct hash *node)
{
	tower_add(t, 0, node);
}

/* The hash of the top block over two or more node hashes. */
static void tower_top(struct digest_tower *t, struct hash *ret)
{
	for (unsigned level = 0;; level++) {
		digest_node(t->block[level], t->n[level], ret);
		if (level + 1 == DIGEST_LEVELS || t->n[level + 1] == 0)
			return;
		tower_add(t, level + 1, ret);
	}
}

void digest_tower_root(struct digest_tower *t, uint64_t size, const struct hash *first_leaf,
		       struct hash *ret)
{
	/* struct fsverity_descriptor of <linux/fsverity.h>, which is not always installed. */
	struct {
		uint8_t version, hash_algorithm, log_blocksize, salt_size;
		uint8_t sig_size[4];
		uint8_t data_size[8];
		uint8_t root_hash[64];
		uint8_t salt[32];
		uint8_t reserved[144];
	} d;
	struct hash top;

	_Static_assert(sizeof(d) == 256, "fsverity_descriptor");
	memset(&d, 0, sizeof(d));
	d.version = 1;
	d.hash_algorithm = 1; /* SHA-256 */
	d.log_blocksize = 12;
	for (unsigned i = 0; i < 8; i++)
		d.data_size[i] = (uint8_t)(size >> (8 * i));
	if (size > 0) {
		if (size <= BLOCK_SIZE)
			top = *first_leaf;
		else if (nodes_of(size) == 1)
			top = t->block[0][0];
		else
			tower_top(t, &top);
		memcpy(d.root_hash, top.b, HASH_SIZE);
	}
	digest_bytes(&d, sizeof(d), ret);
}

void digest_root(uint64_t size, const struct hash *nodes, const struct hash *first_leaf,
		 struct hash *ret)
{
	struct digest_tower t;

	digest_tower_init(&t);
	for (uint64_t i = 0; i < nodes_of(size); i++)
		digest_tower_add(&t, &nodes[i]);
	digest_tower_root(&t, size, first_leaf, ret);
}
