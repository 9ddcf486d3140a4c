/*
 * db_versions.c: the catalog on disk: one row for each version that is current, still needed by a
 * job, or has a generation (hub_old.h), with the identity that its live file had, so that a restart
 * does not hash again what has not changed. See hub_db.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/hub_db.h"

int db_versions_add(struct db *db, const struct version_row *r, uint64_t *ret_id)
{
	const struct identity *x = &r->identity;
	int got;

	got = db_run(
		db,
		"INSERT INTO versions (grp, path, size, nonzero, root, mtime_s, mtime_ns, mode,"
		" deleted, current, generation, dev, ino, id_size, id_mtime_s, id_mtime_ns,"
		" id_ctime_s, id_ctime_ns)"
		" VALUES (?,?,?,?,?,?,?,?,?,0,?,?,?,?,?,?,?,?)",
		"ttiibiiiiiiiiiiii", r->group, r->path, (int64_t)r->size, (int64_t)r->nonzero,
		r->indexed ? r->root.b : NULL, (size_t)(r->indexed ? HASH_SIZE : 0), r->mtime.sec,
		(int64_t)r->mtime.nsec, (int64_t)r->mode, (int64_t)r->deleted,
		(int64_t)r->generation, (int64_t)x->dev, (int64_t)x->ino, (int64_t)x->size,
		(int64_t)x->mtime.tv_sec, (int64_t)x->mtime.tv_nsec, (int64_t)x->ctime.tv_sec,
		(int64_t)x->ctime.tv_nsec);
	if (got < 0)
		return got;
	*ret_id = (uint64_t)db_last_id(db);
	return 0;
}

int db_versions_indexed(struct db *db, const struct version_row *r)
{
	int got = db_run(
		db, "UPDATE versions SET current = 0 WHERE grp = ? AND path = ? AND current = 1",
		"tt", r->group, r->path);

	if (got < 0)
		return got;
	got = db_versions_ties(db, r->id, &r->ties);
	if (got < 0)
		return got;
	return db_run(db,
		      "UPDATE versions SET root = ?, nonzero = ?, generation = ?, kept_ino = ?,"
		      " kept_ctime_s = ?, kept_ctime_ns = ?, origin = ?, rests_on = ?,"
		      " read_s = ?, current = 1 WHERE id = ?",
		      "biiiiibbii", r->deleted ? NULL : r->root.b,
		      (size_t)(r->deleted ? 0 : HASH_SIZE), (int64_t)r->nonzero,
		      (int64_t)r->generation, (int64_t)r->kept.ino, (int64_t)r->kept.ctime.tv_sec,
		      (int64_t)r->kept.ctime.tv_nsec, r->has_origin ? r->origin.b : NULL,
		      (size_t)(r->has_origin ? HASH_SIZE : 0), r->rests ? r->rests_on.b : NULL,
		      (size_t)(r->rests ? HASH_SIZE : 0), r->read.s, (int64_t)r->id);
}

int db_versions_ties(struct db *db, uint64_t id, const struct ties *t)
{
	return db_run(db,
		      "UPDATE versions SET parent = ?, names = ?, own_id = ?, parent_id = ?"
		      " WHERE id = ?",
		      "ttbbi", t->parent, t->names, t->ids.has_own ? t->ids.own : NULL,
		      (size_t)(t->ids.has_own ? CONTAINER_ID : 0),
		      t->ids.has_parent ? t->ids.parent : NULL,
		      (size_t)(t->ids.has_parent ? CONTAINER_ID : 0), (int64_t)id);
}

int db_versions_rests(struct db *db, uint64_t id, const struct hash *on)
{
	return db_run(db, "UPDATE versions SET rests_on = ? WHERE id = ?", "bi", on->b,
		      (size_t)HASH_SIZE, (int64_t)id);
}

int db_versions_identity(struct db *db, uint64_t id, const struct identity *x, struct wall read)
{
	return db_run(db,
		      "UPDATE versions SET dev = ?, ino = ?, id_size = ?, id_mtime_s = ?,"
		      " id_mtime_ns = ?, id_ctime_s = ?, id_ctime_ns = ?, read_s = ? WHERE id = ?",
		      "iiiiiiiii", (int64_t)x->dev, (int64_t)x->ino, (int64_t)x->size,
		      (int64_t)x->mtime.tv_sec, (int64_t)x->mtime.tv_nsec, (int64_t)x->ctime.tv_sec,
		      (int64_t)x->ctime.tv_nsec, read.s, (int64_t)id);
}

int db_versions_retire(struct db *db, uint64_t id)
{
	return db_run(db, "UPDATE versions SET current = 0 WHERE id = ?", "i", (int64_t)id);
}

int db_versions_drop(struct db *db, uint64_t id)
{
	return db_run(db, "DELETE FROM versions WHERE id = ? AND current = 0", "i", (int64_t)id);
}

int db_versions_sweep(struct db *db)
{
	return db_run(
		db,
		"DELETE FROM versions WHERE (root IS NULL AND deleted = 0) OR (current = 0"
		" AND generation = 0 AND id NOT IN (SELECT version FROM jobs WHERE over = 0))",
		NULL);
}

struct version_reader {
	version_row_fn *fn;
	void *arg;
};

static bool read_id_of(const struct db_row *r, unsigned column, uint8_t ret[CONTAINER_ID])
{
	size_t len;
	const void *id = row_blob(r, column, &len);

	if (!id || len != CONTAINER_ID)
		return false;
	memcpy(ret, id, CONTAINER_ID);
	return true;
}

static void read_ties(const struct db_row *r, struct ties *t)
{
	t->parent = row_null(r, 23) ? NULL : (char *)row_text(r, 23);
	t->names = row_null(r, 25) ? NULL : (char *)row_text(r, 25);
	t->ids.has_own = read_id_of(r, 26, t->ids.own);
	t->ids.has_parent = read_id_of(r, 27, t->ids.parent);
}

static int version_read(void *arg, const struct db_row *r)
{
	struct version_reader *reader = arg;
	struct version_row v = {
		.id = (uint64_t)row_int(r, 0),
		.group = row_text(r, 1),
		.path = row_text(r, 2),
		.size = (uint64_t)row_int(r, 3),
		.nonzero = (uint64_t)row_int(r, 4),
		.mtime = {.sec = row_int(r, 6), .nsec = (uint32_t)row_int(r, 7)},
		.mode = (uint32_t)row_int(r, 8),
		.deleted = row_int(r, 9),
		.current = row_int(r, 10),
		.generation = row_int(r, 11),
		.identity = {.dev = (uint64_t)row_int(r, 12),
			     .ino = (uint64_t)row_int(r, 13),
			     .size = (uint64_t)row_int(r, 14),
			     .mtime = {row_int(r, 15), row_int(r, 16)},
			     .ctime = {row_int(r, 17), row_int(r, 18)}},
		.kept = {.ino = (uint64_t)row_int(r, 19),
			 .ctime = {row_int(r, 20), row_int(r, 21)}},
		.read = {row_int(r, 28)},
	};
	size_t len;
	const void *root = row_blob(r, 5, &len);

	if (root && len == HASH_SIZE) {
		memcpy(v.root.b, root, HASH_SIZE);
		v.indexed = true;
	}
	root = row_blob(r, 22, &len);
	if (root && len == HASH_SIZE) {
		memcpy(v.origin.b, root, HASH_SIZE);
		v.has_origin = true;
	}
	read_ties(r, &v.ties);
	root = row_blob(r, 24, &len);
	if (root && len == HASH_SIZE) {
		memcpy(v.rests_on.b, root, HASH_SIZE);
		v.rests = true;
	}
	return reader->fn(reader->arg, &v);
}

int db_versions_each(struct db *db, version_row_fn *fn, void *arg)
{
	struct version_reader reader = {.fn = fn, .arg = arg};

	return db_each(
		db, version_read, &reader,
		"SELECT id, grp, path, size, nonzero, root, mtime_s, mtime_ns, mode, deleted,"
		" current, generation, dev, ino, id_size, id_mtime_s, id_mtime_ns,"
		" id_ctime_s, id_ctime_ns, kept_ino, kept_ctime_s, kept_ctime_ns, origin,"
		" parent, rests_on, names, own_id, parent_id, read_s"
		" FROM versions ORDER BY id",
		NULL);
}

static int read_id(void *arg, const struct db_row *r)
{
	*(uint64_t *)arg = (uint64_t)row_int(r, 0);
	return 0;
}

int db_versions_last(struct db *db, uint64_t *ret_id)
{
	*ret_id = 0;
	return db_each(db, read_id, ret_id,
		       "SELECT seq FROM sqlite_sequence WHERE name = 'versions'", NULL);
}

static int read_mark(void *arg, const struct db_row *r)
{
	snprintf(arg, GROUP_MARK + 1, "%s", row_text(r, 0));
	return 0;
}

int db_group_mark(struct db *db, const char *group, char ret[GROUP_MARK + 1])
{
	ret[0] = '\0';
	return db_each(db, read_mark, ret, "SELECT mark FROM groups WHERE name = ?", "t", group);
}

int db_group_set_mark(struct db *db, const char *group, const char *mark)
{
	return db_run(db, "INSERT OR REPLACE INTO groups (name, mark) VALUES (?, ?)", "tt", group,
		      mark);
}
