/*
 * dfsr.h: the schedules of DFS Replication, for those who come from it or go back: a day is 96 hex
 * digits, one a quarter of an hour from 00:00 on, each a level: 0 closed, F unlimited, between them
 * fourteen rates, doubled from 64 kbit on.
 */
#ifndef SPOKESYNC_POLICY_DFSR_H
#define SPOKESYNC_POLICY_DFSR_H

#include "policy/config.h"

#define DFSR_QUARTERS 96
#define DFSR_LEVELS   16
#define DFSR_LOSSES   16

/* One dfsr = line: the days it is for (bit 0 = monday) and their levels. */
struct dfsr_line {
	uint8_t days;
	uint8_t level[DFSR_QUARTERS];
};

uint64_t dfsr_rate(unsigned level); /* bytes/s; RATE_CLOSED, RATE_UNLIMITED */
unsigned dfsr_level(uint64_t rate); /* the highest that is not above the rate */

/* "monday <96 hex digits>"; days as in a window line, in any case. */
int dfsr_line_parse(const char *text, struct dfsr_line *ret, struct err *e) WARN_UNUSED;
char *dfsr_line_print(const struct dfsr_line *l) WARN_UNUSED; /* to be freed */
/* The windows that say the same, closed ones too, because a day string speaks of its whole day.
 * Returns their number, at most DFSR_QUARTERS. */
size_t dfsr_line_windows(const struct dfsr_line *l, struct origin at,
			 struct window_line ret[DFSR_QUARTERS]);

/* A rate that is none of the levels, the level it becomes, and for how many quarters a week. */
struct dfsr_loss {
	uint64_t rate;
	unsigned level, quarters;
};

/* A policy's week, every quarter at the highest level that is never above what the policy allows.
 */
struct dfsr_week {
	char day[7][DFSR_QUARTERS + 1]; /* 0 = monday */
	struct dfsr_loss lost[DFSR_LOSSES];
	size_t n_lost;	/* rates beyond that many are counted in the last one */
	unsigned cut;	/* quarters within which the policy changes: the lowest was taken */
	unsigned dates; /* date lines, which a week cannot say */
};
void dfsr_week_of(const struct policy *p, struct dfsr_week *ret);

#endif
