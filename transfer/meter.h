/*
 * meter.h: bytes per second as measured: lately (5 s), and in the busiest second so far. Pure:
 * time is an argument. The resolution is a tenth of a second.
 */
#ifndef SPOKESYNC_TRANSFER_METER_H
#define SPOKESYNC_TRANSFER_METER_H

#include "policy/base.h"

#define METER_SLOTS 50u /* tenths of a second */

struct meter {
	uint64_t slot[METER_SLOTS];
	int64_t at; /* the newest slot, in tenths of a second of the monotonic clock */
	int64_t since;
	uint64_t second; /* sum of the newest ten slots */
	uint64_t peak;
};

void meter_init(struct meter *m, struct mono now);
void meter_add(struct meter *m, uint64_t bytes, struct mono now);
uint64_t meter_peak(const struct meter *m);	     /* bytes in the busiest second */
double meter_rate(struct meter *m, struct mono now); /* bytes/s over the last 5 s */

#endif
