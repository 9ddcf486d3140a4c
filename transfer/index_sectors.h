/*
 * index_sectors.h: 32 bits for each 512-byte sector of a content, kept beside its index where the
 * old bytes themselves cannot be kept (a filesystem that shares no blocks). When the content is
 * gone, they still say which sectors of a changed block are the old ones. Two sectors can have one
 * sum: what is built on that is proven by the node's hash, and costs the node where it is wrong.
 * The sums depend on a random number of the file's own, so no guest can choose sectors that have
 * one.
 *
 * On disk: `<root>.sectors`: a head of 64 bytes (magic, version, random number, number of blocks),
 * then 32 bytes for each non-zero block, in order: 0.8 % of the data, as much as the leaf hashes.
 */
#ifndef SPOKESYNC_TRANSFER_INDEX_SECTORS_H
#define SPOKESYNC_TRANSFER_INDEX_SECTORS_H

#include "transfer/index.h"

#define SECTOR_SIZE    512u
#define SECTORS	       (BLOCK_SIZE / SECTOR_SIZE) /* of a block */
#define SECTORS_SUFFIX ".sectors"

struct sector_sums {
	uint32_t s[SECTORS];
};

struct sectors; /* mapped, read-only; may be shared by threads */
struct sectors_writer;

/* x must outlive it. */
int sectors_open(int dirfd, struct index *x, struct sectors **ret) WARN_UNUSED;
struct sectors *sectors_free(struct sectors *s);
uint64_t sectors_size(const struct sectors *s); /* of the content */
/* Of a block of the content; NULL where it is zero, or past the end. */
const struct sector_sums *sectors_of(const struct sectors *s, uint64_t block);
/* Of other bytes, to be compared with that. */
uint32_t sectors_sum(const struct sectors *s, const uint8_t data[SECTOR_SIZE]);

int sectors_writer_new(int dirfd, uint64_t size, struct sectors_writer **ret) WARN_UNUSED;
/* data: the node's bytes, len of them. Thread-safe for different nodes; zero nodes may be left out.
 */
int sectors_writer_node(struct sectors_writer *w, uint64_t node, const uint8_t *data,
			size_t len) WARN_UNUSED;
/* x: the finished index of the same bytes. Not made durable: without it a delta costs more. */
int sectors_writer_finish(struct sectors_writer *w, const struct index *x) WARN_UNUSED;
struct sectors_writer *sectors_writer_free(struct sectors_writer *w);

#endif
