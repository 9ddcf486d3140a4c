/*
 * db.c: SQLite behind a page of functions; the only file that knows it. See db.h.
 *
 * Prepared statements are kept by their text, because an inventory page brings thousands of the
 * same one. Loop thread only: SQLite's own locks are switched off. Transactions are the caller's
 * affair: a single db_run() is a transaction (and an fsync) of its own, so callers batch.
 *
 * It does not retry: the database is ours alone (a lock of a forgotten sqlite3 shell is waited
 * for up to five seconds).
 */
#include "scheduler/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "scheduler/log.h"

#define STATEMENTS_MAX 64u
#define BUSY_MS	       5000

struct statement {
	char *sql;
	sqlite3_stmt *stmt;
	bool busy; /* being stepped: a nested use of the same text gets one of its own */
	uint64_t used;
};

struct db {
	sqlite3 *sqlite;
	struct statement cache[STATEMENTS_MAX];
	unsigned n_cache;
	uint64_t clock;
	char error[512];
};

struct db_row {
	sqlite3_stmt *stmt;
};

static int db_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_RANGE:
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int db_fail(struct db *db, int rc, const char *sql)
{
	snprintf(db->error, sizeof(db->error), "%s (in: %.200s)", sqlite3_errmsg(db->sqlite), sql);
	return db_errno(rc) ? db_errno(rc) : -EIO;
}

static struct statement *db_cached(struct db *db, const char *sql)
{
	for (unsigned i = 0; i < db->n_cache; i++)
		if (!db->cache[i].busy && !strcmp(db->cache[i].sql, sql))
			return &db->cache[i];
	return NULL;
}

/* A place for one more: an unused slot, or the longest unused statement's. NULL: all are busy. */
static struct statement *db_slot(struct db *db)
{
	struct statement *oldest = NULL;

	if (db->n_cache < STATEMENTS_MAX)
		return &db->cache[db->n_cache++];
	for (unsigned i = 0; i < db->n_cache; i++) {
		struct statement *s = &db->cache[i];
		if (!s->busy && (!oldest || s->used < oldest->used))
			oldest = s;
	}
	if (oldest) {
		sqlite3_finalize(oldest->stmt);
		free(oldest->sql);
		memset(oldest, 0, sizeof(*oldest));
	}
	return oldest;
}

static int db_prepare(struct db *db, const char *sql, struct statement **ret)
{
	struct statement *s = db_cached(db, sql);

	if (!s) {
		sqlite3_stmt *stmt;
		int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
					    NULL);
		if (rc != SQLITE_OK)
			return db_fail(db, rc, sql);
		s = db_slot(db);
		if (!s) {
			sqlite3_finalize(stmt);
			snprintf(db->error, sizeof(db->error), "queries nested too deeply");
			return -EBUSY;
		}
		s->sql = xstrdup(sql);
		s->stmt = stmt;
	}
	s->busy = true;
	s->used = ++db->clock;
	*ret = s;
	return 0;
}

static void db_done(struct statement *s)
{
	sqlite3_reset(s->stmt);
	sqlite3_clear_bindings(s->stmt);
	s->busy = false;
}

/* Arguments live until the statement is reset, so nothing is copied. */
static int db_bind(struct db *db, struct statement *s, const char *fmt, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; fmt && *fmt && rc == SQLITE_OK; fmt++, i++) {
		const void *blob;
		const char *text;

		switch (*fmt) {
		case 'i':
			rc = sqlite3_bind_int64(s->stmt, i, va_arg(ap, int64_t));
			break;
		case 't':
			text = va_arg(ap, const char *);
			rc = text ? sqlite3_bind_text(s->stmt, i, text, -1, SQLITE_STATIC)
				  : sqlite3_bind_null(s->stmt, i);
			break;
		case 'b':
			blob = va_arg(ap, const void *);
			rc = sqlite3_bind_blob64(s->stmt, i, blob, va_arg(ap, size_t),
						 SQLITE_STATIC);
			break;
		default:
			snprintf(db->error, sizeof(db->error), "argument letter '%c'", *fmt);
			return -EINVAL;
		}
	}
	return rc == SQLITE_OK ? 0 : db_fail(db, rc, s->sql);
}

static int db_step_all(struct db *db, struct statement *s,
		       int (*row)(void *arg, const struct db_row *r), void *arg)
{
	struct db_row r = {.stmt = s->stmt};
	int rc, got;

	while ((rc = sqlite3_step(s->stmt)) == SQLITE_ROW) {
		got = row ? row(arg, &r) : 0;
		if (got)
			return got;
	}
	return rc == SQLITE_DONE ? 0 : db_fail(db, rc, s->sql);
}

static int db_query(struct db *db, int (*row)(void *arg, const struct db_row *r), void *arg,
		    const char *sql, const char *fmt, va_list ap)
{
	struct statement *s = NULL;
	int r = db_prepare(db, sql, &s);

	if (r < 0)
		return r;
	r = db_bind(db, s, fmt, ap);
	if (r == 0)
		r = db_step_all(db, s, row, arg);
	db_done(s);
	return r;
}

int db_run(struct db *db, const char *sql, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = db_query(db, NULL, NULL, sql, fmt, ap);
	va_end(ap);
	return r;
}

int db_each(struct db *db, int (*row)(void *arg, const struct db_row *r), void *arg,
	    const char *sql, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = db_query(db, row, arg, sql, fmt, ap);
	va_end(ap);
	return r;
}

int64_t db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

int64_t db_changes(const struct db *db)
{
	return sqlite3_changes64(db->sqlite);
}

int db_begin(struct db *db)
{
	return db_run(db, "BEGIN IMMEDIATE", NULL);
}

int db_commit(struct db *db)
{
	return db_run(db, "COMMIT", NULL);
}

void db_rollback(struct db *db)
{
	/* Where a failure has ended the transaction already there is nothing left to undo. */
	if (!sqlite3_get_autocommit(db->sqlite))
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

const char *db_error(const struct db *db)
{
	return db->error;
}

static int row_first(void *arg, const struct db_row *r)
{
	*(int64_t *)arg = row_int(r, 0);
	return 0;
}

/* Each step in a transaction of its own, with its user_version, so a crash leaves whole steps. */
static int db_migrate(struct db *db, const char *const *schema, unsigned n_schema, struct err *e)
{
	int64_t version = 0;
	char sql[64];
	int r;

	r = db_each(db, row_first, &version, "PRAGMA user_version", NULL);
	if (r < 0)
		return err_set(e, r, "reading its version: %s", db->error);
	if (version < 0 || version > n_schema)
		return err_set(e, -EPROTONOSUPPORT,
			       "its format %lld is newer than this program's (%u)",
			       (long long)version, n_schema);
	for (unsigned i = (unsigned)version; i < n_schema; i++) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %u", i + 1);
		r = db_begin(db);
		if (r < 0)
			return err_set(e, r, "%s", db->error);
		r = sqlite3_exec(db->sqlite, schema[i], NULL, NULL, NULL);
		if (r == SQLITE_OK)
			r = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
		r = r == SQLITE_OK ? db_commit(db) : db_fail(db, r, "schema");
		if (r < 0) {
			db_rollback(db);
			return err_set(e, r, "bringing it to format %u: %s", i + 1, db->error);
		}
	}
	return 0;
}

static int row_is_ok(void *arg, const struct db_row *r)
{
	const char *text = row_text(r, 0);

	*(bool *)arg = text && !strcmp(text, "ok");
	return 0;
}

/* All pages once: of 100,000 jobs a tenth of a second. What is damaged further in would come to
 * light when it is asked for, and at every start again. */
static int db_check(struct db *db, struct err *e)
{
	bool ok = false;
	int r = db_each(db, row_is_ok, &ok, "PRAGMA quick_check(1)", NULL);

	if (r < 0)
		return err_set(e, r, "checking it: %s", db->error);
	return ok ? 0 : err_set(e, -EBADMSG, "pages of it are damaged");
}

static int open_at(const char *path, const char *const *schema, unsigned n_schema, struct db **ret,
		   struct err *e)
{
	static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
				      "PRAGMA wal_autocheckpoint = 1000;"
				      "PRAGMA journal_size_limit = 67108864;";
	struct db *db = xcalloc(1, sizeof(*db));
	struct err why = {""};
	int r, rc;

	rc = sqlite3_open_v2(path, &db->sqlite,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db->sqlite, BUSY_MS);
		sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		rc = sqlite3_exec(db->sqlite, pragmas, NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK) {
		r = db_errno(rc);
		err_set(e, r, "%s: %s", path,
			db->sqlite ? sqlite3_errmsg(db->sqlite) : "no memory");
		db_close(db);
		return r;
	}
	r = db_check(db, &why);
	if (r == 0)
		r = db_migrate(db, schema, n_schema, &why);
	if (r < 0) {
		err_set(e, r, "%s: %s", path, why.text);
		db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

/* The log of what was not yet in it goes first: it would be taken for the new one's. A crash in
 * between is followed by the rest. */
static int set_aside(const char *path, struct err *e)
{
	static const char *const parts[] = {"-wal", "-shm", ""};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++) {
		char *from = xasprintf("%s%s", path, parts[i]);
		char *to = xasprintf("%s.broken%s", path, parts[i]);

		if (rename(from, to) < 0 && errno != ENOENT)
			r = err_set(e, -errno, "%s cannot be put aside: %s", from, strerror(errno));
		free(from);
		free(to);
	}
	return r;
}

int db_open(const char *path, const char *const *schema, unsigned n_schema, struct db **ret,
	    struct err *e)
{
	int r = open_at(path, schema, n_schema, ret, e);

	if (r != -EBADMSG)
		return r;
	log_error("%s: it is kept as %s.broken, and all is found out anew that can be", e->text,
		  path);
	r = set_aside(path, e);
	return r < 0 ? r : open_at(path, schema, n_schema, ret, e);
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	for (unsigned i = 0; i < db->n_cache; i++) {
		sqlite3_finalize(db->cache[i].stmt);
		free(db->cache[i].sql);
	}
	sqlite3_close(db->sqlite);
	free(db);
	return NULL;
}

int64_t row_int(const struct db_row *r, unsigned col)
{
	return sqlite3_column_int64(r->stmt, (int)col);
}

const char *row_text(const struct db_row *r, unsigned col)
{
	return (const char *)sqlite3_column_text(r->stmt, (int)col);
}

const void *row_blob(const struct db_row *r, unsigned col, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(r->stmt, (int)col);

	*ret_len = (size_t)sqlite3_column_bytes(r->stmt, (int)col);
	return p;
}

bool row_null(const struct db_row *r, unsigned col)
{
	return sqlite3_column_type(r->stmt, (int)col) == SQLITE_NULL;
}
