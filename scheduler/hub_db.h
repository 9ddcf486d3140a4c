/*
 * hub_db.h: what the hub remembers, as families of queries over db.h: versions, jobs, spokes with
 * their inventories, overrides. Rows in, rows out; no decision is made here.
 *
 * Every function returns 0 or -errno (db_error() has the words). Callers batch: hub_tx() opens a
 * transaction that the end of the loop's turn commits.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_DB_H
#define SPOKESYNC_SCHEDULER_HUB_DB_H

#include "policy/override.h"
#include "scheduler/db.h"
#include "transfer/source.h"
#include "scheduler/ties.h"
#include "transfer/wire.h"

int hub_db_open(const char *path, struct db **ret, struct err *e) WARN_UNUSED;

/* A generation's file, as it was when it was made: while that is so nobody wrote to it. */
struct kept {
	uint64_t ino; /* 0: not known */
	struct timespec ctime;
};

/* db_versions.c. Strings of a row that was read live during the call-back only. */
struct version_row {
	uint64_t id;
	const char *group, *path;
	uint64_t size, nonzero;
	bool indexed, deleted, current, generation;
	struct hash root;
	struct wire_time mtime;
	uint32_t mode;
	struct identity identity; /* of the live file when it was catalogued */
	struct kept kept;
	struct wall read; /* trust.h */
	bool has_origin;
	struct hash origin;
	struct ties ties; /* strings as all others */
	bool rests;	  /* rests_on: the content of its parent */
	struct hash rests_on;
};

typedef int version_row_fn(void *arg, const struct version_row *r);
int db_versions_add(struct db *db, const struct version_row *r, uint64_t *ret_id) WARN_UNUSED;
/* Root, generation and size of the non-zero part are known: it becomes the current one. */
int db_versions_indexed(struct db *db, const struct version_row *r) WARN_UNUSED;
/* The same content was seen under another identity (renamed there and back, chmod and back). */
int db_versions_identity(struct db *db, uint64_t id, const struct identity *identity,
			 struct wall read) WARN_UNUSED;
/* What it says of others, of one that was catalogued without that; and what it was found to rest
 * on.
 */
int db_versions_ties(struct db *db, uint64_t id, const struct ties *ties) WARN_UNUSED;
int db_versions_rests(struct db *db, uint64_t id, const struct hash *on) WARN_UNUSED;
int db_versions_retire(struct db *db, uint64_t id) WARN_UNUSED; /* no longer the current one */
int db_versions_drop(struct db *db, uint64_t id) WARN_UNUSED;
/* What was being indexed when the daemon ended, and what nothing needs any more. */
int db_versions_sweep(struct db *db) WARN_UNUSED;
int db_versions_each(struct db *db, version_row_fn *fn, void *arg) WARN_UNUSED;
int db_versions_last(struct db *db, uint64_t *ret_id) WARN_UNUSED;
/* The mark that tells a group's directory from an empty mount point; *ret "" where none. */
#define GROUP_MARK 32
int db_group_mark(struct db *db, const char *group, char ret[GROUP_MARK + 1]) WARN_UNUSED;
int db_group_set_mark(struct db *db, const char *group, const char *mark) WARN_UNUSED;

/* db_jobs.c */
struct job_counters {
	uint64_t wire_out, wire_in, literal, resent, peak;
	int64_t throttled_us, active_us;
	uint64_t done, total, proven;
	unsigned bundles, resumes, repairs, bases;
	bool read_again; /* not kept over a restart: then the log claims less than was done */
};

struct job_row {
	uint64_t id, version;
	const char *kind, *spoke, *state, *reason;
	bool over, given_up; /* given up: over, and not begun again for the same version */
	struct wall created, started, ended;
	unsigned tries, windows;
	struct job_counters counters;
	bool has_partial; /* root of the superseded transfer that this one goes on from */
	struct hash partial;
};

typedef int job_row_fn(void *arg, const struct job_row *r);
int db_jobs_put(struct db *db, const struct job_row *r) WARN_UNUSED; /* new or changed */
/* Those that were given up are among them while their version is the current one. */
int db_jobs_unfinished(struct db *db, job_row_fn *fn, void *arg) WARN_UNUSED;
int db_jobs_last(struct db *db, uint64_t *ret_id) WARN_UNUSED;
int db_jobs_prune(struct db *db, unsigned keep) WARN_UNUSED; /* finished ones beyond the newest */

/* db_spokes.c */
struct spoke_row {
	const char *name, *zone;
	struct wall last_seen;
	int64_t away_s; /* down for so long, while the hub ran; 0: it was up */
};
typedef int spoke_row_fn(void *arg, const struct spoke_row *r);
int db_spokes_put(struct db *db, const struct spoke_row *r) WARN_UNUSED;
int db_spokes_away(struct db *db, const char *name, int64_t s) WARN_UNUSED;
int db_spokes_each(struct db *db, spoke_row_fn *fn, void *arg) WARN_UNUSED;
int db_spokes_drop(struct db *db, const char *name) WARN_UNUSED;

/* One spoke's inventory of one group, as far as it was told. */
int db_inventory_position(struct db *db, const char *spoke, const char *group, const char *epoch,
			  uint64_t seq) WARN_UNUSED;
int db_inventory_clear(struct db *db, const char *spoke, const char *group) WARN_UNUSED;
/* told: the version whose mtime and mode this spoke was given; 0: none */
int db_inventory_put(struct db *db, const char *spoke, const char *group,
		     const struct wire_entry *entry, uint64_t told) WARN_UNUSED;
typedef int position_row_fn(void *arg, const char *spoke, const char *group, const char *epoch,
			    uint64_t seq);
int db_inventory_positions(struct db *db, position_row_fn *fn, void *arg) WARN_UNUSED;
typedef int inventory_row_fn(void *arg, const char *spoke, const char *group,
			     const struct wire_entry *entry, uint64_t told);
int db_inventory_each(struct db *db, inventory_row_fn *fn, void *arg) WARN_UNUSED;
/* The roots that it has in preserved/. */
int db_preserved_clear(struct db *db, const char *spoke, const char *group) WARN_UNUSED;
int db_preserved_put(struct db *db, const char *spoke, const char *group,
		     const struct hash *root) WARN_UNUSED;
typedef int preserved_row_fn(void *arg, const char *spoke, const char *group,
			     const struct hash *root);
int db_preserved_each(struct db *db, preserved_row_fn *fn, void *arg) WARN_UNUSED;

/* db_drift.c: what was done on a spoke without the hub. */
struct drift_row {
	const char *path;
	enum wire_local what;
	struct wall since;
	uint64_t version; /* the current one when it was told; 0: it is to be repaired */
};
int db_drift_put(struct db *db, const char *spoke, const char *group,
		 const struct drift_row *r) WARN_UNUSED;
int db_drift_drop(struct db *db, const char *spoke, const char *group,
		  const char *path) WARN_UNUSED;
typedef int drift_row_fn(void *arg, const char *spoke, const char *group,
			 const struct drift_row *r);
int db_drift_each(struct db *db, drift_row_fn *fn, void *arg) WARN_UNUSED;

/* db_overrides.c. until_mono survives a restart of the daemon, and a reboot as what was left. */
int db_overrides_put(struct db *db, const struct override *o, const char *boot_id) WARN_UNUSED;
int db_overrides_drop(struct db *db, uint64_t id) WARN_UNUSED;
int db_overrides_last(struct db *db, uint64_t *ret_id) WARN_UNUSED; /* ever given */
/* Strings of the row belong to the call-back's time; ones that ended meanwhile are among them. */
typedef int override_row_fn(void *arg, const struct override *o);
int db_overrides_each(struct db *db, struct now now, const char *boot_id, override_row_fn *fn,
		      void *arg) WARN_UNUSED;

#endif
