/*
 * learn.h: what a hub learns of a content that it does not know (one put on a spoke by hand, or
 * drifted, or published by a hub that lost its state): where it equals a new content, of which the
 * index is at hand. Questions out, answers in; no I/O but the index, and what it writes at the end.
 *
 * Model. Level by level (tree.h) the pieces that differ are asked for in finer ones: 1 MiB, 64 KiB,
 * 4 KiB, by hashes of 8 bytes. Then every node that seems to be wholly equal is asked for once more
 * by a whole hash, 256 nodes at a time: so nodes are taken over as the same for certain, and a
 * short hash that lies, by chance or because a guest made it lie, is found out or stands for single
 * blocks of a node that is hashed when it was built. Of a node that is found out nothing is
 * believed. Blocks that lie elsewhere than in the new content are found among those that were asked
 * for one by one.
 *
 * Bounded: what was asked in vain is at most 1/4096 of the content and 64 KiB, both ways; beyond
 * that every byte must have found 64 that need not be sent. So 20 GB that have nothing in common
 * with the new content cost 5 MB. Memory: 1 bit a block, and 24 MiB at most for blocks elsewhere.
 */
#ifndef SPOKESYNC_TRANSFER_LEARN_H
#define SPOKESYNC_TRANSFER_LEARN_H

#include "transfer/tree.h"

#define LEARN_SIZE_MAX ((uint64_t)4 << 40) /* of contents that are asked for; 128 MiB of bits */

struct learn;

struct learn_stats {
	uint64_t equal;	 /* bytes that equal the new content's at the same place, as far as known */
	uint64_t moved;	 /* bytes that lie elsewhere in the new content */
	uint64_t hashes; /* asked for so far */
	uint64_t lies;	 /* nodes whose short hashes lied */
	unsigned percent; /* of the questions, about */
	bool cut;	  /* not all was asked: it was not worth it */
};

/* new_index: a reference is taken. -EFBIG: a content above LEARN_SIZE_MAX. */
int learn_new(struct index *new_index, const struct hash *base, uint64_t base_size,
	      struct learn **ret) WARN_UNUSED;
struct learn *learn_free(struct learn *l);

/* The next question; its runs live until the next call. False: nothing is left to ask. */
bool learn_next(struct learn *l, struct tree_ask *ret);
/* The answer to the last question. -EBADMSG: it is no answer to it; -ECANCELED. */
int learn_answer(struct learn *l, const struct tree_answer *a, const atomic_bool *cancel,
		 struct err *e) WARN_UNUSED;
/*
 * Writes what is known as an index in part (index.h) into the directory, together with what such a
 * file already says of other blocks. Nothing is written where nothing is known.
 */
int learn_write(struct learn *l, int index_dirfd, const atomic_bool *cancel) WARN_UNUSED;
/* Any thread, while another works on it: the figures may lag. */
void learn_stats(const struct learn *l, struct learn_stats *ret);

#endif
