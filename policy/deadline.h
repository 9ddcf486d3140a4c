/*
 * deadline.h: a time of the week by which a group's files are to be there: "mon-fri 06:00". Pure.
 *
 * What is catalogued on a friday afternoon is due on monday at six. As with windows, the clock on
 * the wall counts: a time that does not exist on a day is the moment at which the clocks go on, one
 * that occurs twice is the first of the two.
 */
#ifndef SPOKESYNC_POLICY_DEADLINE_H
#define SPOKESYNC_POLICY_DEADLINE_H

#include "policy/base.h"

struct zone;

struct deadline {
	uint8_t days;	  /* bit 0 = monday .. bit 6 = sunday; 0: no deadline */
	uint16_t minutes; /* of the day, 0..1439 */
};

#define DEADLINE_TEXT 48
/* "DAYS HH:MM", or "none". */
int deadline_parse(const char *text, struct deadline *ret, struct err *e) WARN_UNUSED;
const char *deadline_print(const struct deadline *d, char buf[DEADLINE_TEXT]); /* canonical */
/* The first one after t; WALL_NEVER where there is none. */
struct wall deadline_after(const struct deadline *d, const struct zone *zone, struct wall t);

#endif
