/*
 * spoke_db_intents.c: what a crash must not forget: publications and removals begun and not
 * recorded as done.
 */
#include "scheduler/spoke_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int spoke_db_intent(struct db *db, const struct spoke_intent *i, int64_t *ret_id)
{
	int r = db_run(
		db,
		"INSERT INTO intents (path, source, keep, root, ino, size, mtime_s, mtime_ns, "
		"mode, set_id) VALUES (?,?,?,?,?,?,?,?,?,?)",
		"tttbiiiiii", i->path, i->source, i->keep, i->root.b, (size_t)HASH_SIZE,
		(int64_t)i->identity.ino, (int64_t)i->identity.size,
		(int64_t)i->identity.mtime.tv_sec, (int64_t)i->identity.mtime.tv_nsec,
		(int64_t)i->mode, i->set);

	if (r == 0)
		*ret_id = db_last_id(db);
	return r;
}

int spoke_db_intent_done(struct db *db, int64_t id)
{
	return db_run(db, "DELETE FROM intents WHERE id=?", "i", id);
}

static int take_id(void *arg, const struct db_row *r)
{
	*(int64_t *)arg = row_int(r, 0);
	return 0;
}

/* The id that its first will have: beyond all that are there, and theirs are at most their ids. */
int spoke_db_intent_set(struct db *db, int64_t *ret)
{
	return db_each(db, take_id, ret, "SELECT coalesce(max(id), 0) + 1 FROM intents", "");
}

int spoke_db_intents_drop(struct db *db, int64_t set, int64_t from)
{
	return db_run(db, "DELETE FROM intents WHERE set_id=? AND id>=?", "ii", set, from);
}

struct intents {
	struct spoke_intent *list;
	size_t n;
};

static int take_intent(void *arg, const struct db_row *r)
{
	struct intents *all = arg;
	struct spoke_intent *i;
	size_t len = 0;
	const void *root = row_blob(r, 4, &len);

	all->list = xrealloc(all->list, (all->n + 1) * sizeof(*all->list));
	i = &all->list[all->n++];
	memset(i, 0, sizeof(*i));
	i->id = row_int(r, 0);
	snprintf(i->path, sizeof(i->path), "%s", row_text(r, 1));
	snprintf(i->source, sizeof(i->source), "%s", row_text(r, 2));
	snprintf(i->keep, sizeof(i->keep), "%s", row_text(r, 3));
	if (root && len == HASH_SIZE)
		memcpy(i->root.b, root, HASH_SIZE);
	i->identity.ino = (uint64_t)row_int(r, 5);
	i->identity.size = (uint64_t)row_int(r, 6);
	i->identity.mtime.tv_sec = (time_t)row_int(r, 7);
	i->identity.mtime.tv_nsec = (long)row_int(r, 8);
	i->mode = (uint32_t)row_int(r, 9);
	i->set = row_int(r, 10);
	return 0;
}

/* All are read before the first is handed out: fn may write. */
int spoke_db_intents(struct db *db, int (*fn)(void *arg, const struct spoke_intent *i), void *arg)
{
	struct intents all = {NULL, 0};
	size_t k;
	int r;

	r = db_each(db, take_intent, &all,
		    "SELECT id, path, source, keep, root, ino, size, mtime_s, mtime_ns, mode, "
		    "set_id FROM intents ORDER BY id",
		    "");
	for (k = 0; k < all.n && r == 0; k++)
		r = fn(arg, &all.list[k]);
	free(all.list);
	return r;
}
