/*
 * db_drift.c: what was done on spokes without the hub and is not repaired yet. See hub_db.h.
 */
#include <stdio.h>

#include "scheduler/hub_db.h"

int db_drift_put(struct db *db, const char *spoke, const char *group, const struct drift_row *r)
{
	return db_run(db,
		      "INSERT OR REPLACE INTO drift (spoke, grp, path, what, since, version)"
		      " VALUES (?, ?, ?, ?, ?, ?)",
		      "tttiii", spoke, group, r->path, (int64_t)r->what, r->since.s,
		      (int64_t)r->version);
}

int db_drift_drop(struct db *db, const char *spoke, const char *group, const char *path)
{
	return db_run(db, "DELETE FROM drift WHERE spoke = ? AND grp = ? AND path = ?", "ttt",
		      spoke, group, path);
}

struct reader {
	drift_row_fn *fn;
	void *arg;
};

static int read_row(void *arg, const struct db_row *row)
{
	const struct reader *reader = arg;
	struct drift_row r = {.path = row_text(row, 2),
			      .what = wire_local_stored(row_int(row, 3)),
			      .since = {row_int(row, 4)},
			      .version = (uint64_t)row_int(row, 5)};

	if (r.what <= LOCAL_NOT || r.what >= LOCALS_N)
		return 0;
	return reader->fn(reader->arg, row_text(row, 0), row_text(row, 1), &r);
}

int db_drift_each(struct db *db, drift_row_fn *fn, void *arg)
{
	struct reader reader = {.fn = fn, .arg = arg};

	return db_each(db, read_row, &reader,
		       "SELECT spoke, grp, path, what, since, version FROM drift", NULL);
}
