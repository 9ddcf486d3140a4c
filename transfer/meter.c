/*
 * meter.c: a ring of tenths of a second. Knows nothing of what is measured.
 */
#include "transfer/meter.h"

#define TENTH_US     100000
#define SECOND_SLOTS 10

void meter_init(struct meter *m, struct mono now)
{
	*m = (struct meter){.at = now.us / TENTH_US, .since = now.us / TENTH_US};
}

static uint64_t *slot(struct meter *m, int64_t tenth)
{
	return &m->slot[(uint64_t)tenth % METER_SLOTS];
}

static void advance(struct meter *m, struct mono now)
{
	int64_t to = now.us / TENTH_US;

	if (to - m->at > METER_SLOTS) { /* everything is older than the ring */
		for (size_t i = 0; i < METER_SLOTS; i++)
			m->slot[i] = 0;
		m->second = 0;
		m->at = to;
	}
	while (m->at < to) {
		m->at++;
		m->second -= *slot(m, m->at - SECOND_SLOTS);
		*slot(m, m->at) = 0;
	}
}

void meter_add(struct meter *m, uint64_t bytes, struct mono now)
{
	advance(m, now);
	*slot(m, m->at) += bytes;
	m->second += bytes;
	m->peak = MAX(m->peak, m->second);
}

uint64_t meter_peak(const struct meter *m)
{
	return m->peak;
}

double meter_rate(struct meter *m, struct mono now)
{
	uint64_t sum = 0;
	int64_t tenths;

	advance(m, now);
	for (size_t i = 0; i < METER_SLOTS; i++)
		sum += m->slot[i];
	/* The newest slot is not over yet: without it a steady rate would read too low. */
	tenths = MIN(m->at - m->since, (int64_t)METER_SLOTS - 1);
	if (tenths < 1)
		return 0;
	return (double)(sum - *slot(m, m->at)) * 10.0 / (double)tenths;
}
