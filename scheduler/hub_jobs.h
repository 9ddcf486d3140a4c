/*
 * hub_jobs.h: what drives the core's jobs: actions in, pushes and publications out, their ends told
 * to the core as facts. Figures of all pushes of a job are summed here and kept on disk.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_JOBS_H
#define SPOKESYNC_SCHEDULER_HUB_JOBS_H

#include "scheduler/hub_state.h"

static inline struct hub_job *hub_job_of(const struct job *j)
{
	return j->user;
}

void hub_jobs_add(struct hub_spoke *s, enum job_kind kind, struct hub_version *hv);
/* At start: a job of the database, going on where it was. */
void hub_jobs_restore(struct hub *h, const struct job_row *r, struct hub_version *hv);
/* The spoke lists the content already: nothing to do any more. */
void hub_jobs_satisfied(struct job *j);
/* Unfinished jobs of this path, on every spoke, are cancelled. */
void hub_jobs_unwanted(struct hub_group *g, const char *path, const char *why);
void hub_job_free(void *arg, struct job *j); /* for core_forget_ended() */

void hub_job_changed(struct hub *h, const struct action *a); /* ACTION_CHANGED */
/* The push or publication failed because of the peer: the outcome in the core's words. */
enum job_outcome hub_job_peer_outcome(enum peer_error error);
/* For hub_start.c: the push is there, or ended. */
void hub_job_pushing(struct hub_job *x, bool on);
void hub_job_close(struct hub_job *x); /* the content's descriptor and the rate's node */
void hub_job_ended(struct hub_job *x, enum job_outcome o, const char *text);

void hub_job_record(struct hub_job *x);					  /* its row */
void hub_job_counters(const struct hub_job *x, struct job_counters *ret); /* of all pushes */
void hub_jobs_tick(struct hub *h, struct now now); /* once a second while any push runs */
void hub_jobs_abort(struct hub *h);		   /* ends every push without a word */

#endif
