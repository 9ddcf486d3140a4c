/*
 * delta.h: bases and a new content -> a plan: how the output's nodes are tiled into frames and
 * what each block of them is made of (tier 1: same place, zero, the same block anywhere in the
 * bases, literal). Works on indexes only and reads no image. Where old bytes are at hand, literals
 * are compared with them when a frame is encoded (patch.h), which leaves the tiling as it is.
 *
 * P = SHA-256(format version, new root, ordered base roots, options) fixes the tiling, whatever
 * the effort and whatever a spoke already has. In place of the root of a base that is known in part
 * only stands a hash of what is known of it.
 */
#ifndef SPOKESYNC_TRANSFER_DELTA_H
#define SPOKESYNC_TRANSFER_DELTA_H

#include "transfer/frame.h"
#include "transfer/index.h"

struct plan_frame {
	uint32_t first_node, n_nodes;
	struct op *ops;
	uint32_t n_ops;
	uint64_t literal_bytes;
};

struct plan {
	struct hash id; /* P */
	struct hash root;
	uint64_t size;
	uint32_t n_bases;
	struct hash bases[FRAME_BASES_MAX];
	struct plan_frame *frames;
	uint32_t n_frames;
	uint64_t literal_bytes, copy_bytes, same_bytes, zero_bytes; /* of the whole plan */
	uint64_t moved_bytes; /* of the copies: not as in the lineage base, so written anew */
};

/* Worker thread. bases in order: the first is the lineage base. Takes references of nothing. */
int plan_make(struct index *new_index, struct index *const *bases, unsigned n_bases,
	      const atomic_bool *cancel, struct plan **ret) WARN_UNUSED;
struct plan *plan_free(struct plan *p);
/* P of such a plan. bases: index_plan_name() of each, its root unless it is known in part only. */
void plan_id(const struct hash *root, const struct hash *bases, unsigned n_bases, struct hash *ret);

#endif
