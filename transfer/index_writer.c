/*
 * index_writer.c: builds an index file from nodes in any order, in bounded memory.
 *
 * While it is built every node has its place in the temporary: its record (mapped) and 4 KiB for
 * its leaves. finish() moves the leaves together, which never overtakes what is still to be read.
 */
#include "transfer/index.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "transfer/durable.h"
#include "transfer/index_private.h"
#include "transfer/mapped.h"
#include "transfer/sketch.h"

#define BATCH 64u /* nodes moved at a time: 256 KiB */

struct index_writer {
	struct durable_temp temp;
	uint64_t size, nodes;
	atomic_uint_fast64_t seen;
	uint8_t *map;
	struct index_record *records; /* rank 1: has come */
	struct hash zero_node;	      /* of 128 zero blocks: images are full of them */
};

static int map_records(struct index_writer *w)
{
	void *p;
	int r;

	r = durable_temp_map(&w->temp, INDEX_HEADER_SIZE + w->nodes * sizeof(struct index_record),
			     &p);
	if (r < 0)
		return r;
	w->map = p;
	w->records = (void *)(w->map + INDEX_HEADER_SIZE);
	return 0;
}

int index_writer_new(int dirfd, uint64_t size, struct index_writer **ret)
{
	struct hash zeros[NODE_BLOCKS];
	struct index_writer *w;
	int r;

	if (size > FILE_SIZE_MAX)
		return -EFBIG;
	w = xcalloc(1, sizeof(*w));
	w->size = size;
	w->nodes = nodes_of(size);
	atomic_init(&w->seen, 0);
	for (unsigned i = 0; i < NODE_BLOCKS; i++)
		zeros[i] = hash_zero_block;
	digest_node(zeros, NODE_BLOCKS, &w->zero_node);
	r = durable_temp_new(dirfd, INDEX_TEMP, &w->temp);
	if (r == 0)
		r = map_records(w);
	if (r < 0) {
		index_writer_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct index_writer *index_writer_free(struct index_writer *w)
{
	if (w == NULL)
		return NULL;
	if (w->map != NULL)
		mapped_free(w->map);
	durable_temp_done(&w->temp);
	free(w);
	return NULL;
}

/* node_hash NULL: it is computed. */
static int put_node(struct index_writer *w, uint64_t node, const struct hash *leaves,
		    const struct hash *node_hash)
{
	unsigned n = index_node_blocks(w->size, node);
	struct index_record *rec = &w->records[node];
	uint64_t bits[2] = {0, 0};
	int r;

	for (unsigned i = 0; i < n; i++) {
		if (!hash_equal(&leaves[i], &hash_zero_block))
			bits[i / 64] |= (uint64_t)1 << (i % 64);
	}
	if (bits[0] != 0 || bits[1] != 0) {
		r = durable_pwrite(w->temp.fd, leaves, n * sizeof(*leaves),
				   index_leaves_at(w->size) + node * BLOCK_SIZE);
		if (r < 0)
			return r;
	}
	if (node_hash != NULL)
		rec->node = *node_hash;
	else if ((bits[0] | bits[1]) == 0 && n == NODE_BLOCKS)
		rec->node = w->zero_node;
	else
		digest_node(leaves, n, &rec->node);
	rec->bits[0] = bits[0];
	rec->bits[1] = bits[1];
	rec->rank = 1;
	atomic_fetch_add(&w->seen, 1);
	return 0;
}

static int put_once(struct index_writer *w, uint64_t node, const struct hash *leaves,
		    const struct hash *node_hash)
{
	if (node >= w->nodes)
		return -EINVAL;
	if (w->records[node].rank != 0)
		return -EEXIST;
	return put_node(w, node, leaves, node_hash);
}

int index_writer_node(struct index_writer *w, uint64_t node, const struct hash *leaves)
{
	return put_once(w, node, leaves, NULL);
}

int index_writer_unsure(struct index_writer *w, uint64_t node, const struct hash *leaves)
{
	return put_once(w, node, leaves, &hash_unknown_block);
}

int index_writer_same(struct index_writer *w, uint64_t node, const struct index *base)
{
	struct hash leaves[NODE_BLOCKS], hash;
	unsigned n;

	if (node >= w->nodes || node >= nodes_of(index_size(base)))
		return -EINVAL;
	n = index_node_blocks(w->size, node);
	if (n != index_node_blocks(index_size(base), node))
		return -EINVAL;
	if (w->records[node].rank != 0)
		return -EEXIST;
	for (unsigned i = 0; i < n; i++)
		leaves[i] = *index_leaf(base, node * NODE_BLOCKS + i);
	hash = *index_node(base, node);
	return index_sound(base) ? put_node(w, node, leaves, &hash) : -EIO;
}

static int read_fully(int fd, void *buf, size_t len, uint64_t offset)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = pread(fd, (char *)buf + have, len - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			/* The last nodes were all zero and nothing was written there. */
			memset((char *)buf + have, 0, len - have);
			break;
		}
		have += (size_t)n;
	}
	return 0;
}

/* The non-zero leaves of one node, moved to the front of out; their number. */
static unsigned pack_node(const struct index_record *rec, const struct hash *leaves,
			  struct hash *out, struct sketch *sketch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NODE_BLOCKS; i++) {
		if (!(rec->bits[i / 64] >> (i % 64) & 1))
			continue;
		sketch_add(sketch, &leaves[i]);
		out[n++] = leaves[i];
	}
	return n;
}

static int pack_batch(struct index_writer *w, uint64_t first, unsigned nodes, struct hash *in,
		      struct hash *out, uint64_t *rank, struct sketch *sketch)
{
	uint64_t leaves_at = index_leaves_at(w->size);
	unsigned n = 0;
	int r = read_fully(w->temp.fd, in, nodes * (size_t)BLOCK_SIZE,
			   leaves_at + first * BLOCK_SIZE);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < nodes; i++) {
		struct index_record *rec = &w->records[first + i];

		rec->rank = *rank + n;
		n += pack_node(rec, in + i * NODE_BLOCKS, out + n, sketch);
	}
	/* Where nothing was left out so far, all of it lies in its place already. */
	if (*rank != first * NODE_BLOCKS || n != nodes * NODE_BLOCKS)
		r = durable_pwrite(w->temp.fd, out, n * sizeof(*out),
				   leaves_at + *rank * HASH_SIZE);
	*rank += n;
	return r;
}

/* Nodes without leaves are passed over unread: an empty terabyte costs no time. */
static int pack_leaves(struct index_writer *w, uint64_t *ret_nonzero, struct sketch *sketch)
{
	struct hash *in = xcalloc(BATCH, BLOCK_SIZE), *out = xcalloc(BATCH, BLOCK_SIZE);
	uint64_t rank = 0;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < w->nodes;) {
		unsigned n = 0;

		while (i + n < w->nodes && n < BATCH &&
		       (w->records[i + n].bits[0] | w->records[i + n].bits[1]) != 0)
			n++;
		if (n == 0) {
			w->records[i++].rank = rank;
			continue;
		}
		r = pack_batch(w, i, n, in, out, &rank, sketch);
		i += n;
	}
	*ret_nonzero = rank;
	free(in);
	free(out);
	return r;
}

static uint64_t count_nonzero(const struct index_writer *w)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < w->nodes; i++)
		n += index_bits_before(w->records[i].bits, NODE_BLOCKS);
	return n;
}

static int first_leaf(struct index_writer *w, uint64_t nonzero, struct hash *ret)
{
	*ret = hash_zero_block;
	if (w->size == 0 || w->size > BLOCK_SIZE || nonzero == 0)
		return 0;
	return read_fully(w->temp.fd, ret, sizeof(*ret), index_leaves_at(w->size));
}

/* part: h->root is set, and known is what the records make. */
static void make_header(struct index_writer *w, uint64_t nonzero, const struct sketch *sketch,
			const struct hash *leaf, const struct hash *part, struct index_header *h)
{
	struct digest_tower t;

	*h = (struct index_header){.version = INDEX_VERSION,
				   .size = w->size,
				   .nodes = w->nodes,
				   .nonzero = nonzero,
				   .n_hooks = sketch->n,
				   .hook_bits = sketch->bits};
	memcpy(h->magic, part ? INDEX_PART_MAGIC : INDEX_MAGIC, sizeof(h->magic));
	digest_tower_init(&t);
	for (uint64_t i = 0; i < w->nodes; i++)
		digest_tower_add(&t, &w->records[i].node);
	digest_tower_root(&t, w->size, leaf, part ? &h->known : &h->root);
	if (part)
		h->root = *part;
	digest_bytes(h, offsetof(struct index_header, sum), &h->sum);
}

static int complete(struct index_writer *w, const struct hash *part, struct sketch *sketch,
		    struct hash *ret_root)
{
	uint64_t nonzero, end;
	struct index_header head;
	struct hash leaf;
	int r;

	r = pack_leaves(w, &nonzero, sketch);
	if (r == 0)
		r = first_leaf(w, nonzero, &leaf);
	if (r < 0)
		return r;
	sketch_sort(sketch);
	make_header(w, nonzero, sketch, &leaf, part, &head);
	memcpy(w->map, &head, sizeof(head));
	end = index_leaves_at(w->size) + nonzero * HASH_SIZE;
	if (ftruncate(w->temp.fd, (off_t)(end + sketch->n * sizeof(*sketch->hooks))) < 0)
		return -errno;
	r = durable_pwrite(w->temp.fd, sketch->hooks, sketch->n * sizeof(*sketch->hooks), end);
	if (r == 0)
		r = durable_datasync(w->temp.fd);
	*ret_root = head.root;
	return r == 0 && !mapped_sound(w->map) ? -EIO : r;
}

static int finish(struct index_writer *w, const struct hash *part, struct hash *ret_root)
{
	char hex[HASH_HEX + 1], name[INDEX_NAME_MAX];
	struct sketch sketch;
	struct hash root;
	int r;

	if (w->temp.name[0] == '\0' || atomic_load(&w->seen) != w->nodes)
		return -EINVAL;
	sketch_init(&sketch, count_nonzero(w));
	r = complete(w, part, &sketch, &root);
	sketch_done(&sketch);
	snprintf(name, sizeof(name), "%s%s", r == 0 ? hash_hex(&root, hex) : "",
		 part ? INDEX_PART : "");
	if (r == 0)
		r = durable_temp_rename(&w->temp, name);
	if (r < 0)
		return r;
	*ret_root = root;
	return durable_dirsync(w->temp.dirfd);
}

int index_writer_finish(struct index_writer *w, struct hash *ret_root)
{
	return finish(w, NULL, ret_root);
}

int index_writer_finish_part(struct index_writer *w, const struct hash *root)
{
	struct hash same;

	return finish(w, root, &same);
}
