/*
 * hub_db.c: the hub's tables. A new format is a new step at the end; steps are never changed.
 *
 * Losing this database costs re-indexing and asking the spokes, never data: nothing here is the
 * only copy of anything but the overrides and the counters of unfinished jobs.
 */
#include "scheduler/hub_db.h"

#include "scheduler/db_history.h"

static const char schema_1[] =
	"CREATE TABLE groups (name TEXT PRIMARY KEY, mark TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	/* AUTOINCREMENT: the id is the catalog's sequence, and is never given twice. */
	"CREATE TABLE versions ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT NOT NULL, path TEXT NOT NULL,"
	" size INTEGER NOT NULL, nonzero INTEGER NOT NULL, root BLOB,"
	" mtime_s INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, mode INTEGER NOT NULL,"
	" deleted INTEGER NOT NULL, current INTEGER NOT NULL, generation INTEGER NOT NULL,"
	" dev INTEGER NOT NULL, ino INTEGER NOT NULL, id_size INTEGER NOT NULL,"
	" id_mtime_s INTEGER NOT NULL, id_mtime_ns INTEGER NOT NULL,"
	" id_ctime_s INTEGER NOT NULL, id_ctime_ns INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX versions_current ON versions (grp, path) WHERE current = 1;"
	"CREATE TABLE jobs ("
	" id INTEGER PRIMARY KEY, version INTEGER NOT NULL, kind TEXT NOT NULL,"
	" spoke TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, over INTEGER NOT NULL,"
	" created INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
	" tries INTEGER NOT NULL, windows INTEGER NOT NULL,"
	" wire_out INTEGER NOT NULL, wire_in INTEGER NOT NULL, literal INTEGER NOT NULL,"
	" resent INTEGER NOT NULL, peak INTEGER NOT NULL, throttled_us INTEGER NOT NULL,"
	" active_us INTEGER NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL,"
	" proven INTEGER NOT NULL, bundles INTEGER NOT NULL, resumes INTEGER NOT NULL,"
	" repairs INTEGER NOT NULL, bases INTEGER NOT NULL, partial BLOB) STRICT;"
	"CREATE INDEX jobs_unfinished ON jobs (id) WHERE over = 0;"
	"CREATE INDEX jobs_version ON jobs (version);"
	"CREATE TABLE spokes (name TEXT PRIMARY KEY, zone TEXT NOT NULL,"
	" last_seen INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE positions (spoke TEXT NOT NULL, grp TEXT NOT NULL, epoch TEXT NOT NULL,"
	" seq INTEGER NOT NULL, PRIMARY KEY (spoke, grp)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE inventory (spoke TEXT NOT NULL, grp TEXT NOT NULL, path TEXT NOT NULL,"
	" root BLOB NOT NULL, size INTEGER NOT NULL, mtime_s INTEGER NOT NULL,"
	" mtime_ns INTEGER NOT NULL, mode INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" told INTEGER NOT NULL, PRIMARY KEY (spoke, grp, path)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE overrides ("
	" id INTEGER PRIMARY KEY, kind TEXT NOT NULL, spoke TEXT, grp TEXT,"
	" rate INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,"
	" until_mono INTEGER NOT NULL, boot TEXT NOT NULL, until_seq INTEGER NOT NULL,"
	" who TEXT NOT NULL, why TEXT) STRICT;";

/* 2: the generation's file, and the content that the version is a changed copy of. */
static const char schema_2[] =
	"ALTER TABLE versions ADD COLUMN kept_ino INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE versions ADD COLUMN kept_ctime_s INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE versions ADD COLUMN kept_ctime_ns INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE versions ADD COLUMN origin BLOB;";

/* 3: ids that were given stay given though their rows went. */
static const char schema_3[] = "CREATE TABLE given (what TEXT PRIMARY KEY, last INTEGER NOT NULL)"
			       " STRICT, WITHOUT ROWID;";

/* 4: the image that one holds the differences from (NULL: not known), and which content of it. */
static const char schema_4[] = "ALTER TABLE versions ADD COLUMN parent TEXT;"
			       "ALTER TABLE versions ADD COLUMN rests_on BLOB;";
/* 5: what was done on spokes without the hub. */
static const char schema_5[] =
	"CREATE TABLE drift (spoke TEXT NOT NULL, grp TEXT NOT NULL, path TEXT NOT NULL,"
	" what INTEGER NOT NULL, since INTEGER NOT NULL, version INTEGER NOT NULL,"
	" PRIMARY KEY (spoke, grp, path)) STRICT, WITHOUT ROWID;";

/* 6 is db_history_schema. 7: what a manifest lists (NULL: not known), and the identifiers by which
 * an image knows its parent, and is known. */
static const char schema_7[] = "ALTER TABLE versions ADD COLUMN names TEXT;"
			       "ALTER TABLE versions ADD COLUMN own_id BLOB;"
			       "ALTER TABLE versions ADD COLUMN parent_id BLOB;";

/* 8: when all of it was read last, it or what was taken from another on trust (0: not known). */
static const char schema_8[] = "ALTER TABLE versions ADD COLUMN read_s INTEGER NOT NULL DEFAULT 0;";

/* 9: what spokes have in preserved/. */
static const char schema_9[] =
	"CREATE TABLE preserved (spoke TEXT NOT NULL, grp TEXT NOT NULL, root BLOB NOT NULL,"
	" PRIMARY KEY (spoke, grp, root)) STRICT, WITHOUT ROWID;";

/* 10 is db_windows_schema. 11: for how long a spoke has been down: quorum_wait goes on over
 * restarts. */
static const char schema_11[] = "ALTER TABLE spokes ADD COLUMN away_s INTEGER NOT NULL DEFAULT 0;";
/* What goes wrong a thousand times is looked up a thousand times. */
static const char schema_12[] = "CREATE INDEX mishaps_of ON mishaps (what, spoke, grp, path);";

int hub_db_open(const char *path, struct db **ret, struct err *e)
{
	const char *const schema[] = {schema_1, schema_2,	   schema_3,  schema_4,
				      schema_5, db_history_schema, schema_7,  schema_8,
				      schema_9, db_windows_schema, schema_11, schema_12};

	return db_open(path, schema, ARRAY_LEN(schema), ret, e);
}
