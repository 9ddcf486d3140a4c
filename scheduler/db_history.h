/*
 * db_history.h: what the hub did, summed by the hour, group and spoke, and what went wrong, with
 * its times: a part of the hub's database (hub_db.h), so that both are recorded with what they
 * count.
 */
#ifndef SPOKESYNC_SCHEDULER_DB_HISTORY_H
#define SPOKESYNC_SCHEDULER_DB_HISTORY_H

#include "scheduler/db.h"

extern const char db_history_schema[], db_windows_schema[];

#define HISTORY_DAYS	100
#define HISTORY_MISHAPS 2000

/* Bytes but for the first row; seconds in microseconds. */
struct tally {
	uint64_t published, failed, other, late, windows;
	uint64_t logical;	    /* of what was published */
	uint64_t holes;		    /* of that: never sent, because it is zero */
	uint64_t reused;	    /* because the spoke had it */
	uint64_t compressed;	    /* saved of the rest */
	uint64_t wire_out, wire_in; /* of all that was sent, TLS included */
	int64_t active_us, throttled_us;
};

int db_tally_add(struct db *db, struct wall at, const char *group, const char *spoke,
		 const struct tally *t) WARN_UNUSED;
/* A window is one, however many groups of a spoke used it: that is counted under this name. */
#define HISTORY_ALL_GROUPS ""
/* When the last window that was counted ends; {0}: there was none. */
int db_window_till(struct db *db, const char *group, const char *spoke,
		   struct wall *ret) WARN_UNUSED;
int db_window_set(struct db *db, const char *group, const char *spoke,
		  struct wall till) WARN_UNUSED;
/* Sums since the hour of since, one row for each group and spoke. */
typedef int tally_row_fn(void *arg, const char *group, const char *spoke, const struct tally *t);
int db_tally_each(struct db *db, struct wall since, tally_row_fn *fn, void *arg) WARN_UNUSED;

struct mishap {
	const char *what, *spoke, *group, *path, *why; /* "" where it has none; never NULL */
	struct wall at, last, until; /* first, last; until {0}: not said to be over */
	unsigned times;
};

/* The same as one of the last day is that once more. */
int db_mishap_add(struct db *db, const struct mishap *m) WARN_UNUSED;
/* Those of what, spoke and group that go on are over. */
int db_mishap_over(struct db *db, const char *what, const char *spoke, const char *group,
		   struct wall at) WARN_UNUSED;
/* Newest first. */
typedef int mishap_fn(void *arg, const struct mishap *m);
int db_mishap_each(struct db *db, struct wall since, mishap_fn *fn, void *arg) WARN_UNUSED;
int db_history_prune(struct db *db, struct wall now) WARN_UNUSED;

#endif
