/*
 * retry.h: when to try again: exponential with full jitter, capped. Pure.
 */
#ifndef SPOKESYNC_POLICY_RETRY_H
#define SPOKESYNC_POLICY_RETRY_H

#include "policy/base.h"

/* Permanent refusals wait for a change of the world and are released by the fact that ends them. */
enum retry_class { RETRY_SOON, RETRY_BACKOFF, RETRY_ON_CHANGE, RETRY_NEVER };

/* Delay before attempt n (1 = first retry), microseconds; random is any 64 random bits. */
int64_t retry_delay(unsigned n, int64_t min_us, int64_t max_us, uint64_t random);

#endif
