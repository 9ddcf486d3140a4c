/*
 * db.h: SQLite (WAL, synchronous FULL, STRICT tables) behind a page of functions; db.c is the only
 * file that knows it. Families of queries are files of their own (db_*.c) on top of this.
 *
 * Argument formats: a letter each: i int64_t, t const char * (NULL = SQL NULL), b (const void *,
 * size_t). Example: db_run(db, "UPDATE jobs SET state=? WHERE id=?", "ti", word, id).
 */
#ifndef SPOKESYNC_SCHEDULER_DB_H
#define SPOKESYNC_SCHEDULER_DB_H

#include "policy/base.h"

struct db;
struct db_row;

/* schema[i] brings user_version i to i + 1. A database of a newer program is refused. One that is
 * damaged, as far as opening it shows, is put aside (PATH.broken), and an empty one takes its
 * place: but for history, overrides and messages not yet sent, all is found out again. */
int db_open(const char *path, const char *const *schema, unsigned n_schema, struct db **ret,
	    struct err *e) WARN_UNUSED;
struct db *db_close(struct db *db);
int db_run(struct db *db, const char *sql, const char *fmt, ...) WARN_UNUSED;
/* row() for each; stops where it returns non-zero and returns that. */
int db_each(struct db *db, int (*row)(void *arg, const struct db_row *r), void *arg,
	    const char *sql, const char *fmt, ...) WARN_UNUSED;
int64_t db_last_id(const struct db *db);
int64_t db_changes(const struct db *db);
int db_begin(struct db *db) WARN_UNUSED;
int db_commit(struct db *db) WARN_UNUSED;
void db_rollback(struct db *db);
const char *db_error(const struct db *db); /* of the last failure, in words */

int64_t row_int(const struct db_row *r, unsigned col);
const char *row_text(const struct db_row *r, unsigned col); /* NULL where NULL; valid in row() */
const void *row_blob(const struct db_row *r, unsigned col, size_t *ret_len);
bool row_null(const struct db_row *r, unsigned col);

#endif
