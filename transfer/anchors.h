/*
 * anchors.h: places in a content that its bytes themselves choose: the ends of 64-byte windows
 * whose hash begins with zeros, one in 512 or fewer. Where the same bytes lie in two contents, so
 * do the same anchors, whatever lies before them: this finds what was moved by a distance that is
 * no multiple of a block. An anchor only proposes; whoever uses it compares the bytes.
 *
 * On disk: `<root>.anchors` beside the index, made when it is first needed and never trusted.
 * Bounded: at most 8 Mi anchors a content (64 MiB); what is larger is sampled more thinly.
 */
#ifndef SPOKESYNC_TRANSFER_ANCHORS_H
#define SPOKESYNC_TRANSFER_ANCHORS_H

#include "transfer/index.h"

#define ANCHOR_WINDOW 64u
#define ANCHOR_SUFFIX ".anchors"
#define ANCHOR_TRIES  4u /* places looked up for one anchor, at most */

struct anchors; /* mapped, read-only; may be shared by threads */

/* Opens, or makes by reading fd (whose index is x) whole. Worker thread. */
int anchors_get(int dirfd, int fd, struct index *x, const volatile bool *cancel,
		struct anchors **ret) WARN_UNUSED;
struct anchors *anchors_free(struct anchors *a);
unsigned anchors_bits(const struct anchors *a); /* sampled 1 in 2^bits */
/* Blocks (at most ANCHOR_TRIES) in which a window with this print ends. Returns the count. */
unsigned anchors_find(const struct anchors *a, uint32_t print, uint32_t blocks[ANCHOR_TRIES]);

/* The scan itself: feed bytes in order. */
struct anchor_scan {
	uint64_t gear[256];
	uint64_t hash;
	uint64_t fed; /* bytes since the start, or since anchor_scan_reset() */
};
void anchor_scan_init(struct anchor_scan *s);
void anchor_scan_reset(struct anchor_scan *s);
/*
 * Goes on through data[*at .. len); true: *at is after the window of the next anchor, *print its
 * print, *bits how many leading zeros it has (>= bits asked for). false: no more.
 */
bool anchor_scan_next(struct anchor_scan *s, unsigned bits, const uint8_t *data, size_t len,
		      size_t *at, uint32_t *print, unsigned *ret_bits);

#endif
