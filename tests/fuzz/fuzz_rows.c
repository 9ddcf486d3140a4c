/*
 * fuzz_rows.c: rows of the databases as another program, a bad disk or an older version left them:
 * every column of the right type and of any value. They are read back by the very readers; no row
 * is longer than what it is read into, and what the readers reckon with does not overflow.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/hub_db.h"
#include "scheduler/spoke_db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct db *hub, *spoke;
static uint64_t refused;

static void close_all(void)
{
	db_close(hub);
	db_close(spoke);
}

/* At once, while they are open: a fuzzer ends without a word to anybody. */
static void unlink_all(const char *dir)
{
	static const char *const ends[] = {"hub",   "hub-wal",	 "hub-shm",
					   "spoke", "spoke-wal", "spoke-shm"};
	char path[100];

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, ends[i]);
		unlink(path);
	}
	assert(rmdir(dir) == 0);
}

static void open_all(void)
{
	char dir[] = "/tmp/fuzz_rows.XXXXXX", path[100];
	struct err e;

	assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/hub", dir);
	assert(hub_db_open(path, &hub, &e) == 0);
	snprintf(path, sizeof(path), "%s/spoke", dir);
	assert(spoke_db_open(path, &spoke, &e) == 0);
	/* The files beside them are made by the first change. */
	assert(db_run(hub, "UPDATE groups SET name=name", "") == 0 &&
	       db_run(spoke, "DELETE FROM meta", "") == 0);
	unlink_all(dir);
	atexit(close_all);
}

/* The input, as values one after the other. */
static const uint8_t *at;
static size_t left;

static int64_t number(void)
{
	int64_t v = 0;
	size_t n = left ? MIN((size_t)(*at & 15), left - 1) : 0;

	if (!left)
		return 0;
	/* A length of 0 to 8 bytes, or above it one of the edges. */
	if ((*at & 15) > 8) {
		static const int64_t edges[] = {INT64_MIN,     INT64_MAX, -1, UINT32_MAX,
						INT64_MIN + 1, INT32_MIN, 1};

		v = edges[(*at & 15) - 9];
		n = 0;
	}
	for (size_t i = 1; i <= n; i++)
		v = (int64_t)((uint64_t)v << 8 | at[i]);
	at += n + 1;
	left -= n + 1;
	return v;
}

static char *text(void)
{
	size_t n = left ? MIN((size_t)*at * (*at & 1 ? 1 : 40), left - 1) : 0;
	char *s = xcalloc(n + 1, 1);

	if (left) {
		memcpy(s, at + 1, n);
		at += n + 1;
		left -= n + 1;
	}
	return s;
}

/* One value as SQL: db_run()'s own arguments cannot be counted at run time. */
static char *literal(char kind)
{
	char *t, *hex, *sql;
	int64_t v;

	if (kind == 'i') {
		v = number();
		return v == INT64_MIN ? xstrdup("(-9223372036854775807-1)")
				      : xasprintf("%lld", (long long)v);
	}
	t = text();
	hex = xcalloc(2 * strlen(t) + 1, 1);
	for (size_t k = 0; t[k]; k++)
		snprintf(hex + 2 * k, 3, "%02x", (unsigned char)t[k]);
	sql = xasprintf(kind == 'b' ? "x'%s'" : "CAST(x'%s' AS TEXT)", hex);
	free(hex);
	free(t);
	return sql;
}

/* A row: a letter a column, i number, t text, b blob. What SQL itself refuses is not put. */
static void put(struct db *db, const char *table, const char *kinds)
{
	char *sql = xasprintf("INSERT OR REPLACE INTO %s VALUES (", table), *value, *more;

	for (size_t i = 0; kinds[i]; i++) {
		value = literal(kinds[i]);
		more = xasprintf("%s%s%s", sql, i ? "," : "", value);
		free(value);
		free(sql);
		sql = more;
	}
	more = xasprintf("%s)", sql);
	refused += db_run(db, more, "") < 0;
	free(more);
	free(sql);
}

static int see_version(void *arg, const struct version_row *r)
{
	assert(r->group && r->path && strlen(r->path) < SIZE_MAX);
	(void)arg;
	return 0;
}

static int see_job(void *arg, const struct job_row *r)
{
	(void)arg;
	assert(r->kind && r->spoke && r->state && r->reason);
	return 0;
}

static int see_override(void *arg, const struct override *o)
{
	(void)arg;
	assert(o->who);
	return 0;
}

static int see_spoke(void *arg, const struct spoke_row *r)
{
	(void)arg;
	assert(r->name && r->zone);
	return 0;
}

static int see_position(void *arg, const char *name, const char *group, const char *epoch,
			uint64_t seq)
{
	(void)arg, (void)seq;
	assert(name && group && epoch);
	return 0;
}

static int see_entry(void *arg, const char *name, const char *group, const struct wire_entry *x,
		     uint64_t told)
{
	(void)arg, (void)told;
	assert(name && group && strlen(x->path) <= WIRE_PATH_MAX);
	return 0;
}

static int see_preserved(void *arg, const char *name, const char *group, const struct hash *root)
{
	(void)arg;
	assert(name && group && root);
	return 0;
}

static int see_file(void *arg, const struct spoke_file *x)
{
	(void)arg;
	assert(strlen(x->path) <= WIRE_PATH_MAX);
	return 0;
}

static int see_intent(void *arg, const struct spoke_intent *x)
{
	(void)arg;
	assert(strlen(x->path) <= WIRE_PATH_MAX && strlen(x->source) <= WIRE_PATH_MAX &&
	       strlen(x->keep) < sizeof(x->keep));
	return 0;
}

/* Read, or told to be damaged. */
static void fine(int r)
{
	assert(r == 0 || r == -EBADMSG);
}

static void read_hub(void)
{
	struct now now = {{1792879200}, {1000000}, 0};
	char mark[GROUP_MARK + 1];
	uint64_t id;

	fine(db_versions_each(hub, see_version, NULL));
	fine(db_versions_last(hub, &id));
	fine(db_jobs_unfinished(hub, see_job, NULL));
	fine(db_jobs_last(hub, &id));
	fine(db_overrides_each(hub, now, "boot", see_override, NULL));
	fine(db_spokes_each(hub, see_spoke, NULL));
	fine(db_inventory_positions(hub, see_position, NULL));
	fine(db_inventory_each(hub, see_entry, NULL));
	fine(db_preserved_each(hub, see_preserved, NULL));
	fine(db_group_mark(hub, "g", mark));
	assert(strlen(mark) <= GROUP_MARK);
}

static void read_spoke(void)
{
	struct wire_inventory inv = {.seq = 0};
	uint64_t n, bytes, seq;
	struct spoke_file file;
	struct hash root = {{0}};
	char epoch[33], closed[64], *json;
	bool fresh;

	fine(spoke_db_position(spoke, epoch, &seq, &fresh));
	fine(spoke_db_note(spoke, "closed", closed, sizeof(closed)));
	fine(spoke_db_each(spoke, see_file, NULL));
	fine(spoke_db_intents(spoke, see_intent, NULL));
	/* Sums of such numbers may be refused. */
	(void)(spoke_db_totals(spoke, &n, &bytes) | spoke_db_preserved_totals(spoke, &n, &bytes) |
	       spoke_db_holds(spoke, &root, &file));
	if (spoke_db_inventory(spoke, 0, &inv) == 0 &&
	    spoke_db_preserved_roots(spoke, WIRE_PRESERVED_MAX, &inv.preserved, &inv.n_preserved) ==
		    0) {
		json = wire_inventory_encode(&inv);
		free(json);
	}
	wire_inventory_done(&inv);
}

static const struct {
	bool spoke;
	const char *table, *kinds;
} tables[] = {
	{false, "groups", "tt"},
	{false, "versions", "ittiibiiiiiiiiiiiiiiiibtbtbbi"},
	{false, "jobs", "iittttiiiiiiiiiiiiiiiiiiiib"},
	{false, "spokes", "ttii"},
	{false, "positions", "ttti"},
	{false, "inventory", "tttbiiiiii"},
	{false, "overrides", "itttiiiititt"},
	{true, "meta", "tt"},
	{true, "files", "tbiiiiiiiiiiibi"},
	{true, "preserved", "tbiiiiiiitiiit"},
	{true, "intents", "itttbiiiiii"},
	{false, "preserved", "ttb"},
};

static int read_count(void *arg, const struct db_row *r)
{
	*(int64_t *)arg = row_int(r, 0);
	return 0;
}

/* A row with fewer values than the table has columns is refused, and nothing is tried. */
static void count_columns(void)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		int64_t n = 0;

		assert(db_each(tables[i].spoke ? spoke : hub, read_count, &n,
			       "SELECT count(*) FROM pragma_table_info(?)", "t",
			       tables[i].table) == 0);
		assert(n == (int64_t)strlen(tables[i].kinds));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!hub) {
		open_all();
		count_columns();
	}
	assert(db_begin(hub) == 0 && db_begin(spoke) == 0);
	at = data;
	left = size;
	while (left > 0) {
		size_t t = *at % ARRAY_LEN(tables);

		at++;
		left--;
		put(tables[t].spoke ? spoke : hub, tables[t].table, tables[t].kinds);
	}
	read_hub();
	read_spoke();
	db_rollback(hub);
	db_rollback(spoke);
	return 0;
}
