/*
 * facts.h: jobs, spokes, groups, overrides and limits as JSON: what the API says of them, in one
 * place, so that every command says it alike. Rates are bytes a second, null where unlimited; sizes
 * bytes; times RFC 3339 in UTC, null where not known; durations seconds.
 */
#ifndef SPOKESYNC_SCHEDULER_FACTS_H
#define SPOKESYNC_SCHEDULER_FACTS_H

#include <jansson.h>

#include "scheduler/hub.h"

json_t *facts_time(struct wall t); /* null for 0 and never */
/* Seconds until a monotonic time, never negative; null where none. */
json_t *facts_seconds_until(struct mono at, struct now now);
json_t *facts_rate(uint64_t rate);
json_t *facts_text(const char *s);	    /* null for NULL, and what is no UTF-8 made so */
json_t *facts_absolute(const char *path);   /* of a file, from the daemon's directory on */
json_t *facts_line(const struct origin *o); /* "FILE:12", or null for a built-in default */

json_t *facts_job(struct hub *h, const struct job *j, struct now now);
json_t *facts_spoke(struct hub *h, const struct spoke_state *s, struct now now);
json_t *facts_group(struct hub *h, const struct group_cfg *g);
json_t *facts_override(const struct override *o, struct now now);
json_t *facts_overrides(struct hub *h, struct now now);
/* The chain of limits of (spoke, group) now, and the lines that set them. */
json_t *facts_chain(const struct rate_chain *c, const struct config *cfg,
		    const struct spoke_state *s);

/* Counts over the unfinished jobs. */
struct facts_counts {
	uint64_t jobs, bytes; /* unfinished, and the sizes of what they bring */
	uint64_t undone;      /* the part of these sizes that is still to come */
	uint64_t to_send;     /* on the wire: of what is not planned yet, what is not zeros */
	uint64_t by_state[JOB_CANCELLED + 1];
	double rate;	 /* of all that run, bytes/s */
	struct wall eta; /* of the last of those that can be foreseen */
	uint64_t unforeseen;
};
/* spoke, group: NULL for any. */
void facts_count(struct hub *h, const char *spoke, const char *group, struct facts_counts *ret);
/* Bytes, rate, eta and what cannot be foreseen; "jobs" is the caller's. */
void facts_add_counts(json_t *o, const struct facts_counts *n);
/* The zone in which a policy is read on a spoke; NULL where it is not known. */
const struct zone *facts_zone(const struct policy *p, const struct spoke_state *s);

#endif
