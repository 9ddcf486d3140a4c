/*
 * spoke_job.h: a piece of work in a transfer's lane. It holds the transfer, is counted, and carries
 * back what every such work may bring about: bases that turned out bad, files whose ctime changed
 * because we linked them, and that there is more to do in the background.
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_JOB_H
#define SPOKESYNC_SCHEDULER_SPOKE_JOB_H

#include "scheduler/spoke_state.h"

#define SPOKE_BAD_MAX WIRE_BASES_MAX

struct spoke_job {
	struct work w;
	struct spoke_transfer *t;
	void (*run)(struct spoke_job *j);  /* worker thread */
	void (*done)(struct spoke_job *j); /* loop thread; frees j */
	/* filled by run */
	struct hash bad[SPOKE_BAD_MAX];
	unsigned n_bad;
	struct identity_change changes[STAGING_PINS_MAX];
	unsigned n_changes;
	bool more;
	uint64_t received;
};

void spoke_job_submit(struct spoke_job *j);
/* Worker: the position, reopening the transfer where an error closed it; commit: of all that came,
 * else as of the last commit. 0 or -errno. */
int spoke_job_position(struct spoke_job *j, bool map, bool commit, struct wire_position *ret,
		       struct err *e) WARN_UNUSED;
/* Loop: contents with this root leave the inventory until they were hashed again. */
void spoke_drifted(struct spoke_group *g, const struct hash *root);

#endif
