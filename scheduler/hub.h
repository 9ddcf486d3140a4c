/*
 * hub.h: the running hub, as the commands see it. hub.c puts it together: watch -> settle ->
 * catalog -> index -> core -> push -> publish.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_H
#define SPOKESYNC_SCHEDULER_HUB_H

#include "scheduler/core.h"
#include "scheduler/daemon.h"
#include "transfer/push.h"

struct core *hub_core(struct hub *h);
struct http;
struct http *hub_http(struct hub *h);
void hub_kick(struct hub *h); /* facts changed: a plan pass before the loop sleeps */

/* Figures of a job: live from its push, or as recorded when it ended. */
struct hub_job_stats {
	struct push_stats push;
	double rate;	   /* bytes/s lately */
	const char *proof; /* "changed" | "full" */
	char asking[1400]; /* the spoke is asked what it holds: in words; "" */
};
void hub_job_stats(struct hub *h, const struct job *j, struct hub_job_stats *ret);

/* The catalog, for status, groups, backlog, wait and explain. */
struct hub_group_stats {
	uint64_t files, bytes; /* settled versions */
	uint64_t unsettled;    /* seen and not yet settled, or being indexed */
	uint64_t skipped;
	bool scanning;
	const char *problem;  /* NULL, or why the group stands still */
	const char *how;      /* "reflink" | "copy": how generations are kept */
	const char *distrust; /* NULL, or why extents are not believed there */
};
void hub_group_stats(struct hub *h, const char *group, struct hub_group_stats *ret);
/* Each path known in a group that is not (yet) replicated, with the reason in words. */
typedef void hub_path_fn(void *arg, const char *path, const char *why);
void hub_unsettled(struct hub *h, const char *group, hub_path_fn *fn, void *arg);
/* What holds a path that is not settled (guard.h), or NULL. */
struct guard;
const struct guard *hub_guard(struct hub *h, const char *group, const char *path);
void hub_skipped(struct hub *h, const char *group, hub_path_fn *fn, void *arg);
int hub_index_dir(const struct hub *h);	  /* a descriptor of its own, or -1 and errno */
uint64_t hub_last_version(struct hub *h); /* id of the newest catalogued version */
/* Is this very version on this spoke (as its inventory says)? For backlog and the matrix. */
bool hub_spoke_has(struct hub *h, const char *spoke, const struct version *v);
/* What lies at its path there. *ret_version: which of ours that is, as far as that is known; else
 * 0. */
enum hub_holding {
	HOLDS_NOTHING,
	HOLDS_OTHER,   /* another content that is known here: an older version */
	HOLDS_FOREIGN, /* one that nobody here sent: drift, or put there by hand */
	HOLDS_CONTENT, /* its content, with other times or mode */
	HOLDS_ALL,
};
enum hub_holding hub_spoke_holds(struct hub *h, const char *spoke, const struct version *v,
				 uint64_t *ret_version);
/* What was done on a spoke without the hub (drift.h). */
struct hub_drift {
	const char *group, *path, *what, *words; /* words: what becomes of it */
	struct wall since;			 /* 0: not known */
};
typedef void hub_drift_fn(void *arg, const struct hub_drift *d);
/* One path; false: nothing is known of that kind. */
bool hub_drift_of(struct hub *h, const char *spoke, const char *group, const char *path,
		  struct hub_drift *ret);
/* All of a spoke, at most max; returns how many there are. Then files that only it has. */
uint64_t hub_drifts(struct hub *h, const char *spoke, uint64_t max, hub_drift_fn *fn, void *arg);
uint64_t hub_foreign(struct hub *h, const char *spoke, uint64_t max, hub_drift_fn *fn, void *arg);
/* What is known of what lies at a version's path there, in words; false: nothing lies there, or
 * that very content. */
bool hub_spoke_copy(struct hub *h, const char *spoke, const struct version *v, char *buf,
		    size_t size);
/* Current versions of a group. */
typedef void hub_version_fn(void *arg, const struct version *v);
void hub_versions(struct hub *h, const char *group, hub_version_fn *fn, void *arg);
/* Events that hooks and webhooks are still to be told; *ret_problem: what is in the way, or NULL.
 */
unsigned hub_untold(struct hub *h, const char **ret_problem);
struct db *hub_database(struct hub *h); /* for what is read of the past */
/* Free bytes where that spoke keeps the group, as it last said; false: it never did. */
bool hub_spoke_room(struct hub *h, const char *spoke, const char *group, uint64_t *ret);
/* Scan now (sync-now and wait begin with it), so that what lies there is seen. */
void hub_rescan(struct hub *h, const char *group);
/* True once a scan that began after the last hub_rescan() has ended for this group (NULL: all). */
bool hub_scanned(struct hub *h, const char *group);
/* A person lets go what stopped the group: too many files that are gone. 0, -ENOENT: no such group,
 * or -EALREADY: that is not why it stands still, or it does not. */
int hub_confirm(struct hub *h, const char *group) WARN_UNUSED;
/* A person publishes the set of this file though it is held. 0 and what held it, or -ENOENT: no set
 * has such a file. */
int hub_force(struct hub *h, const char *group, const char *path, char *ret_why,
	      size_t size) WARN_UNUSED;
/* Durable part of the overrides (after core_override_*). */
void hub_overrides_changed(struct hub *h);

#endif
