/*
 * timetable.h: what the configuration allows over time, without the exceptions that people make:
 * the chain hub -> spoke -> policy at any time, who decides it, its edges, and the days of a week
 * cut into spans. Where spoke and config are NULL: the policy by itself.
 */
#ifndef SPOKESYNC_POLICY_TIMETABLE_H
#define SPOKESYNC_POLICY_TIMETABLE_H

#include "policy/window.h"
#include "policy/zone.h"

struct timetable {
	const struct config *config;   /* its [daemon] policy and rate count; or NULL */
	const struct spoke_cfg *spoke; /* its rate counts; or NULL */
	const struct policy *policy;
	const struct zone *zone; /* in which the policy is read */
};

enum timetable_by { BY_POLICY, BY_HUB_POLICY, BY_SPOKE_RATE, BY_HUB_RATE };

struct timetable_state {
	bool open;
	uint64_t rate; /* in force; RATE_CLOSED while closed */
	/* Who decides: what is closed; else the least rate, the nearest to the spoke of several. */
	enum timetable_by by;
	const struct policy *policy;	/* BY_POLICY, BY_HUB_POLICY: which */
	const struct window_line *line; /* its line; NULL: none covers the time */
	struct origin origin;		/* of the line, or of the rate; else of the policy */
};

void timetable_at(const struct timetable *tt, struct wall t, struct timetable_state *ret);
/* First t' > t at which it opens, closes or has another rate; WALL_NEVER as window_next_edge(). */
struct wall timetable_next(const struct timetable *tt, struct wall t);
/* "mon-fri 22:00-06:00 20Mbit", "no line covers this time", "[spoke b] rate = 50Mbit"; to be freed.
 */
char *timetable_text(const struct timetable *tt, const struct timetable_state *s) WARN_UNUSED;

/* The clocks change: at that time, by so many seconds forward. */
struct clock_shift {
	struct wall at;
	int32_t seconds;
};
/* The first change after from, up to and with to. */
bool timetable_shift(const struct zone *z, struct wall from, struct wall to,
		     struct clock_shift *ret);

/* A part of one local day in which nothing changes, not even the clocks. */
struct timetable_span {
	struct wall at;
	int64_t seconds;
	int32_t day; /* local, since 1970-01-01 */
	unsigned
		from; /* seconds of that day, by the clock on the wall; its end is from + seconds */
	struct timetable_state state;
};
/* Walks over whole local days, from the one in which t lies. Days that do not exist are no days. */
typedef void timetable_fn(void *arg, const struct timetable_span *span);
void timetable_days(const struct timetable *tt, struct wall t, unsigned days, timetable_fn *fn,
		    void *arg);

#endif
