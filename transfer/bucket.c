/*
 * bucket.c: token bucket arithmetic in 64 bits. Knows no clock, no tree and no socket.
 */
#include "transfer/bucket.h"

#define DEPTH_PER_S   25 /* 40 ms */
#define QUANTUM_PER_S 50 /* 20 ms */
#define MILLION	      ((uint64_t)1000000)
#define DEBT_MAX      ((int64_t)1 << 60)

uint64_t bucket_quantum(uint64_t rate)
{
	uint64_t q = rate / QUANTUM_PER_S;

	return MIN(MAX(q, BUCKET_QUANTUM_MIN), BUCKET_QUANTUM_MAX);
}

uint64_t bucket_depth(uint64_t rate)
{
	if (rate == 0)
		return 0;
	return MAX(MIN(rate, BUCKET_RATE_MAX) / DEPTH_PER_S, 2 * bucket_quantum(rate));
}

bool bucket_limited(const struct bucket *b)
{
	return b->rate != RATE_UNLIMITED;
}

static uint64_t sane(uint64_t rate)
{
	return rate == RATE_UNLIMITED ? rate : MIN(rate, BUCKET_RATE_MAX);
}

void bucket_init(struct bucket *b, uint64_t rate, struct mono now)
{
	*b = (struct bucket){.rate = sane(rate), .at = now};
}

void bucket_set_rate(struct bucket *b, uint64_t rate, struct mono now)
{
	int64_t depth;

	bucket_refill(b, now);
	b->rate = sane(rate);
	depth = bucket_limited(b) ? (int64_t)bucket_depth(b->rate) : 0;
	if (b->tokens >= depth) {
		b->tokens = depth;
		b->rest = 0;
	}
	/* A debt made at a high rate would be for ever at a low one: the past is past. */
	b->tokens = MAX(b->tokens, -depth);
}

void bucket_refill(struct bucket *b, struct mono now)
{
	int64_t us = now.us - b->at.us, depth;
	uint64_t seconds, part;

	if (us <= 0)
		return;
	b->at = now;
	if (!bucket_limited(b) || b->rate == 0)
		return;
	depth = (int64_t)bucket_depth(b->rate);
	seconds = (uint64_t)us / MILLION;
	/* Whole seconds first, so that no product leaves 64 bits however long ago it was. */
	if (seconds > (uint64_t)(depth - b->tokens) / b->rate) {
		b->tokens = depth;
		b->rest = 0;
		return;
	}
	part = (uint64_t)us % MILLION * b->rate + b->rest;
	b->tokens += (int64_t)(seconds * b->rate + part / MILLION);
	b->rest = part % MILLION;
	if (b->tokens >= depth) {
		b->tokens = depth;
		b->rest = 0;
	}
}

void bucket_take(struct bucket *b, uint64_t bytes)
{
	if (bucket_limited(b))
		b->tokens = MAX(b->tokens - (int64_t)MIN(bytes, (uint64_t)DEBT_MAX), -DEBT_MAX);
}

void bucket_give(struct bucket *b, uint64_t bytes)
{
	int64_t depth;

	if (!bucket_limited(b))
		return;
	depth = (int64_t)bucket_depth(b->rate);
	b->tokens = MIN(b->tokens + (int64_t)MIN(bytes, (uint64_t)DEBT_MAX), depth);
}

int64_t bucket_wait_us(const struct bucket *b, uint64_t need)
{
	uint64_t missing, us;

	if (!bucket_limited(b) || b->tokens >= (int64_t)need)
		return 0;
	if (b->rate == 0 || need > bucket_depth(b->rate))
		return INT64_MAX;
	missing = (uint64_t)((int64_t)need - b->tokens);
	if (missing / b->rate > (uint64_t)INT64_MAX / MILLION / 2)
		return INT64_MAX;
	us = missing / b->rate * MILLION;
	/* Rounded up: a timer that is a microsecond early finds nothing and spins. */
	us += (missing % b->rate * MILLION - MIN(b->rest, missing % b->rate * MILLION) + b->rate -
	       1) /
	      b->rate;
	return (int64_t)us;
}
