/*
 * anchors.h: the anchors of a content (anchor_scan.h), one in 512 bytes or fewer. Where the same
 * bytes lie in two contents, so do the same anchors, whatever lies before them: this finds what was
 * moved by a distance that is no multiple of a block. An anchor only proposes; whoever uses it
 * compares the bytes.
 *
 * Windows lie within one block, so a block has the same anchors in every content: those of blocks
 * that are known to be another content's are taken from there (anchors_writer.h). One window in 65
 * is lost by that.
 *
 * On disk: `<root>.anchors` beside the index, made with it for large files and else when it is
 * first needed; never trusted. Bounded: at most 8 Mi anchors a content (64 MiB); what is larger is
 * sampled more thinly.
 */
#ifndef SPOKESYNC_TRANSFER_ANCHORS_H
#define SPOKESYNC_TRANSFER_ANCHORS_H

#include "transfer/anchor_scan.h"
#include "transfer/index.h"

#define ANCHOR_SUFFIX ".anchors"
#define ANCHOR_TRIES  4u /* places looked up for one anchor, at most */

struct anchors; /* mapped, read-only; may be shared by threads */

/* -ENOENT: they were not made yet. */
int anchors_open(int dirfd, const struct hash *root, struct anchors **ret) WARN_UNUSED;
/* Opens, or makes by reading fd (whose index is x) whole. Worker thread. */
int anchors_get(int dirfd, int fd, struct index *x, const atomic_bool *cancel,
		struct anchors **ret) WARN_UNUSED;
struct anchors *anchors_free(struct anchors *a);
unsigned anchors_bits(const struct anchors *a); /* sampled 1 in 2^bits */
/* Blocks (at most ANCHOR_TRIES) in which a window with this print ends. Returns the count. */
unsigned anchors_find(const struct anchors *a, uint32_t print, uint32_t blocks[ANCHOR_TRIES]);

#endif
