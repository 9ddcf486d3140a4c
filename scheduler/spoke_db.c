/*
 * spoke_db.c: see spoke_db.h. One database a group, beside its store, so that it moves with it.
 * Here: its tables, its epoch and sequence, notes, and what is asked of all of it; the rows of each
 * table are in spoke_db_files.c, spoke_db_preserved.c and spoke_db_intents.c.
 */
#include "scheduler/spoke_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/key.h"

static const char *const schema[] = {
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
	"CREATE TABLE files (path TEXT PRIMARY KEY, root BLOB NOT NULL, dev INTEGER NOT NULL,"
	" ino INTEGER NOT NULL, size INTEGER NOT NULL, mtime_s INTEGER NOT NULL,"
	" mtime_ns INTEGER NOT NULL, ctime_s INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
	" mode INTEGER NOT NULL, seq INTEGER NOT NULL, gone INTEGER NOT NULL,"
	" sure INTEGER NOT NULL) STRICT;"
	"CREATE INDEX files_root ON files (root);"
	"CREATE UNIQUE INDEX files_seq ON files (seq);"
	"CREATE INDEX files_ino ON files (ino);"
	"CREATE TABLE preserved (path TEXT PRIMARY KEY, root BLOB NOT NULL, dev INTEGER NOT NULL,"
	" ino INTEGER NOT NULL, size INTEGER NOT NULL, mtime_s INTEGER NOT NULL,"
	" mtime_ns INTEGER NOT NULL, ctime_s INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
	" was TEXT NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL,"
	" sure INTEGER NOT NULL) STRICT;"
	"CREATE INDEX preserved_root ON preserved (root);"
	"CREATE TABLE intents (id INTEGER PRIMARY KEY, path TEXT NOT NULL, source TEXT NOT NULL,"
	" keep TEXT NOT NULL, root BLOB NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,"
	" mtime_s INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, mode INTEGER NOT NULL) STRICT;",
	/* 2: what the hub put at a path, what became of it here, and why something is preserved. */
	"ALTER TABLE files ADD COLUMN published BLOB;"
	"ALTER TABLE files ADD COLUMN local INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE preserved ADD COLUMN why TEXT NOT NULL DEFAULT '';",
	/* 3: which intents are of one set; 0: of none. */
	"ALTER TABLE intents ADD COLUMN set_id INTEGER NOT NULL DEFAULT 0;",
};

int spoke_db_open(const char *path, struct db **ret, struct err *e)
{
	return db_open(path, schema, ARRAY_LEN(schema), ret, e);
}

static int take_text(void *arg, const struct db_row *r)
{
	const char *t = row_text(r, 0);

	snprintf(arg, 33, "%s", t ? t : "");
	return 0;
}

struct note {
	char *text;
	size_t size;
};

static int take_note(void *arg, const struct db_row *r)
{
	const struct note *n = arg;
	const char *t = row_text(r, 0);

	snprintf(n->text, n->size, "%s", t ? t : "");
	return 0;
}

static int take_int(void *arg, const struct db_row *r)
{
	*(uint64_t *)arg = (uint64_t)row_int(r, 0);
	return 0;
}

int spoke_db_position(struct db *db, char epoch[33], uint64_t *ret_seq, bool *ret_fresh)
{
	uint8_t random[16];
	size_t i;
	int r;

	epoch[0] = '\0';
	*ret_seq = 0;
	r = db_each(db, take_text, epoch, "SELECT value FROM meta WHERE name='epoch'", "");
	*ret_fresh = r == 0 && !epoch[0];
	if (*ret_fresh) {
		key_random(random, sizeof(random));
		for (i = 0; i < sizeof(random); i++)
			snprintf(epoch + 2 * i, 3, "%02x", random[i]);
		r = db_run(db, "INSERT INTO meta (name, value) VALUES ('epoch', ?)", "t", epoch);
	}
	return r < 0 ? r
		     : db_each(db, take_int, ret_seq, "SELECT coalesce(max(seq), 0) FROM files",
			       "");
}

int spoke_db_new_epoch(struct db *db)
{
	return db_run(db, "DELETE FROM meta WHERE name='epoch'", "");
}

int spoke_db_note(struct db *db, const char *name, char *ret, size_t size)
{
	struct note n = {ret, size};

	ret[0] = '\0';
	return db_each(db, take_note, &n, "SELECT value FROM meta WHERE name=?", "t", name);
}

int spoke_db_set_note(struct db *db, const char *name, const char *text)
{
	if (!text)
		return db_run(db, "DELETE FROM meta WHERE name=?", "t", name);
	return db_run(db, "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", "tt", name,
		      text);
}

void spoke_row_root(const struct db_row *r, unsigned col, struct hash *ret)
{
	size_t len = 0;
	const void *b = row_blob(r, col, &len);

	memset(ret, 0, sizeof(*ret));
	if (b && len == HASH_SIZE)
		memcpy(ret->b, b, HASH_SIZE);
}

void spoke_row_identity(const struct db_row *r, unsigned col, struct identity *ret)
{
	ret->dev = (uint64_t)row_int(r, col);
	ret->ino = (uint64_t)row_int(r, col + 1);
	ret->size = (uint64_t)row_int(r, col + 2);
	ret->mtime.tv_sec = (time_t)row_int(r, col + 3);
	ret->mtime.tv_nsec = (long)row_int(r, col + 4);
	ret->ctime.tv_sec = (time_t)row_int(r, col + 5);
	ret->ctime.tv_nsec = (long)row_int(r, col + 6);
}

struct root_list {
	struct hash *root;
	size_t n, room;
};

static int list_root(void *arg, const struct db_row *r)
{
	struct root_list *l = arg;
	size_t len;
	const void *root = row_blob(r, 0, &len);

	if (len != HASH_SIZE)
		return 0;
	if (l->n == l->room) {
		l->room = MAX(256u, 2 * l->room);
		l->root = xrealloc(l->root, l->room * sizeof(*l->root));
	}
	memcpy(&l->root[l->n++], root, HASH_SIZE);
	return 0;
}

int spoke_db_roots(struct db *db, struct hash **ret, size_t *ret_n)
{
	struct root_list l = {0};
	int r = db_each(db, list_root, &l,
			"SELECT root FROM files WHERE gone=0 UNION SELECT root FROM preserved "
			"ORDER BY 1",
			"");

	if (r < 0) {
		free(l.root);
		return r;
	}
	*ret = l.root;
	*ret_n = l.n;
	return 0;
}

static int take_two(void *arg, const struct db_row *r)
{
	uint64_t *two = arg;

	two[0] = (uint64_t)row_int(r, 0);
	two[1] = (uint64_t)row_int(r, 1);
	return 0;
}

int spoke_db_two(struct db *db, const char *sql, uint64_t *ret_n, uint64_t *ret_bytes)
{
	uint64_t two[2] = {0, 0};
	int r = db_each(db, take_two, two, sql, "");

	*ret_n = two[0];
	*ret_bytes = two[1];
	return r;
}

int spoke_db_totals(struct db *db, uint64_t *ret_files, uint64_t *ret_bytes)
{
	return spoke_db_two(db, "SELECT count(*), coalesce(sum(size), 0) FROM files WHERE gone=0",
			    ret_files, ret_bytes);
}
