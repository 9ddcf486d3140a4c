/*
 * spoke_db.c: see spoke_db.h. One database a group, beside its store, so that it moves with it.
 */
#include "scheduler/spoke_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/key.h"

#define FILE_COLS                                                                             \
	"path, root, dev, ino, size, mtime_s, mtime_ns, ctime_s, ctime_ns, mode, seq, gone, " \
	"sure, local, published"

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

static void take_file(const struct db_row *r, struct spoke_file *ret)
{
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->path, sizeof(ret->path), "%s", row_text(r, 0));
	spoke_row_root(r, 1, &ret->root);
	spoke_row_identity(r, 2, &ret->identity);
	ret->mode = (uint32_t)row_int(r, 9);
	ret->seq = (uint64_t)row_int(r, 10);
	ret->gone = row_int(r, 11) != 0;
	ret->sure = row_int(r, 12) != 0;
	ret->local = wire_local_stored(row_int(r, 13));
	ret->was_published = !row_null(r, 14);
	spoke_row_root(r, 14, &ret->published);
}

struct one {
	struct spoke_file *file;
	bool found;
};

static int take_one(void *arg, const struct db_row *r)
{
	struct one *o = arg;

	take_file(r, o->file);
	o->found = true;
	return 0;
}

int spoke_db_file(struct db *db, const char *path, struct spoke_file *ret)
{
	struct one o = {ret, false};
	int r = db_each(db, take_one, &o, "SELECT " FILE_COLS " FROM files WHERE path=?", "t",
			path);

	return r < 0 ? r : o.found ? 0 : -ENOENT;
}

int spoke_db_after(struct db *db, const char *path, struct spoke_file *ret)
{
	struct one o = {ret, false};
	int r = db_each(db, take_one, &o,
			"SELECT " FILE_COLS " FROM files WHERE path>? AND gone=0 AND sure=1 "
			"ORDER BY path LIMIT 1",
			"t", path);

	return r < 0 ? r : o.found ? 0 : -ENOENT;
}

int spoke_db_holds(struct db *db, const struct hash *root, struct spoke_file *ret)
{
	struct one o = {ret, false};
	int r;

	r = db_each(db, take_one, &o,
		    "SELECT " FILE_COLS " FROM files WHERE root=? AND gone=0 AND sure=1 LIMIT 1",
		    "b", root->b, (size_t)HASH_SIZE);
	if (r < 0 || o.found)
		return r;
	r = db_each(
		db, take_one, &o,
		"SELECT path, root, dev, ino, size, mtime_s, mtime_ns, ctime_s, ctime_ns, 0, 0, 0, "
		"sure, 0, NULL FROM preserved WHERE root=? AND sure=1 LIMIT 1",
		"b", root->b, (size_t)HASH_SIZE);
	if (r == 0 && o.found)
		ret->in_preserved = true;
	return r < 0 ? r : o.found ? 0 : -ENOENT;
}

int spoke_db_put(struct db *db, const struct spoke_file *f)
{
	const struct identity *i = &f->identity;

	return db_run(db,
		      "INSERT OR REPLACE INTO files (" FILE_COLS
		      ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		      "tbiiiiiiiiiiiib", f->path, f->root.b, (size_t)HASH_SIZE, (int64_t)i->dev,
		      (int64_t)i->ino, (int64_t)i->size, (int64_t)i->mtime.tv_sec,
		      (int64_t)i->mtime.tv_nsec, (int64_t)i->ctime.tv_sec,
		      (int64_t)i->ctime.tv_nsec, (int64_t)f->mode, (int64_t)f->seq,
		      (int64_t)f->gone, (int64_t)f->sure, (int64_t)f->local,
		      f->was_published ? f->published.b : NULL, (size_t)HASH_SIZE);
}

int spoke_db_gone(struct db *db, const char *path, uint64_t seq)
{
	return db_run(db,
		      "UPDATE files SET gone=1, sure=0, seq=?, local=0, published=NULL "
		      "WHERE path=? AND gone=0",
		      "it", (int64_t)seq, path);
}

int spoke_db_lost(struct db *db, const char *path, uint64_t seq, enum wire_local why)
{
	return db_run(db,
		      "UPDATE files SET gone=1, sure=0, seq=?, "
		      "local=CASE WHEN published IS NULL THEN 0 ELSE ? END WHERE path=? AND gone=0",
		      "iit", (int64_t)seq, (int64_t)why, path);
}

int spoke_db_unsure(struct db *db, const struct hash *root)
{
	int r = db_run(db, "UPDATE files SET sure=0 WHERE root=?", "b", root->b, (size_t)HASH_SIZE);

	return r < 0 ? r
		     : db_run(db, "UPDATE preserved SET sure=0 WHERE root=?", "b", root->b,
			      (size_t)HASH_SIZE);
}

static int put_identity(struct db *db, const char *sql, const struct identity_change *c)
{
	return db_run(db, sql, "iiiiiiiii", (int64_t)c->now.ctime.tv_sec,
		      (int64_t)c->now.ctime.tv_nsec, (int64_t)c->was.dev, (int64_t)c->was.ino,
		      (int64_t)c->was.size, (int64_t)c->was.mtime.tv_sec,
		      (int64_t)c->was.mtime.tv_nsec, (int64_t)c->was.ctime.tv_sec,
		      (int64_t)c->was.ctime.tv_nsec);
}

int spoke_db_identity(struct db *db, const struct identity_change *c)
{
	int r;

	if (identity_equal(&c->was, &c->now))
		return 0;
	r = put_identity(
		db,
		"UPDATE files SET ctime_s=?, ctime_ns=? WHERE dev=? AND ino=? AND size=? AND "
		"mtime_s=? AND mtime_ns=? AND ctime_s=? AND ctime_ns=?",
		c);
	return r < 0 ? r
		     : put_identity(
			       db,
			       "UPDATE preserved SET ctime_s=?, ctime_ns=? WHERE dev=? AND ino=? "
			       "AND size=? AND mtime_s=? AND mtime_ns=? AND ctime_s=? AND "
			       "ctime_ns=?",
			       c);
}

static int add_entry(void *arg, const struct db_row *r)
{
	struct wire_inventory *inv = arg;
	struct wire_entry *w;
	struct spoke_file f;

	if (inv->n_entries == WIRE_ENTRIES_MAX) {
		inv->more = true;
		return 0;
	}
	take_file(r, &f);
	if (inv->n_entries % 1000 == 0)
		inv->entries =
			xrealloc(inv->entries, (inv->n_entries + 1000) * sizeof(*inv->entries));
	w = &inv->entries[inv->n_entries++];
	memset(w, 0, sizeof(*w));
	memcpy(w->path, f.path, sizeof(w->path));
	w->gone = f.gone;
	w->root = f.root;
	w->size = f.identity.size;
	w->mtime = (struct wire_time){f.identity.mtime.tv_sec, (uint32_t)f.identity.mtime.tv_nsec};
	w->mode = f.mode;
	w->seq = f.seq;
	w->local = f.local;
	inv->seq = f.seq;
	return 0;
}

int spoke_db_inventory(struct db *db, uint64_t since, struct wire_inventory *ret)
{
	return db_each(db, add_entry, ret,
		       "SELECT " FILE_COLS " FROM files WHERE seq>? ORDER BY seq LIMIT ?", "ii",
		       (int64_t)since, (int64_t)WIRE_ENTRIES_MAX + 1);
}

struct each {
	int (*fn)(void *arg, const struct spoke_file *f);
	void *arg;
};

static int each_file(void *arg, const struct db_row *r)
{
	struct each *e = arg;
	struct spoke_file f;

	take_file(r, &f);
	return e->fn(e->arg, &f);
}

int spoke_db_each(struct db *db, int (*fn)(void *arg, const struct spoke_file *f), void *arg)
{
	struct each e = {fn, arg};

	return db_each(db, each_file, &e, "SELECT " FILE_COLS " FROM files WHERE gone=0", "");
}

int spoke_db_locals(struct db *db, int (*fn)(void *arg, const struct spoke_file *f), void *arg)
{
	struct each e = {fn, arg};

	return db_each(db, each_file, &e,
		       "SELECT " FILE_COLS " FROM files WHERE local<>0 ORDER BY path", "");
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
