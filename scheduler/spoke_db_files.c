/*
 * spoke_db_files.c: the files of a group: what lies at each path, since which sequence, and what
 * became of it here. See spoke_db.h.
 */
#include "scheduler/spoke_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_COLS                                                                             \
	"path, root, dev, ino, size, mtime_s, mtime_ns, ctime_s, ctime_ns, mode, seq, gone, " \
	"sure, local, published"

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
