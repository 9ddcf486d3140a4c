/*
 * sketch.h: a content seen through a sample of its blocks. A hook is the first 8 bytes of a leaf
 * hash whose top `bits` bits are zero: 1 block in 2^bits, the same blocks in every content. So the
 * hooks of one content that are found in another say how much of it is contained there. A sketch
 * sampled more finely is cut down to a coarser one: ascending order makes that its beginning.
 */
#ifndef SPOKESYNC_TRANSFER_SKETCH_H
#define SPOKESYNC_TRANSFER_SKETCH_H

#include "transfer/digest.h"

struct sketch {
	unsigned bits;
	size_t n, room;
	uint64_t *hooks;
};

/* For a content of so many non-zero blocks: 1 in 64, finer for small ones, coarser for huge. */
void sketch_init(struct sketch *s, uint64_t nonzero_blocks);
void sketch_done(struct sketch *s);
void sketch_add(struct sketch *s, const struct hash *leaf);
void sketch_sort(struct sketch *s); /* ascending, each once; after the last sketch_add() */
/* How many of the first hooks have these top bits zero. */
size_t sketch_cut(const uint64_t *hooks, size_t n, unsigned bits);

#endif
