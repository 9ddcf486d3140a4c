/*
 * db_overrides.c: overrides on disk. Their end is kept in UTC, and by the monotonic clock together
 * with the boot that this clock counts from: after a restart of the daemon the clock still
 * counts; after a reboot what the calendar leaves is the limit. See hub_db.h.
 */
#include <string.h>

#include "scheduler/hub_db.h"

#define TIME_MAX ((int64_t)1 << 40) /* seconds: 35000 years */

int db_overrides_put(struct db *db, const struct override *o, const char *boot_id)
{
	int r = db_run(db,
		       "INSERT INTO given (what, last) VALUES ('override', ?) ON CONFLICT (what)"
		       " DO UPDATE SET last = max(last, excluded.last)",
		       "i", (int64_t)o->id);

	if (r < 0)
		return r;
	/* RATE_UNLIMITED is all ones: as int64_t -1, and back. */
	return db_run(db,
		      "INSERT OR REPLACE INTO overrides (id, kind, spoke, grp, rate, since, until,"
		      " until_mono, boot, until_seq, who, why) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
		      "itttiiiititt", (int64_t)o->id,
		      o->kind == OVERRIDE_PAUSE ? "pause" : "sync-now", o->spoke, o->group,
		      (int64_t)o->rate, o->since.s, o->until.s, o->until_mono.us, boot_id,
		      (int64_t)o->until_sync_seq, o->who ? o->who : "", o->why);
}

int db_overrides_drop(struct db *db, uint64_t id)
{
	return db_run(db, "DELETE FROM overrides WHERE id = ?", "i", (int64_t)id);
}

static int read_last(void *arg, const struct db_row *r)
{
	*(uint64_t *)arg = (uint64_t)row_int(r, 0);
	return 0;
}

int db_overrides_last(struct db *db, uint64_t *ret_id)
{
	*ret_id = 0;
	return db_each(db, read_last, ret_id,
		       "SELECT max(coalesce((SELECT last FROM given WHERE what = 'override'), 0),"
		       " coalesce((SELECT max(id) FROM overrides), 0))",
		       NULL);
}

struct override_reader {
	override_row_fn *fn;
	void *arg;
	struct now now;
	const char *boot_id;
};

/* A row is a file's, not ours: no time in it is one that cannot be reckoned with. */
static int64_t sane(int64_t t, int64_t most)
{
	return t == INT64_MAX ? t : MIN(MAX(t, 0), most);
}

/* What is left by the calendar, as a time of this boot's monotonic clock. */
static struct mono override_left(const struct override *o, struct now now)
{
	int64_t left;

	if (o->until.s == WALL_NEVER.s)
		return MONO_NEVER;
	/* A calendar that was set back must not lengthen it beyond what was asked. */
	left = MIN(o->until.s - now.wall.s, o->until.s - o->since.s);
	return (struct mono){now.mono.us + MAX(left, 0) * SECOND_US};
}

static int override_read(void *arg, const struct db_row *r)
{
	struct override_reader *reader = arg;
	const char *kind = row_text(r, 1), *boot = row_text(r, 8);
	struct override o = {
		.id = (uint64_t)row_int(r, 0),
		.kind = kind && !strcmp(kind, "pause") ? OVERRIDE_PAUSE : OVERRIDE_SYNC_NOW,
		.spoke = (char *)row_text(r, 2),
		.group = (char *)row_text(r, 3),
		.rate = (uint64_t)row_int(r, 4),
		.since = {sane(row_int(r, 5), TIME_MAX)},
		.until = {sane(row_int(r, 6), TIME_MAX)},
		.until_mono = {sane(row_int(r, 7), TIME_MAX * SECOND_US)},
		.until_sync_seq = (uint64_t)row_int(r, 9),
		.who = (char *)row_text(r, 10),
		.why = (char *)row_text(r, 11),
	};

	if (!boot || strcmp(boot, reader->boot_id))
		o.until_mono = override_left(&o, reader->now);
	return reader->fn(reader->arg, &o);
}

int db_overrides_each(struct db *db, struct now now, const char *boot_id, override_row_fn *fn,
		      void *arg)
{
	struct override_reader reader = {.fn = fn, .arg = arg, .now = now, .boot_id = boot_id};

	return db_each(
		db, override_read, &reader,
		"SELECT id, kind, spoke, grp, rate, since, until, until_mono, boot, until_seq,"
		" who, why FROM overrides ORDER BY id",
		NULL);
}
