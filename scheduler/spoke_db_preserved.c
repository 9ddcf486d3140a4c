/*
 * spoke_db_preserved.c: what was put aside in preserved/: what it was, since when, why, and its
 * content where that is known. See spoke_db.h.
 */
#include "scheduler/spoke_db.h"

#include <stdlib.h>
#include <string.h>

int spoke_db_preserve(struct db *db, const struct spoke_preserved *p)
{
	const struct identity *id = &p->identity;

	return db_run(
		db,
		"INSERT OR REPLACE INTO preserved (path, root, dev, ino, size, mtime_s, mtime_ns, "
		"ctime_s, ctime_ns, was, bytes, at, sure, why) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"tbiiiiiiitiiit", p->name, p->root.b, (size_t)HASH_SIZE, (int64_t)id->dev,
		(int64_t)id->ino, (int64_t)id->size, (int64_t)id->mtime.tv_sec,
		(int64_t)id->mtime.tv_nsec, (int64_t)id->ctime.tv_sec, (int64_t)id->ctime.tv_nsec,
		p->path, (int64_t)p->bytes, p->at, (int64_t)p->sure, p->why);
}

int spoke_db_preserved_drop(struct db *db, int64_t id)
{
	return db_run(db, "DELETE FROM preserved WHERE rowid=?", "i", id);
}

int spoke_db_preserved_known(struct db *db, int64_t id, const struct hash *root,
			     const struct identity *i)
{
	return db_run(db,
		      "UPDATE preserved SET root=?, sure=1, dev=?, ino=?, size=?, mtime_s=?, "
		      "mtime_ns=?, ctime_s=?, ctime_ns=? WHERE rowid=?",
		      "biiiiiiii", root->b, (size_t)HASH_SIZE, (int64_t)i->dev, (int64_t)i->ino,
		      (int64_t)i->size, (int64_t)i->mtime.tv_sec, (int64_t)i->mtime.tv_nsec,
		      (int64_t)i->ctime.tv_sec, (int64_t)i->ctime.tv_nsec, id);
}

struct reader {
	spoke_preserved_fn *fn;
	void *arg;
};

static int read_one(void *arg, const struct db_row *r)
{
	const struct reader *x = arg;
	struct spoke_preserved p = {
		.id = row_int(r, 0),
		.name = row_text(r, 1),
		.path = row_text(r, 10),
		.bytes = (uint64_t)row_int(r, 11),
		.at = row_int(r, 12),
		.sure = row_int(r, 13) != 0,
		.why = row_text(r, 14),
	};

	spoke_row_root(r, 2, &p.root);
	spoke_row_identity(r, 3, &p.identity);
	return x->fn(x->arg, &p);
}

int spoke_db_preserved_each(struct db *db, spoke_preserved_fn *fn, void *arg)
{
	struct reader x = {fn, arg};

	return db_each(db, read_one, &x,
		       "SELECT rowid, path, root, dev, ino, size, mtime_s, mtime_ns, ctime_s, "
		       "ctime_ns, was, bytes, at, sure, why FROM preserved "
		       "ORDER BY at DESC, rowid DESC",
		       "");
}

struct newest {
	struct hash *root;
	unsigned n;
};

static int take_newest(void *arg, const struct db_row *r)
{
	struct newest *x = arg;

	spoke_row_root(r, 0, &x->root[x->n++]);
	return 0;
}

int spoke_db_preserved_roots(struct db *db, unsigned max, struct hash **ret, unsigned *ret_n)
{
	struct newest x = {xcalloc(max, sizeof(*x.root)), 0};
	int r = db_each(
		db, take_newest, &x,
		"SELECT root FROM (SELECT root, max(at) AS at FROM preserved WHERE sure=1 AND "
		"length(root)=? GROUP BY root ORDER BY at DESC, root LIMIT ?) "
		"ORDER BY root",
		"ii", (int64_t)HASH_SIZE, (int64_t)max);

	if (r < 0) {
		free(x.root);
		return r;
	}
	*ret = x.root;
	*ret_n = x.n;
	return 0;
}

int spoke_db_preserved_totals(struct db *db, uint64_t *ret_n, uint64_t *ret_bytes)
{
	return spoke_db_two(db, "SELECT count(*), coalesce(sum(bytes), 0) FROM preserved", ret_n,
			    ret_bytes);
}
