/*
 * retry.c: exponential backoff. The ceiling doubles from twice min_us up to max_us, and the delay
 * is drawn evenly between min_us and the ceiling ("full jitter"), so that thirty spokes that lost
 * one hub at one time do not come back at one time.
 */
#include "policy/retry.h"

int64_t retry_delay(unsigned n, int64_t min_us, int64_t max_us, uint64_t random)
{
	int64_t ceiling = min_us;

	if (max_us <= min_us)
		return min_us;
	/* Zero would never grow. */
	if (ceiling < 1)
		ceiling = 1;
	for (unsigned i = 0; i < n && ceiling < max_us; i++)
		ceiling = ceiling > max_us / 2 ? max_us : ceiling * 2;
	return min_us + (int64_t)(((unsigned __int128)random * (uint64_t)(ceiling - min_us)) >> 64);
}
