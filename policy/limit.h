/*
 * limit.h: may one more transfer start, and if not, which limit stands in the way. Pure.
 *
 * Where a limit has room for two or more, its last slot is for small files: a description of a few
 * kilobytes does not wait half a night behind two images. The large ones lose nothing by it: they
 * share one rate, however many they are. Where a limit is one, a small file may go beside the one
 * large transfer that runs: the only case in which two do.
 */
#ifndef SPOKESYNC_POLICY_LIMIT_H
#define SPOKESYNC_POLICY_LIMIT_H

#include "policy/base.h"

enum limit_hit { LIMIT_NONE, LIMIT_HUB, LIMIT_SPOKE };

/* Transfers that run (those that are being stopped included: they still hold their slot), and how
 * many may. A limit of 0 is none at all, so nothing may start. */
struct limit_use {
	unsigned hub, hub_large, hub_max;
	unsigned spoke, spoke_large, spoke_max;
	bool small; /* the one that wants to start */
};

/* How many may run where the limit is max and so many of them are large. */
unsigned limit_most(unsigned max, unsigned large);
enum limit_hit limit_check(const struct limit_use *u);
/* Which limit stands in the way and how it is used, for people: "the hub runs 2 of 2 transfers";
 * small: up to how many bytes a file is a small one. Returns buf; "" where none does. */
#define LIMIT_TEXT 256
const char *limit_text(const struct limit_use *u, const char *spoke, uint64_t small,
		       char buf[LIMIT_TEXT]);

#endif
