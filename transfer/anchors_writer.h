/*
 * anchors_writer.h: collects a content's anchors, of its blocks in any order and by any number of
 * threads, and writes their file. What comes out depends on the blocks alone: one window in 512 is
 * an anchor, or as few as it takes to stay within the bound.
 *
 * Memory: what is collected lies in a mapped temporary, not in anonymous memory: eight large files
 * may be indexed at a time.
 */
#ifndef SPOKESYNC_TRANSFER_ANCHORS_WRITER_H
#define SPOKESYNC_TRANSFER_ANCHORS_WRITER_H

#include "transfer/anchors.h"

#define ANCHOR_BITS	    9u	/* one anchor in 512 bytes; beside sector sums half as many: */
#define ANCHOR_BITS_SECTORS 10u /* all that is kept of a content is at most 2.5 % of it */

struct anchors_writer;
/* What a thread has found and not handed over yet. */
struct anchors_batch;

/* size: of the content; bits: sampled 1 in 2^bits, or more thinly. */
int anchors_writer_new(int dirfd, uint64_t size, unsigned bits,
		       struct anchors_writer **ret) WARN_UNUSED;
struct anchors_batch *anchors_batch_new(struct anchors_writer *w) WARN_UNUSED;
/* A block's bytes, up to BLOCK_SIZE of them; zero blocks need not come. */
void anchors_batch_block(struct anchors_batch *b, uint64_t block, const uint8_t *data, size_t len);
/* Hands over what is left. */
struct anchors_batch *anchors_batch_free(struct anchors_batch *b);
/*
 * Adds those of another content, in the blocks whose bit is set in same (extents_same()): as thin
 * as these are. -E2BIG: that would be too many, and how many zeros each had is not known any more.
 */
int anchors_writer_take(struct anchors_writer *w, const struct anchors *a,
			const uint8_t *same) WARN_UNUSED;
/* After all batches are freed. Not made durable: what is lost is made again when it is needed. */
int anchors_writer_finish(struct anchors_writer *w, const struct hash *root) WARN_UNUSED;
struct anchors_writer *anchors_writer_free(struct anchors_writer *w);

#endif
