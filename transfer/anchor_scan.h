/*
 * anchor_scan.h: the places in a run of bytes that the bytes themselves choose: the ends of 64-byte
 * windows whose hash begins with zeros. The same bytes have the same anchors wherever they lie.
 */
#ifndef SPOKESYNC_TRANSFER_ANCHOR_SCAN_H
#define SPOKESYNC_TRANSFER_ANCHOR_SCAN_H

#include "policy/base.h"

#define ANCHOR_WINDOW 64u

/* Feed bytes in order. */
struct anchor_scan {
	uint64_t gear[256];
	uint64_t hash;
	uint64_t fed; /* bytes since the start, or since anchor_scan_reset(); counts to a window */
};

struct anchor {
	uint32_t print; /* of its window */
	unsigned bits;	/* leading zeros of its hash */
};

void anchor_scan_init(struct anchor_scan *s);
void anchor_scan_reset(struct anchor_scan *s);
/*
 * Goes on through data[*at .. len); true: *at is after the window of the next anchor, which has at
 * least so many bits (1 .. 63). false: no more.
 */
bool anchor_scan_next(struct anchor_scan *s, unsigned bits, const uint8_t *data, size_t len,
		      size_t *at, struct anchor *ret);

#endif
