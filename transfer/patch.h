/*
 * patch.h: literals of a frame, compared with old bytes: what of them lies in a base, at the same
 * place but for some bytes, or elsewhere at any distance, becomes PATCH operations; what is left
 * are fewer literals. Every byte that is copied was compared: anchors only propose. Where a base's
 * bytes are gone its sector sums are compared instead, at the same place, and where its anchors say
 * that the bytes have moved by whole sectors, as the blocks of a dynamic VHD do; the spoke's proof
 * is the last word on those.
 */
#ifndef SPOKESYNC_TRANSFER_PATCH_H
#define SPOKESYNC_TRANSFER_PATCH_H

#include "transfer/anchors.h"
#include "transfer/delta.h"
#include "transfer/index_sectors.h"
#include "transfer/old.h"

struct patch_base {
	struct old *old; /* NULL: its bytes are not at hand */
	const struct anchors
		*anchors; /* of what old reads. NULL: only the same place is looked at */
	const struct sectors *sectors; /* what is known of bytes that are gone, or NULL */
	const struct anchors *gone;    /* and where anchors were in them; or NULL */
};

struct patched {
	struct op *ops; /* as many as before */
	struct part *parts;
	uint32_t n_parts;
	uint64_t literals_len;
};

/*
 * Worker thread. literals: those of f, one after another; what remains of them is moved to their
 * beginning. A base that cannot be read is let go of (old_close, NULL), not an error. 0 and *ret
 * (patched_done), or -ECANCELED.
 */
int patch_frame(const struct plan_frame *f, uint64_t size, uint8_t *literals,
		struct patch_base *bases, unsigned n_bases, const atomic_bool *cancel,
		struct patched *ret) WARN_UNUSED;
void patched_done(struct patched *p);

#endif
