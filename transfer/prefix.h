/*
 * prefix.h: which old blocks the literals that are left in a frame are likely to resemble: those
 * beside what was copied, and those at the same place. Compressed with these blocks as a prefix,
 * literals that changed in many small places cost a fraction. Whether a prefix pays, the encoder
 * finds out by trying (frame_estimate()).
 */
#ifndef SPOKESYNC_TRANSFER_PREFIX_H
#define SPOKESYNC_TRANSFER_PREFIX_H

#include "transfer/patch.h"

struct prefix {
	struct prefix_run *runs;
	uint32_t n;
	uint8_t *bytes; /* of all runs, one after another */
};

/*
 * Worker thread. For the ops of p, which patch_frame() made of f's, with the same bases. Sets *ret
 * (prefix_done); n is 0 where there is nothing to offer, and where a base could not be read (it is
 * let go of then).
 */
void prefix_make(const struct plan_frame *f, uint64_t size, const struct patched *p,
		 struct patch_base *bases, unsigned n_bases, struct prefix *ret);
void prefix_done(struct prefix *p);

#endif
