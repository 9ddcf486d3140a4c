/*
 * pairing.c: see pairing.h.
 */
#include "scheduler/pairing.h"

#include <string.h>

void pairing_begin(struct pairing *p, const uint8_t secret[JOINCODE_SECRET], struct mono now)
{
	memcpy(p->secret, secret, JOINCODE_SECRET);
	p->until.us = now.us + PAIRING_LIFE_S * SECOND_US;
	p->tries = PAIRING_TRIES;
}

void pairing_end(struct pairing *p)
{
	explicit_bzero(p, sizeof(*p));
}

bool pairing_alive(const struct pairing *p, struct mono now)
{
	return p->tries > 0 && now.us < p->until.us;
}

/* Takes the same time wherever the first difference is. */
static bool same(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t differs = 0;

	for (size_t i = 0; i < JOINCODE_SECRET; i++)
		differs |= a[i] ^ b[i];
	return differs == 0;
}

enum pairing_result pairing_try(struct pairing *p, const uint8_t secret[JOINCODE_SECRET],
				struct mono now)
{
	enum pairing_result result = PAIRING_GOOD;

	if (!pairing_alive(p, now))
		result = PAIRING_OVER;
	else if (!same(p->secret, secret))
		result = --p->tries > 0 ? PAIRING_WRONG : PAIRING_OVER;
	if (result != PAIRING_WRONG)
		pairing_end(p);
	return result;
}
