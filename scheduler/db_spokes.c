/*
 * db_spokes.c: what each spoke told of itself: its time zone, and for each group an inventory with
 * the epoch and sequence up to which it is known. See hub_db.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/hub_db.h"

int db_spokes_put(struct db *db, const struct spoke_row *r)
{
	return db_run(
		db,
		"INSERT OR REPLACE INTO spokes (name, zone, last_seen, away_s) VALUES (?, ?, ?, ?)",
		"ttii", r->name, r->zone, r->last_seen.s, r->away_s);
}

int db_spokes_away(struct db *db, const char *name, int64_t s)
{
	/* One that was never there has no row yet: last seen never, its zone not known. */
	return db_run(db,
		      "INSERT INTO spokes (name, zone, last_seen, away_s) VALUES (?, '', 0, ?)"
		      " ON CONFLICT (name) DO UPDATE SET away_s = excluded.away_s",
		      "ti", name, s);
}

struct spoke_reader {
	spoke_row_fn *fn;
	void *arg;
};

static int spoke_read(void *arg, const struct db_row *r)
{
	struct spoke_reader *reader = arg;
	struct spoke_row s = {.name = row_text(r, 0),
			      .zone = row_text(r, 1),
			      .last_seen = {row_int(r, 2)},
			      .away_s = row_int(r, 3)};

	return reader->fn(reader->arg, &s);
}

int db_spokes_each(struct db *db, spoke_row_fn *fn, void *arg)
{
	struct spoke_reader reader = {.fn = fn, .arg = arg};

	return db_each(db, spoke_read, &reader, "SELECT name, zone, last_seen, away_s FROM spokes",
		       NULL);
}

int db_spokes_drop(struct db *db, const char *name)
{
	static const char *const queries[] = {
		"DELETE FROM spokes WHERE name = ?",	 "DELETE FROM positions WHERE spoke = ?",
		"DELETE FROM inventory WHERE spoke = ?", "DELETE FROM preserved WHERE spoke = ?",
		"DELETE FROM drift WHERE spoke = ?",	 "DELETE FROM windows_used WHERE spoke = ?",
	};
	int r = 0;

	for (unsigned i = 0; i < ARRAY_LEN(queries) && r == 0; i++)
		r = db_run(db, queries[i], "t", name);
	return r;
}

int db_inventory_position(struct db *db, const char *spoke, const char *group, const char *epoch,
			  uint64_t seq)
{
	return db_run(db,
		      "INSERT OR REPLACE INTO positions (spoke, grp, epoch, seq)"
		      " VALUES (?, ?, ?, ?)",
		      "ttti", spoke, group, epoch, (int64_t)seq);
}

int db_inventory_clear(struct db *db, const char *spoke, const char *group)
{
	return db_run(db, "DELETE FROM inventory WHERE spoke = ? AND grp = ?", "tt", spoke, group);
}

int db_inventory_put(struct db *db, const char *spoke, const char *group,
		     const struct wire_entry *entry, uint64_t told)
{
	if (entry->gone)
		return db_run(db, "DELETE FROM inventory WHERE spoke = ? AND grp = ? AND path = ?",
			      "ttt", spoke, group, entry->path);
	return db_run(db,
		      "INSERT OR REPLACE INTO inventory (spoke, grp, path, root, size, mtime_s,"
		      " mtime_ns, mode, seq, told) VALUES (?,?,?,?,?,?,?,?,?,?)",
		      "tttbiiiiii", spoke, group, entry->path, entry->root.b, (size_t)HASH_SIZE,
		      (int64_t)entry->size, entry->mtime.sec, (int64_t)entry->mtime.nsec,
		      (int64_t)entry->mode, (int64_t)entry->seq, (int64_t)told);
}

struct position_reader {
	position_row_fn *fn;
	void *arg;
};

static int position_read(void *arg, const struct db_row *r)
{
	struct position_reader *reader = arg;

	return reader->fn(reader->arg, row_text(r, 0), row_text(r, 1), row_text(r, 2),
			  (uint64_t)row_int(r, 3));
}

int db_inventory_positions(struct db *db, position_row_fn *fn, void *arg)
{
	struct position_reader reader = {.fn = fn, .arg = arg};

	return db_each(db, position_read, &reader, "SELECT spoke, grp, epoch, seq FROM positions",
		       NULL);
}

struct inventory_reader {
	inventory_row_fn *fn;
	void *arg;
	struct wire_entry entry; /* a kilobyte of path: not on each frame of the stack */
};

static int inventory_read(void *arg, const struct db_row *r)
{
	struct inventory_reader *reader = arg;
	struct wire_entry *e = &reader->entry;
	size_t len;
	const void *root = row_blob(r, 3, &len);

	if (!root || len != HASH_SIZE)
		return -EBADMSG;
	memset(e, 0, sizeof(*e));
	snprintf(e->path, sizeof(e->path), "%s", row_text(r, 2));
	memcpy(e->root.b, root, HASH_SIZE);
	e->size = (uint64_t)row_int(r, 4);
	e->mtime = (struct wire_time){.sec = row_int(r, 5), .nsec = (uint32_t)row_int(r, 6)};
	e->mode = (uint32_t)row_int(r, 7);
	e->seq = (uint64_t)row_int(r, 8);
	return reader->fn(reader->arg, row_text(r, 0), row_text(r, 1), e, (uint64_t)row_int(r, 9));
}

int db_inventory_each(struct db *db, inventory_row_fn *fn, void *arg)
{
	struct inventory_reader reader = {.fn = fn, .arg = arg};

	return db_each(db, inventory_read, &reader,
		       "SELECT spoke, grp, path, root, size, mtime_s, mtime_ns, mode, seq, told"
		       " FROM inventory",
		       NULL);
}

int db_preserved_clear(struct db *db, const char *spoke, const char *group)
{
	return db_run(db, "DELETE FROM preserved WHERE spoke = ? AND grp = ?", "tt", spoke, group);
}

int db_preserved_put(struct db *db, const char *spoke, const char *group, const struct hash *root)
{
	return db_run(db, "INSERT OR IGNORE INTO preserved (spoke, grp, root) VALUES (?, ?, ?)",
		      "ttb", spoke, group, root->b, (size_t)HASH_SIZE);
}

struct preserved_reader {
	preserved_row_fn *fn;
	void *arg;
};

static int preserved_read(void *arg, const struct db_row *r)
{
	const struct preserved_reader *reader = arg;
	struct hash h;
	size_t len;
	const void *root = row_blob(r, 2, &len);

	if (!root || len != HASH_SIZE)
		return -EBADMSG;
	memcpy(h.b, root, HASH_SIZE);
	return reader->fn(reader->arg, row_text(r, 0), row_text(r, 1), &h);
}

int db_preserved_each(struct db *db, preserved_row_fn *fn, void *arg)
{
	struct preserved_reader reader = {.fn = fn, .arg = arg};

	return db_each(db, preserved_read, &reader,
		       "SELECT spoke, grp, root FROM preserved ORDER BY spoke, grp, root", NULL);
}
