/*
 * hub_publish.h: the last step of a job: one word to the spoke that makes the new state visible
 * there (or changes mtime and mode, or deletes), and what its answer means.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_PUBLISH_H
#define SPOKESYNC_SCHEDULER_HUB_PUBLISH_H

#include "scheduler/hub_state.h"

/* One request for one spoke: a file by itself, or a set. */
struct publishing {
	struct hub_spoke *spoke;
	char *group;
	struct wire_publish ops;
	struct hub_job **jobs; /* by operation; NULL: of none, or it no longer wants the answer */
	TAILQ_ENTRY(publishing) entry; /* spoke->publishing */
};

/* hub_publish_ops.c: the operations of the job, and of all that is to be published with it. */
void hub_publish_collect(struct publishing *pub, struct hub_job *lead);

void hub_publish(struct hub_job *x);	    /* ACTION_PUBLISH */
void hub_publish_cancel(struct hub_job *x); /* its answer is no longer wanted */
void hub_publish_drop(struct hub_spoke *s); /* its peer is gone: no answer comes any more */
/* A spoke has it now. If it was the last of the group: on_complete. */
void hub_publish_complete(struct hub *h, struct hub_version *hv);

#endif
