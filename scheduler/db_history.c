/*
 * db_history.c: see db_history.h. Counters only grow: a row is added to, never set.
 */
#include "scheduler/db_history.h"

#define HOUR 3600
#define DAY  (24 * HOUR)

const char db_history_schema[] =
	"CREATE TABLE tallies (hour INTEGER NOT NULL, grp TEXT NOT NULL, spoke TEXT NOT NULL,"
	" published INTEGER NOT NULL, failed INTEGER NOT NULL, other INTEGER NOT NULL,"
	" late INTEGER NOT NULL, windows INTEGER NOT NULL, logical INTEGER NOT NULL,"
	" holes INTEGER NOT NULL, reused INTEGER NOT NULL, compressed INTEGER NOT NULL,"
	" wire_out INTEGER NOT NULL, wire_in INTEGER NOT NULL, active_us INTEGER NOT NULL,"
	" throttled_us INTEGER NOT NULL, PRIMARY KEY (hour, grp, spoke)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE mishaps (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, last INTEGER NOT NULL,"
	" until INTEGER NOT NULL, times INTEGER NOT NULL, what TEXT NOT NULL, spoke TEXT NOT NULL,"
	" grp TEXT NOT NULL, path TEXT NOT NULL, why TEXT NOT NULL) STRICT;";

/* Of the hours before it, the most that one group used of a spoke's windows. */
const char db_windows_schema[] =
	"CREATE TABLE windows_used (grp TEXT NOT NULL, spoke TEXT NOT NULL, till INTEGER NOT NULL,"
	" PRIMARY KEY (grp, spoke)) STRICT, WITHOUT ROWID;"
	"INSERT INTO tallies SELECT hour, '', spoke, 0, 0, 0, 0, MAX(windows), 0, 0, 0, 0, 0, 0, 0, 0"
	" FROM tallies GROUP BY hour, spoke;";

static int read_till(void *arg, const struct db_row *r)
{
	*(struct wall *)arg = (struct wall){row_int(r, 0)};
	return 0;
}

int db_window_till(struct db *db, const char *group, const char *spoke, struct wall *ret)
{
	struct wall till = {0};
	int r = db_each(db, read_till, &till,
			"SELECT till FROM windows_used WHERE grp = ? AND spoke = ?", "tt", group,
			spoke);

	if (r == 0)
		*ret = till;
	return r;
}

int db_window_set(struct db *db, const char *group, const char *spoke, struct wall till)
{
	return db_run(db, "INSERT OR REPLACE INTO windows_used (grp, spoke, till) VALUES (?, ?, ?)",
		      "tti", group, spoke, till.s);
}

int db_tally_add(struct db *db, struct wall at, const char *group, const char *spoke,
		 const struct tally *t)
{
	return db_run(
		db,
		"INSERT INTO tallies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET published = published + excluded.published,"
		" failed = failed + excluded.failed, other = other + excluded.other,"
		" late = late + excluded.late, windows = windows + excluded.windows,"
		" logical = logical + excluded.logical, holes = holes + excluded.holes,"
		" reused = reused + excluded.reused, compressed = compressed + excluded.compressed,"
		" wire_out = wire_out + excluded.wire_out, wire_in = wire_in + excluded.wire_in,"
		" active_us = active_us + excluded.active_us,"
		" throttled_us = throttled_us + excluded.throttled_us",
		"ittiiiiiiiiiiiii", at.s - at.s % HOUR, group, spoke, (int64_t)t->published,
		(int64_t)t->failed, (int64_t)t->other, (int64_t)t->late, (int64_t)t->windows,
		(int64_t)t->logical, (int64_t)t->holes, (int64_t)t->reused, (int64_t)t->compressed,
		(int64_t)t->wire_out, (int64_t)t->wire_in, t->active_us, t->throttled_us);
}

struct tally_reader {
	tally_row_fn *fn;
	void *arg;
};

static int read_tally(void *arg, const struct db_row *r)
{
	const struct tally_reader *x = arg;
	uint64_t n[13];
	struct tally t;

	for (unsigned i = 0; i < ARRAY_LEN(n); i++)
		n[i] = (uint64_t)row_int(r, 2 + i);
	t = (struct tally){n[0], n[1], n[2], n[3],  n[4],	    n[5],	   n[6],
			   n[7], n[8], n[9], n[10], (int64_t)n[11], (int64_t)n[12]};
	return x->fn(x->arg, row_text(r, 0), row_text(r, 1), &t);
}

int db_tally_each(struct db *db, struct wall since, tally_row_fn *fn, void *arg)
{
	struct tally_reader x = {fn, arg};

	return db_each(db, read_tally, &x,
		       "SELECT grp, spoke, SUM(published), SUM(failed), SUM(other), SUM(late),"
		       " SUM(windows), SUM(logical), SUM(holes), SUM(reused), SUM(compressed),"
		       " SUM(wire_out), SUM(wire_in), SUM(active_us), SUM(throttled_us)"
		       " FROM tallies WHERE hour >= ? GROUP BY grp, spoke ORDER BY grp, spoke",
		       "i", since.s - since.s % HOUR);
}

int db_mishap_add(struct db *db, const struct mishap *m)
{
	int r = db_run(db,
		       "UPDATE mishaps SET last = ?, times = times + 1, until = 0 WHERE what = ?"
		       " AND spoke = ? AND grp = ? AND path = ? AND why = ? AND at > ?",
		       "ittttti", m->at.s, m->what, m->spoke, m->group, m->path, m->why,
		       m->at.s - DAY);

	if (r < 0 || db_changes(db) > 0)
		return r;
	return db_run(db,
		      "INSERT INTO mishaps (at, last, until, times, what, spoke, grp, path, why)"
		      " VALUES (?, ?, 0, 1, ?, ?, ?, ?, ?)",
		      "iittttt", m->at.s, m->at.s, m->what, m->spoke, m->group, m->path, m->why);
}

int db_mishap_over(struct db *db, const char *what, const char *spoke, const char *group,
		   struct wall at)
{
	return db_run(db,
		      "UPDATE mishaps SET until = ? WHERE until = 0 AND what = ? AND spoke = ?"
		      " AND grp = ?",
		      "ittt", at.s, what, spoke, group);
}

struct mishap_reader {
	mishap_fn *fn;
	void *arg;
};

static int read_mishap(void *arg, const struct db_row *r)
{
	const struct mishap_reader *x = arg;
	struct mishap m = {
		.at = {row_int(r, 0)},
		.last = {row_int(r, 1)},
		.until = {row_int(r, 2)},
		.times = (unsigned)row_int(r, 3),
		.what = row_text(r, 4),
		.spoke = row_text(r, 5),
		.group = row_text(r, 6),
		.path = row_text(r, 7),
		.why = row_text(r, 8),
	};

	return x->fn(x->arg, &m);
}

int db_mishap_each(struct db *db, struct wall since, mishap_fn *fn, void *arg)
{
	struct mishap_reader x = {fn, arg};

	return db_each(db, read_mishap, &x,
		       "SELECT at, last, until, times, what, spoke, grp, path, why FROM mishaps"
		       " WHERE last >= ?1 OR until >= ?1 ORDER BY last DESC, id DESC",
		       "i", since.s);
}

int db_history_prune(struct db *db, struct wall now)
{
	int r = db_run(db, "DELETE FROM tallies WHERE hour < ?", "i",
		       now.s - (int64_t)HISTORY_DAYS * DAY);

	if (r == 0)
		r = db_run(db,
			   "DELETE FROM mishaps WHERE last < ? OR id <="
			   " (SELECT MAX(id) FROM mishaps) - ?",
			   "ii", now.s - (int64_t)HISTORY_DAYS * DAY, (int64_t)HISTORY_MISHAPS);
	return r;
}
