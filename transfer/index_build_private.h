/*
 * index_build_private.h: the builder and what one thread of it reads with, shared by index_build.c
 * (nodes) and index_reader.c (bytes).
 */
#ifndef SPOKESYNC_TRANSFER_INDEX_BUILD_PRIVATE_H
#define SPOKESYNC_TRANSFER_INDEX_BUILD_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "transfer/anchors_writer.h"
#include "transfer/bulkio.h"
#include "transfer/extents.h"
#include "transfer/index_build.h"
#include "transfer/index_sectors.h"
#include "transfer/source.h"

#define PIECE_NODES 8u
#define PIECE	    (PIECE_NODES * NODE_SIZE)

struct reader {
	struct index_builder *b;
	struct bulk *bulk;
	uint8_t *buf;			     /* PIECE */
	struct anchors_batch *anchors;	     /* or NULL */
	uint64_t from, data_start, data_end; /* [from, data_start) is a hole, then data */
	uint64_t read, trusted;		     /* since it was taken */
	SLIST_ENTRY(reader) entry;
};

struct index_builder {
	int fd;
	const struct index_trust *trust;
	struct identity identity;
	uint64_t size;
	struct index_writer *writer;
	struct sectors_writer *sectors; /* or NULL */
	struct anchors_writer *anchors; /* or NULL */
	struct anchors *base_anchors;	/* those of trust->base, if anchors is set */
	struct hash zeros[NODE_BLOCKS];
	atomic_uint_fast64_t next; /* piece */
	atomic_uint_fast64_t done, read, trusted;
	atomic_int error;
	pthread_mutex_t lock; /* of idle */
	SLIST_HEAD(, reader) idle;
};

static inline bool index_builder_trusts(const struct index_builder *b, uint64_t block)
{
	return b->trust != NULL && extents_same(b->trust->same, block);
}

/* One that nobody has now, or a new one. */
int index_reader_get(struct index_builder *b, struct reader **ret) WARN_UNUSED;
void index_reader_put(struct reader *r);
void index_reader_free_idle(struct index_builder *b);
/* The extent that holds offset, or the next one: [data_start, data_end). At the end: from size on.
 */
int index_reader_find_data(struct reader *r, uint64_t offset) WARN_UNUSED;
/* Reads what is not trusted of the blocks [first, end), a piece at most, each to its place in buf;
 * holes are zeros. */
int index_reader_blocks(struct reader *r, uint64_t first, uint64_t end) WARN_UNUSED;

#endif
