/*
 * index.c: an index file mapped for reading. Layout, little endian:
 *
 *   0     header, 256 bytes: magic "SSYNCX01", version (4), zeros (4), size (8), root (32),
 *         nodes (8), non-zero blocks (8), hooks (8), hook bits (4), known root (32, in part only),
 *         zeros, SHA-256 of the first 224
 *   256   a record per node, 56 bytes: node hash (32), number of leaves before it (8), bitmap of
 *         its non-zero blocks (16)
 *   then, from the next multiple of 4096: the leaf hashes of non-zero blocks, in order
 *   then: the hooks (sketch.h), 8 bytes each, ascending
 *
 * Everything that a read follows is checked when it is opened: lengths, ranks, bits, order of the
 * hooks; and the node hashes against the root, 1 ms for 20 GB. The leaves are not: who uses a wrong
 * one builds a node that does not prove.
 */
#include "transfer/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/index_private.h"
#include "transfer/mapped.h"

struct index {
	atomic_uint refs;
	const uint8_t *map;
	bool part;
	struct index_header head;
	const struct index_record *records;
	const struct hash *leaves;
	const uint64_t *hooks;
};

uint64_t index_leaves_at(uint64_t size)
{
	uint64_t end = INDEX_HEADER_SIZE + nodes_of(size) * sizeof(struct index_record);

	return (end + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
}

unsigned index_node_blocks(uint64_t size, uint64_t node)
{
	return (unsigned)MIN(blocks_of(size) - node * NODE_BLOCKS, NODE_BLOCKS);
}

unsigned index_bits_before(const uint64_t bits[2], unsigned n)
{
	unsigned count;

	if (n < 64)
		return (unsigned)__builtin_popcountll(bits[0] & (((uint64_t)1 << n) - 1));
	count = (unsigned)__builtin_popcountll(bits[0]);
	if (n == 64)
		return count;
	if (n == 128)
		return count + (unsigned)__builtin_popcountll(bits[1]);
	return count + (unsigned)__builtin_popcountll(bits[1] & (((uint64_t)1 << (n - 64)) - 1));
}

int index_check_header(const struct index_header *h, bool part, struct err *e)
{
	struct hash sum;

	if (memcmp(h->magic, part ? INDEX_PART_MAGIC : INDEX_MAGIC, sizeof(h->magic)) != 0)
		return err_set(e, -EBADMSG, "not an index%s", part ? " in part" : "");
	digest_bytes(h, offsetof(struct index_header, sum), &sum);
	if (!hash_equal(&sum, &h->sum))
		return err_set(e, -EBADMSG, "its header is damaged");
	if (h->version != INDEX_VERSION)
		return err_set(e, -EPROTONOSUPPORT, "version %u, not %u", h->version,
			       INDEX_VERSION);
	if (h->size > FILE_SIZE_MAX || h->nodes != nodes_of(h->size) ||
	    h->nonzero > blocks_of(h->size) || h->n_hooks > h->nonzero || h->hook_bits > 63)
		return err_set(e, -EBADMSG, "its header contradicts itself");
	return 0;
}

static int check_length(const struct index_header *h, uint64_t file_len, struct err *e)
{
	if (file_len != index_leaves_at(h->size) + h->nonzero * HASH_SIZE + h->n_hooks * 8)
		return err_set(e, -EBADMSG, "it has not the length that its header says");
	return 0;
}

static bool ranks_ok(const struct index *x)
{
	uint64_t rank = 0;

	for (uint64_t i = 0; i < x->head.nodes; i++) {
		const struct index_record *rec = &x->records[i];
		unsigned blocks = index_node_blocks(x->head.size, i);
		unsigned n = index_bits_before(rec->bits, NODE_BLOCKS);

		if (rec->rank != rank || n != index_bits_before(rec->bits, blocks))
			return false;
		rank += n;
	}
	return rank == x->head.nonzero;
}

static bool hooks_ok(const struct index *x)
{
	for (uint64_t i = 1; i < x->head.n_hooks; i++) {
		if (x->hooks[i - 1] >= x->hooks[i])
			return false;
	}
	return x->head.n_hooks == 0 || x->head.hook_bits == 0 ||
	       x->hooks[x->head.n_hooks - 1] >> (64 - x->head.hook_bits) == 0;
}

/* The node hashes lie in records, so they are fed one by one. */
static bool root_ok(const struct index *x)
{
	struct digest_tower t;
	struct hash root;

	digest_tower_init(&t);
	for (uint64_t i = 0; i < x->head.nodes; i++)
		digest_tower_add(&t, &x->records[i].node);
	digest_tower_root(&t, x->head.size, x->head.nodes > 0 ? index_leaf(x, 0) : NULL, &root);
	return hash_equal(&root, x->part ? &x->head.known : &x->head.root);
}

static int open_map(struct index *x, int fd, struct err *e)
{
	struct stat st;
	const void *map;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)INDEX_HEADER_SIZE)
		return err_set(e, -EBADMSG, "too short to be an index");
	r = mapped_new(fd, (size_t)st.st_size, &map);
	if (r < 0)
		return err_set(e, r, "mmap: %s", strerror(-r));
	x->map = map;
	memcpy(&x->head, map, sizeof(x->head));
	r = index_check_header(&x->head, x->part, e);
	if (r == 0)
		r = check_length(&x->head, (uint64_t)st.st_size, e);
	if (r < 0)
		return r;
	x->records = (const void *)(x->map + INDEX_HEADER_SIZE);
	x->leaves = (const void *)(x->map + index_leaves_at(x->head.size));
	x->hooks = (const void *)(x->leaves + x->head.nonzero);
	if (!ranks_ok(x) || !hooks_ok(x) || !root_ok(x))
		return err_set(e, -EBADMSG, "its tree contradicts its header");
	return 0;
}

int index_open_kind(int dirfd, const char *name, bool part, struct index **ret, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct index *x;
	struct err why = {""};
	int r;

	if (fd < 0) {
		r = -errno;
		return err_set(e, r, "index %s: %s", name, strerror(-r));
	}
	x = xcalloc(1, sizeof(*x));
	atomic_init(&x->refs, 1);
	x->part = part;
	r = open_map(x, fd, &why);
	close(fd);
	if (r < 0) {
		index_unref(x);
		return err_set(e, r, "index %s: %s", name, why.text);
	}
	*ret = x;
	return 0;
}

int index_open(int dirfd, const char *name, struct index **ret, struct err *e)
{
	return index_open_kind(dirfd, name, false, ret, e);
}

struct index *index_ref(struct index *x)
{
	atomic_fetch_add(&x->refs, 1);
	return x;
}

struct index *index_unref(struct index *x)
{
	if (x != NULL && atomic_fetch_sub(&x->refs, 1) == 1) {
		if (x->map != NULL)
			mapped_free(x->map);
		free(x);
	}
	return NULL;
}

bool index_sound(const struct index *x)
{
	return mapped_sound(x->map);
}

const struct hash *index_root(const struct index *x)
{
	return &x->head.root;
}

bool index_is_part(const struct index *x)
{
	return x->part;
}

const struct hash *index_plan_name(const struct index *x)
{
	return x->part ? &x->head.sum : &x->head.root;
}

uint64_t index_size(const struct index *x)
{
	return x->head.size;
}

uint64_t index_nonzero_blocks(const struct index *x)
{
	return x->head.nonzero;
}

bool index_block_is_zero(const struct index *x, uint64_t block)
{
	const uint64_t *bits = x->records[block / NODE_BLOCKS].bits;
	unsigned i = block % NODE_BLOCKS;

	return !(bits[i / 64] >> (i % 64) & 1);
}

uint64_t index_nonzero_at(const struct index *x, uint64_t rank)
{
	uint64_t low = 0, high = x->head.nodes; /* the node is the last with a rank <= this */
	unsigned block = 0;

	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (x->records[mid].rank <= rank)
			low = mid;
		else
			high = mid;
	}
	/* Zeros that stand for what cannot be read have no such block. */
	while (block < NODE_BLOCKS - 1 &&
	       x->records[low].rank + index_bits_before(x->records[low].bits, block + 1) <= rank)
		block++;
	return low * NODE_BLOCKS + block;
}

uint64_t index_rank(const struct index *x, uint64_t block)
{
	const struct index_record *rec = &x->records[block / NODE_BLOCKS];

	return rec->rank + index_bits_before(rec->bits, block % NODE_BLOCKS);
}

const struct hash *index_leaf(const struct index *x, uint64_t block)
{
	if (index_block_is_zero(x, block))
		return &hash_zero_block;
	return &x->leaves[index_rank(x, block)];
}

const struct hash *index_node(const struct index *x, uint64_t node)
{
	return &x->records[node].node;
}

uint64_t index_blocks_unlike(const struct index *x, const struct index *y)
{
	uint64_t n = 0, blocks = blocks_of(x->head.size), common = blocks_of(y->head.size);

	for (uint64_t block = 0; block < blocks; block++) {
		uint64_t node = block / NODE_BLOCKS;

		if (block % NODE_BLOCKS == 0 && node < y->head.nodes &&
		    hash_equal(index_node(x, node), index_node(y, node)))
			block += NODE_BLOCKS - 1;
		else if (!index_block_is_zero(x, block))
			n += block >= common ||
			     !hash_equal(index_leaf(x, block), index_leaf(y, block));
	}
	return n;
}

const uint64_t *index_hooks(const struct index *x, size_t *ret_n, unsigned *ret_bits)
{
	*ret_n = x->head.n_hooks;
	*ret_bits = x->head.hook_bits;
	return x->hooks;
}
