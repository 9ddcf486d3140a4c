/*
 * index_build_private.h: the builder and what one thread of it reads with, shared by index_build.c
 * (nodes), index_ahead.c (pieces, read while others are hashed) and index_reader.c (bytes).
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

#define PIECE_NODES 2u
#define PIECE	    (PIECE_NODES * NODE_SIZE)
/* Of one reader: threads that read, and pieces that are read, waiting or being hashed. */
#define FETCHERS 2u
#define PIECES	 4u

/* What one thread reads with. */
struct fetcher {
	struct reader *reader;
	struct bulk *bulk;
	uint64_t from, data_start, data_end; /* [from, data_start) is a hole, then data */
	uint64_t read;			     /* bytes, ever */
	pthread_t thread;
};

struct piece {
	uint64_t first, end;	/* nodes */
	bool read[PIECE_NODES]; /* its bytes are in buf; the others are done already */
	uint8_t *buf;
	STAILQ_ENTRY(piece) entry;
};
STAILQ_HEAD(piece_list, piece);

struct reader {
	struct index_builder *b;
	struct fetcher fetchers[FETCHERS];
	struct piece pieces[PIECES];
	struct anchors_batch *anchors; /* or NULL; the hashing thread's */
	const atomic_bool *cancel;
	SLIST_ENTRY(reader) entry;

	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct piece_list idle, ready;
	unsigned threads, running; /* of fetchers, in this share; those that go on */
	uint64_t taken, size;	   /* of this share: bytes read, bytes gone over */
	bool stop;
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

/* Takes the next piece of the file, unless all are taken. */
bool index_builder_claim(struct index_builder *b, uint64_t *ret_first, uint64_t *ret_end);
/* What of the piece needs no reading is done; the rest is read: the nodes that are to be hashed. */
int index_builder_fetch(struct fetcher *f, struct piece *p) WARN_UNUSED;
void index_builder_done(struct index_builder *b, const struct piece *p);

/* index_ahead.c. One that nobody has now, or a new one; it begins to read a share of the file. */
int index_ahead_start(struct index_builder *b, const atomic_bool *cancel,
		      struct reader **ret) WARN_UNUSED;
/* 1: *ret was read, and is the caller's until it gives it back; 0: the share is over; -errno. */
int index_ahead_next(struct reader *r, struct piece **ret) WARN_UNUSED;
void index_ahead_back(struct reader *r, struct piece *p);
void index_ahead_stop(struct reader *r); /* nothing is read any more; the reader is let go */
void index_ahead_free_idle(struct index_builder *b);

/* index_reader.c */
int index_reader_open(struct fetcher *f) WARN_UNUSED;
void index_reader_rest(struct fetcher *f); /* after a share */
void index_reader_close(struct fetcher *f);
/* The extent that holds offset, or the next one: [data_start, data_end). At the end: from size on.
 */
int index_reader_find_data(struct fetcher *f, uint64_t offset) WARN_UNUSED;
/* Reads what is not trusted of the blocks [first, end), each to its place in buf; holes are zeros.
 */
int index_reader_blocks(struct fetcher *f, uint64_t first, uint64_t end, uint8_t *buf) WARN_UNUSED;

#endif
