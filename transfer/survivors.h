/*
 * survivors.h: what is still there of a base whose old bytes are gone: the blocks that a plan takes
 * from it lie in the new content too. A file that was replaced within an image leaves its old
 * blocks behind until they are used again, so this is most of what differences are made against.
 *
 * Only the plan is looked at; who reads compares each block with the base's leaf (old.h).
 */
#ifndef SPOKESYNC_TRANSFER_SURVIVORS_H
#define SPOKESYNC_TRANSFER_SURVIVORS_H

#include "transfer/delta.h"

struct survivors; /* immutable: may be shared by threads */

/* Of this base of the plan; NULL: nothing is left of it. */
struct survivors *survivors_new(const struct plan *p, unsigned base) WARN_UNUSED;
struct survivors *survivors_free(struct survivors *s);
/* Where blocks of the base lie in the new content: from `block` on *ret_n in a row. false: gone. */
bool survivors_where(const struct survivors *s, uint64_t block, uint64_t *ret_at, uint64_t *ret_n);
/* The block of the base that lies at this block of the new content. false: none. */
bool survivors_origin(const struct survivors *s, uint64_t at, uint64_t *ret_block);

#endif
