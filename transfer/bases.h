/*
 * bases.h: which contents that a spoke holds are worth building a new one from: the lineage base
 * first, then up to four that contain most of the rest, found by comparing sampled leaf hashes
 * (hooks: leaves whose first bits are zero, 1 in 64) of the indexes. Containment, not resemblance:
 * a small differencing image inside a large merged one counts.
 */
#ifndef SPOKESYNC_TRANSFER_BASES_H
#define SPOKESYNC_TRANSFER_BASES_H

#include "transfer/index.h"

#define BASES_CONTAIN_MAX 4
#define BASES_CHOSEN_MAX  (1 + BASES_CONTAIN_MAX)

/*
 * Worker thread. lineage may be NULL (a new name). held: roots that the spoke holds and that have
 * an index under index_dirfd, if only in part (those without one are passed over). ret: room for
 * BASES_CHOSEN_MAX. Deterministic for the same arguments, so that spokes in the same state share
 * one plan.
 */
int bases_choose(int index_dirfd, const struct hash *new_root, const struct hash *lineage,
		 const struct hash *held, size_t n_held, const atomic_bool *cancel,
		 struct hash *ret, unsigned *ret_n) WARN_UNUSED;
/* About how much of a content these bases contain, by its hooks. Worker thread. */
int bases_cover(int index_dirfd, const struct hash *root, const struct hash *bases, unsigned n,
		unsigned *ret_percent) WARN_UNUSED;

#endif
