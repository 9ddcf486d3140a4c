/*
 * index_sectors.c: see index_sectors.h. While it is made every node has 4 KiB of its own in the
 * temporary; finish() moves what belongs to non-zero blocks together, which never overtakes what is
 * still to be read: as index_writer.c does with leaves.
 */
#include "transfer/index_sectors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <xxhash.h>

#include "transfer/durable.h"
#include "transfer/flat.h"

#define HEAD_SIZE 64u

static const char magic[8] = "SSYNCSEC";

struct head {
	char magic[8];
	uint32_t version, zero;
	uint64_t seed, blocks;
	uint8_t zeros[32];
};
_Static_assert(sizeof(struct head) == HEAD_SIZE, "head of a file of sectors");
_Static_assert(sizeof(struct sector_sums) * NODE_BLOCKS == BLOCK_SIZE, "a node's sums");

struct sectors {
	struct index *index;
	struct flat map;
	const struct head *head;
	const struct sector_sums *sums;
};

struct sectors_writer {
	struct durable_temp temp;
	uint64_t size, seed;
};

static uint32_t sum_of(uint64_t seed, const uint8_t *data)
{
	return (uint32_t)XXH3_64bits_withSeed(data, SECTOR_SIZE, seed);
}

int sectors_open(int dirfd, struct index *x, struct sectors **ret)
{
	char hex[HASH_HEX + 1], name[HASH_HEX + sizeof(SECTORS_SUFFIX)];
	struct sectors *s;
	struct flat map;
	int r;

	snprintf(name, sizeof(name), "%s" SECTORS_SUFFIX, hash_hex(index_root(x), hex));
	r = flat_map(dirfd, name, HEAD_SIZE, &map);
	if (r < 0)
		return r;
	s = xcalloc(1, sizeof(*s));
	s->index = x;
	s->map = map;
	s->head = map.data;
	s->sums = (const void *)(s->head + 1);
	if (memcmp(s->head->magic, magic, sizeof(magic)) != 0 || s->head->version != 1 ||
	    s->head->blocks != index_nonzero_blocks(x) ||
	    sizeof(*s->head) + s->head->blocks * sizeof(*s->sums) != map.len) {
		sectors_free(s);
		return -EBADMSG;
	}
	*ret = s;
	return 0;
}

struct sectors *sectors_free(struct sectors *s)
{
	if (s != NULL)
		flat_unmap(&s->map);
	free(s);
	return NULL;
}

uint64_t sectors_size(const struct sectors *s)
{
	return index_size(s->index);
}

const struct sector_sums *sectors_of(const struct sectors *s, uint64_t block)
{
	if (block >= blocks_of(index_size(s->index)) || index_block_is_zero(s->index, block))
		return NULL;
	return &s->sums[index_rank(s->index, block)];
}

uint32_t sectors_sum(const struct sectors *s, const uint8_t data[SECTOR_SIZE])
{
	return sum_of(s->head->seed, data);
}

int sectors_writer_new(int dirfd, uint64_t size, struct sectors_writer **ret)
{
	struct sectors_writer *w = xcalloc(1, sizeof(*w));
	int r = durable_temp_new(dirfd, INDEX_TEMP, &w->temp);

	w->size = size;
	if (r == 0 && getrandom(&w->seed, sizeof(w->seed), 0) != sizeof(w->seed))
		r = -errno;
	if (r < 0)
		sectors_writer_free(w);
	else
		*ret = w;
	return r;
}

struct sectors_writer *sectors_writer_free(struct sectors_writer *w)
{
	if (w != NULL)
		durable_temp_done(&w->temp);
	free(w);
	return NULL;
}

int sectors_writer_node(struct sectors_writer *w, uint64_t node, const uint8_t *data, size_t len)
{
	uint32_t sums[BLOCK_SIZE / sizeof(uint32_t)] = {0};
	uint8_t tail[SECTOR_SIZE] = {0};
	size_t n = 0, at = 0;

	for (; at + SECTOR_SIZE <= len; at += SECTOR_SIZE)
		sums[n++] = sum_of(w->seed, data + at);
	if (at < len) {
		memcpy(tail, data + at, len - at);
		sums[n++] = sum_of(w->seed, tail);
	}
	return durable_pwrite(w->temp.fd, sums, sizeof(sums), HEAD_SIZE + node * BLOCK_SIZE);
}

static int read_node(int fd, uint64_t node, struct sector_sums *ret)
{
	ssize_t n = pread(fd, ret, BLOCK_SIZE, (off_t)(HEAD_SIZE + node * BLOCK_SIZE));

	if (n < 0)
		return -errno;
	return n == (ssize_t)BLOCK_SIZE ? 0 : -EIO;
}

static bool node_is_zero(const struct index *x, uint64_t first, uint64_t end)
{
	while (first < end && index_block_is_zero(x, first))
		first++;
	return first == end;
}

static int pack(struct sectors_writer *w, const struct index *x)
{
	struct sector_sums in[NODE_BLOCKS], out[NODE_BLOCKS];
	uint64_t blocks = blocks_of(w->size), rank = 0;
	int r = 0;

	for (uint64_t node = 0; r == 0 && node < nodes_of(w->size); node++) {
		uint64_t first = node * NODE_BLOCKS, end = MIN(first + NODE_BLOCKS, blocks);
		unsigned n = 0;

		if (node_is_zero(x, first, end))
			continue;
		r = read_node(w->temp.fd, node, in);
		for (uint64_t i = first; i < end; i++)
			if (!index_block_is_zero(x, i))
				out[n++] = in[i - first];
		/* Where nothing was left out so far, it lies in its place already. */
		if (r == 0 && (rank != first || n != NODE_BLOCKS))
			r = durable_pwrite(w->temp.fd, out, n * sizeof(*out),
					   HEAD_SIZE + rank * sizeof(*out));
		rank += n;
	}
	return r;
}

int sectors_writer_finish(struct sectors_writer *w, const struct index *x)
{
	struct head head = {.version = 1, .seed = w->seed, .blocks = index_nonzero_blocks(x)};
	char hex[HASH_HEX + 1], name[HASH_HEX + sizeof(SECTORS_SUFFIX)];
	int r;

	if (w->temp.name[0] == '\0' || index_size(x) != w->size)
		return -EINVAL;
	memcpy(head.magic, magic, sizeof(magic));
	r = pack(w, x);
	if (r == 0 && ftruncate(w->temp.fd,
				(off_t)(HEAD_SIZE + head.blocks * sizeof(struct sector_sums))) < 0)
		r = -errno;
	if (r == 0)
		r = durable_pwrite(w->temp.fd, &head, sizeof(head), 0);
	snprintf(name, sizeof(name), "%s" SECTORS_SUFFIX, hash_hex(index_root(x), hex));
	return r == 0 ? durable_temp_rename(&w->temp, name) : r;
}
