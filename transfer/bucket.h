/*
 * bucket.h: one token bucket. Pure: time is an argument.
 *
 * Tokens are bytes. They grow by rate x time, exactly: what division leaves over is kept, so the
 * long-run mean is the rate itself. They never exceed the depth, 40 ms of rate but at least two
 * quanta, so in any time t no more than depth + rate x t can be taken without going into debt; a
 * debt (bytes that went before they could be counted) is paid off before anything is to be had.
 *
 * 40 ms, because the promise is 1.5 times the rate over any 100 ms at the receiver: a depth of 50
 * ms is that to the byte, and leaves nothing for what the kernel and the path delay.
 */
#ifndef SPOKESYNC_TRANSFER_BUCKET_H
#define SPOKESYNC_TRANSFER_BUCKET_H

#include "policy/base.h"
#include "policy/units.h"

#define BUCKET_RATE_MAX                                                           \
	((uint64_t)1 << 43) /* 8 TiB/s: a microsecond count times it fits 63 bits \
			     */
#define BUCKET_QUANTUM_MIN 1400u
#define BUCKET_QUANTUM_MAX (16u << 10)

struct bucket {
	uint64_t rate; /* bytes/s; RATE_UNLIMITED: holds nothing back; 0: gives nothing */
	int64_t tokens;
	uint64_t rest;	/* millionths of a byte */
	struct mono at; /* when tokens and rest were true */
};

uint64_t bucket_quantum(uint64_t rate); /* 20 ms of rate, within 1400 B .. 16 KiB */
uint64_t bucket_depth(uint64_t rate);

void bucket_init(struct bucket *b, uint64_t rate, struct mono now); /* empty */
/* Bites at once: tokens, and debts, are clipped to the new depth. */
void bucket_set_rate(struct bucket *b, uint64_t rate, struct mono now);
void bucket_refill(struct bucket *b, struct mono now);
bool bucket_limited(const struct bucket *b);
void bucket_take(struct bucket *b, uint64_t bytes); /* may go into debt */
void bucket_give(struct bucket *b, uint64_t bytes); /* taken, but never used */
/* Microseconds after the last refill until there are need tokens; INT64_MAX: never. */
int64_t bucket_wait_us(const struct bucket *b, uint64_t need);

#endif
