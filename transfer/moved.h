/*
 * moved.h: where in the bases are these blocks of the new content? A table over the leaf hashes of
 * the wanted blocks, then one sequential pass over the leaves of each base. Its memory is bounded
 * (32 MiB): a caller with more blocks asks in several rounds, and the answers are the same.
 *
 * Each hash is answered with its first place: lowest base, lowest block. Every answer was compared
 * in all 32 bytes. The table's order depends on a random number, so no guest can choose blocks that
 * collide in it; the answers do not.
 */
#ifndef SPOKESYNC_TRANSFER_MOVED_H
#define SPOKESYNC_TRANSFER_MOVED_H

#include "transfer/index.h"

struct moved;

struct moved *moved_new(const struct index *new_index, struct index *const *bases, unsigned n_bases,
			const atomic_bool *cancel) WARN_UNUSED;
struct moved *moved_free(struct moved *m);

void moved_clear(struct moved *m);
bool moved_has_room(const struct moved *m, unsigned blocks);
void moved_want(struct moved *m, uint64_t block); /* of the new content, not zero */
int moved_scan(struct moved *m) WARN_UNUSED;	  /* 0 or -ECANCELED */
/* A NULL table has nothing. */
bool moved_find(const struct moved *m, const struct hash *leaf, uint32_t *ret_base,
		uint64_t *ret_block);

#endif
