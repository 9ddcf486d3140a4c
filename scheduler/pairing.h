/*
 * pairing.h: the life of a join code: one secret, good for one hub, for an hour, for five tries.
 * Pure: time is an argument, what the words travel in is not known here.
 */
#ifndef SPOKESYNC_SCHEDULER_PAIRING_H
#define SPOKESYNC_SCHEDULER_PAIRING_H

#include "policy/joincode.h"

#define PAIRING_LIFE_S 3600
#define PAIRING_TRIES  5u

struct pairing {
	uint8_t secret[JOINCODE_SECRET];
	struct mono until; /* 0: there is no code */
	unsigned tries;	   /* left */
};

enum pairing_result {
	PAIRING_GOOD,  /* and from now on there is no code */
	PAIRING_WRONG, /* tries says how often more */
	PAIRING_OVER,  /* there is no code, or no longer */
};

void pairing_begin(struct pairing *p, const uint8_t secret[JOINCODE_SECRET], struct mono now);
void pairing_end(struct pairing *p); /* wipes */
bool pairing_alive(const struct pairing *p, struct mono now);
/* A secret that somebody shows. The fifth wrong one ends the code. */
enum pairing_result pairing_try(struct pairing *p, const uint8_t secret[JOINCODE_SECRET],
				struct mono now);

#endif
