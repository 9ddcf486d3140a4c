/*
 * test_db.c: the page of functions over SQLite: types, transactions, migrations, nested queries.
 */
#include "scheduler/db.h"

#include <errno.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/temp.h"

static const char one[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, data BLOB) STRICT;";
static const char two[] = "ALTER TABLE t ADD COLUMN n INTEGER NOT NULL DEFAULT 7;";
static const char bad[] = "CREATE TABLE u (id INTEGER); CREATE TABLE t (id INTEGER);";
static const char *const schema[] = {one, two};

struct fixture {
	struct temp temp;
	char file[600];
	struct db *db;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e;

	temp_new(&f->temp);
	snprintf(f->file, sizeof(f->file), "%s/a.db", f->temp.path);
	assert_int_equal(db_open(f->file, schema, 2, &f->db, &e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	temp_done(&f->temp);
	free(f);
	return 0;
}

static int count_rows(void *arg, const struct db_row *r)
{
	(void)r;
	++*(int *)arg;
	return 0;
}

static int rows(struct db *db)
{
	int n = 0;

	assert_int_equal(db_each(db, count_rows, &n, "SELECT id FROM t", NULL), 0);
	return n;
}

static int check_row(void *arg, const struct db_row *r)
{
	size_t len;
	const void *blob;

	(void)arg;
	assert_int_equal(row_int(r, 0), -5);
	assert_string_equal(row_text(r, 1), "it's");
	blob = row_blob(r, 2, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(blob, "a\0b", 3);
	assert_int_equal(row_int(r, 3), 7);
	assert_false(row_null(r, 1));
	return 42;
}

static int check_null(void *arg, const struct db_row *r)
{
	size_t len;

	(void)arg;
	assert_true(row_null(r, 0));
	assert_null(row_text(r, 0));
	assert_null(row_blob(r, 1, &len));
	assert_int_equal(len, 0);
	return 0;
}

static void test_types(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_run(f->db, "INSERT INTO t (id, name, data) VALUES (?,?,?)", "itb",
				(int64_t)-5, "it's", "a\0b", (size_t)3),
			 0);
	assert_int_equal(db_last_id(f->db), -5);
	assert_int_equal(db_changes(f->db), 1);
	assert_int_equal(db_each(f->db, check_row, NULL, "SELECT id, name, data, n FROM t", NULL),
			 42);
	assert_int_equal(
		db_run(f->db, "UPDATE t SET name = ?, data = ?", "tb", NULL, NULL, (size_t)0), 0);
	assert_int_equal(db_each(f->db, check_null, NULL, "SELECT name, data FROM t", NULL), 0);
}

static void test_errors_have_words(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_run(f->db, "INSERT INTO t (id) VALUES (?)", "i", (int64_t)1), 0);
	assert_int_equal(db_run(f->db, "INSERT INTO t (id) VALUES (?)", "i", (int64_t)1), -EEXIST);
	assert_non_null(strstr(db_error(f->db), "UNIQUE"));
	assert_int_equal(db_run(f->db, "INSERT INTO nowhere VALUES (1)", NULL), -EINVAL);
	assert_non_null(strstr(db_error(f->db), "nowhere"));
	/* STRICT: what is no number is refused, not kept as text. */
	assert_true(db_run(f->db, "UPDATE t SET n = ?", "t", "x") < 0);
	/* The same statement works again after its failure. */
	assert_int_equal(db_run(f->db, "INSERT INTO t (id) VALUES (?)", "i", (int64_t)2), 0);
}

static void test_transactions(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_begin(f->db), 0);
	assert_int_equal(db_run(f->db, "INSERT INTO t (id) VALUES (1)", NULL), 0);
	db_rollback(f->db);
	assert_int_equal(rows(f->db), 0);
	assert_int_equal(db_begin(f->db), 0);
	assert_true(db_begin(f->db) < 0);
	assert_int_equal(db_run(f->db, "INSERT INTO t (id) VALUES (1)", NULL), 0);
	assert_int_equal(db_commit(f->db), 0);
	db_rollback(f->db); /* nothing to undo */
	assert_int_equal(rows(f->db), 1);
}

struct nest {
	struct db *db;
	int inner;
};

static int run_inner(void *arg, const struct db_row *r)
{
	struct nest *n = arg;

	(void)r;
	assert_int_equal(db_each(n->db, count_rows, &n->inner, "SELECT id FROM t", NULL), 0);
	return 0;
}

static void test_the_same_query_inside_itself(void **state)
{
	struct fixture *f = *state;
	struct nest n = {.db = f->db};

	for (int64_t i = 0; i < 5; i++)
		assert_int_equal(db_run(f->db, "INSERT INTO t (id) VALUES (?)", "i", i), 0);
	assert_int_equal(db_each(f->db, run_inner, &n, "SELECT id FROM t", NULL), 0);
	assert_int_equal(n.inner, 25);
}

static void test_many_statements(void **state)
{
	struct fixture *f = *state;
	char sql[64];

	/* More than are kept: the longest unused goes, and nothing is lost. */
	for (int i = 0; i < 200; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO t (id) VALUES (%d)", i);
		assert_int_equal(db_run(f->db, sql, NULL), 0);
	}
	assert_int_equal(rows(f->db), 200);
}

static void test_migration(void **state)
{
	struct fixture *f = *state;
	const char *const three[] = {one, two, "CREATE TABLE v (id INTEGER) STRICT;"};
	const char *const broken[] = {one, two, bad};
	struct err e = {""};

	assert_int_equal(db_run(f->db, "INSERT INTO t (id) VALUES (1)", NULL), 0);
	f->db = db_close(f->db);
	/* A step that fails changes nothing of what was there. */
	assert_true(db_open(f->file, broken, 3, &f->db, &e) < 0);
	assert_non_null(strstr(e.text, "format 3"));
	assert_int_equal(db_open(f->file, schema, 2, &f->db, &e), 0);
	assert_true(db_run(f->db, "SELECT * FROM u", NULL) < 0);
	f->db = db_close(f->db);
	assert_int_equal(db_open(f->file, three, 3, &f->db, &e), 0);
	assert_int_equal(db_run(f->db, "INSERT INTO v VALUES (1)", NULL), 0);
	assert_int_equal(rows(f->db), 1);
	f->db = db_close(f->db);
	/* That of a newer program is left alone. */
	assert_int_equal(db_open(f->file, schema, 2, &f->db, &e), -EPROTONOSUPPORT);
	assert_non_null(strstr(e.text, "newer"));
}

static void test_no_database(void **state)
{
	struct fixture *f = *state;
	struct db *db = NULL;
	struct err e = {""};
	struct stat st;
	int fd = temp_file(&f->temp, "b.db");
	char path[620];

	temp_write(fd,
		   "this is no database, not at all, whatever one may think of it; it is too "
		   "long to be taken for an empty one",
		   100, 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/b.db", f->temp.path);
	/* It is kept aside, with what was not yet in it, and an empty one takes its place. */
	close(temp_file(&f->temp, "b.db-wal"));
	assert_int_equal(db_open(path, schema, 2, &db, &e), 0);
	assert_int_equal(rows(db), 0);
	db_close(db);
	strcat(path, ".broken");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 100);
	strcat(path, "-wal");
	assert_int_equal(stat(path, &st), 0);
}

/* Some page in its middle: opening alone does not see it. */
static void test_damaged_page(void **state)
{
	struct fixture *f = *state;
	char path[620], junk[4096];
	struct db *db = NULL;
	struct err e = {""};
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/c.db", f->temp.path);
	assert_int_equal(db_open(path, schema, 2, &db, &e), 0);
	memset(junk, 'x', sizeof(junk));
	for (int64_t i = 0; i < 20; i++)
		assert_int_equal(db_run(db, "INSERT INTO t (id, data) VALUES (?,?)", "ib", i, junk,
					sizeof(junk)),
				 0);
	db_close(db);
	assert_int_equal(db_open(path, schema, 2, &db, &e), 0); /* it is well */
	assert_int_equal(rows(db), 20);
	db_close(db);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = sizeof(junk); at < st.st_size; at += sizeof(junk))
		temp_write(fd, junk, sizeof(junk), (uint64_t)at);
	close(fd);
	assert_int_equal(db_open(path, schema, 2, &db, &e), 0);
	assert_int_equal(rows(db), 0);
	db_close(db);
	strcat(path, ".broken");
	assert_int_equal(stat(path, &st), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_have_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_same_query_inside_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_statements, setup, teardown),
		cmocka_unit_test_setup_teardown(test_migration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_page, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
