/*
 * db_jobs.c: jobs on disk, so that a restart goes on where it was and a run's figures count from
 * its creation. Finished ones stay for a while as history. See hub_db.h.
 */
#include <string.h>

#include "scheduler/hub_db.h"

/* The column over. One that was given up is not history while its version is the current one. */
enum { OVER_NO, OVER_HISTORY, OVER_GIVEN_UP };

static int over_of(const struct job_row *r)
{
	if (!r->over)
		return OVER_NO;
	return r->given_up ? OVER_GIVEN_UP : OVER_HISTORY;
}

int db_jobs_put(struct db *db, const struct job_row *r)
{
	const struct job_counters *c = &r->counters;

	return db_run(
		db,
		"INSERT OR REPLACE INTO jobs (id, version, kind, spoke, state, reason, over,"
		" created, started, ended, tries, windows, wire_out, wire_in, literal, resent, peak,"
		" throttled_us, active_us, done, total, proven, bundles, resumes, repairs, bases,"
		" partial) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"iittttiiiiiiiiiiiiiiiiiiiib", (int64_t)r->id, (int64_t)r->version, r->kind,
		r->spoke, r->state, r->reason, (int64_t)over_of(r), r->created.s, r->started.s,
		r->ended.s, (int64_t)r->tries, (int64_t)r->windows, (int64_t)c->wire_out,
		(int64_t)c->wire_in, (int64_t)c->literal, (int64_t)c->resent, (int64_t)c->peak,
		c->throttled_us, c->active_us, (int64_t)c->done, (int64_t)c->total,
		(int64_t)c->proven, (int64_t)c->bundles, (int64_t)c->resumes, (int64_t)c->repairs,
		(int64_t)c->bases, r->has_partial ? r->partial.b : NULL,
		(size_t)(r->has_partial ? HASH_SIZE : 0));
}

struct job_reader {
	job_row_fn *fn;
	void *arg;
};

static int job_read(void *arg, const struct db_row *r)
{
	struct job_reader *reader = arg;
	struct job_row j = {
		.id = (uint64_t)row_int(r, 0),
		.version = (uint64_t)row_int(r, 1),
		.kind = row_text(r, 2),
		.spoke = row_text(r, 3),
		.state = row_text(r, 4),
		.reason = row_text(r, 5),
		.created = {row_int(r, 6)},
		.started = {row_int(r, 7)},
		.tries = (unsigned)row_int(r, 8),
		.windows = (unsigned)row_int(r, 9),
		.counters = {.wire_out = (uint64_t)row_int(r, 10),
			     .wire_in = (uint64_t)row_int(r, 11),
			     .literal = (uint64_t)row_int(r, 12),
			     .resent = (uint64_t)row_int(r, 13),
			     .peak = (uint64_t)row_int(r, 14),
			     .throttled_us = row_int(r, 15),
			     .active_us = row_int(r, 16),
			     .done = (uint64_t)row_int(r, 17),
			     .total = (uint64_t)row_int(r, 18),
			     .proven = (uint64_t)row_int(r, 19),
			     .bundles = (unsigned)row_int(r, 20),
			     .resumes = (unsigned)row_int(r, 21),
			     .repairs = (unsigned)row_int(r, 22),
			     .bases = (unsigned)row_int(r, 23)},
	};
	size_t len;
	const void *partial = row_blob(r, 24, &len);

	j.over = j.given_up = row_int(r, 25) == OVER_GIVEN_UP;
	j.ended = (struct wall){row_int(r, 26)};
	if (partial && len == HASH_SIZE) {
		memcpy(j.partial.b, partial, HASH_SIZE);
		j.has_partial = true;
	}
	return reader->fn(reader->arg, &j);
}

/* In the order of their versions: the core lets a later one supersede an earlier one. */
int db_jobs_unfinished(struct db *db, job_row_fn *fn, void *arg)
{
	struct job_reader reader = {.fn = fn, .arg = arg};

	return db_each(
		db, job_read, &reader,
		"SELECT id, version, kind, spoke, state, reason, created, started, tries,"
		" windows, wire_out, wire_in, literal, resent, peak, throttled_us, active_us,"
		" done, total, proven, bundles, resumes, repairs, bases, partial, over, ended"
		" FROM jobs WHERE over = 0 OR (over = 2 AND version IN"
		" (SELECT id FROM versions WHERE current = 1)) ORDER BY version, id",
		NULL);
}

static int read_id(void *arg, const struct db_row *r)
{
	*(uint64_t *)arg = (uint64_t)row_int(r, 0);
	return 0;
}

int db_jobs_last(struct db *db, uint64_t *ret_id)
{
	*ret_id = 0;
	return db_each(db, read_id, ret_id, "SELECT coalesce(max(id), 0) FROM jobs", NULL);
}

int db_jobs_prune(struct db *db, unsigned keep)
{
	int r = db_run(db,
		       "UPDATE jobs SET over = 1 WHERE over = 2 AND version NOT IN"
		       " (SELECT id FROM versions WHERE current = 1)",
		       NULL);

	if (r < 0)
		return r;
	return db_run(db,
		      "DELETE FROM jobs WHERE over = 1 AND id <= (SELECT coalesce(max(id), 0) - ?"
		      " FROM jobs)",
		      "i", (int64_t)keep);
}
