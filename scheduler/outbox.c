/*
 * outbox.c: see outbox.h. An id that was given stays given though its rows went: receivers know by
 * it what they were told before.
 */
#include "scheduler/outbox.h"

static const char schema_1[] =
	"CREATE TABLE notices (id INTEGER NOT NULL, webhook INTEGER NOT NULL, event TEXT NOT NULL,"
	" grp TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL,"
	" tries INTEGER NOT NULL, PRIMARY KEY (id, webhook)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE given (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT;"
	"INSERT INTO given VALUES (1, 0);";

static const char *const schema[] = {schema_1};

int outbox_open(const char *path, struct db **ret, struct err *e)
{
	return db_open(path, schema, ARRAY_LEN(schema), ret, e);
}

static int take_last(void *arg, const struct db_row *r)
{
	*(uint64_t *)arg = (uint64_t)row_int(r, 0);
	return 0;
}

int outbox_last(struct db *db, uint64_t *ret)
{
	return db_each(db, take_last, ret, "SELECT last FROM given", NULL);
}

int outbox_put(struct db *db, const struct outbox_row *r)
{
	int error = db_run(db,
			   "INSERT OR REPLACE INTO notices (id, webhook, event, grp, path, body,"
			   " created, tries) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			   "iittttii", (int64_t)r->id, (int64_t)r->webhook, r->event, r->group,
			   r->path, r->body, r->created.s, (int64_t)r->tries);

	if (error < 0)
		return error;
	return db_run(db, "UPDATE given SET last = MAX(last, ?)", "i", (int64_t)r->id);
}

int outbox_drop(struct db *db, uint64_t id, bool webhook)
{
	return db_run(db, "DELETE FROM notices WHERE id = ? AND webhook = ?", "ii", (int64_t)id,
		      (int64_t)webhook);
}

struct each {
	outbox_row_fn *fn;
	void *arg;
};

static int each_row(void *arg, const struct db_row *r)
{
	const struct each *x = arg;
	struct outbox_row row = {
		.id = (uint64_t)row_int(r, 0),
		.webhook = row_int(r, 1) != 0,
		.event = row_text(r, 2),
		.group = row_text(r, 3),
		.path = row_text(r, 4),
		.body = row_text(r, 5),
		.created = {row_int(r, 6)},
		.tries = (unsigned)row_int(r, 7),
	};

	return x->fn(x->arg, &row);
}

int outbox_each(struct db *db, outbox_row_fn *fn, void *arg)
{
	struct each x = {fn, arg};

	return db_each(db, each_row, &x,
		       "SELECT id, webhook, event, grp, path, body, created, tries FROM notices"
		       " ORDER BY id, webhook",
		       NULL);
}
