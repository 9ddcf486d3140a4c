/*
 * test_hub_db.c: what the hub remembers comes back as it was: versions, jobs, inventories,
 * overrides.
 */
#include "scheduler/hub_db.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "policy/units.h"
#include "scheduler/db_history.h"
#include "tests/unit/temp.h"

struct fixture {
	struct temp temp;
	struct db *db;
};

static void reopen(struct fixture *f)
{
	char file[600];
	struct err e = {""};

	db_close(f->db);
	snprintf(file, sizeof(file), "%s/hub.db", f->temp.path);
	assert_int_equal(hub_db_open(file, &f->db, &e), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	temp_new(&f->temp);
	reopen(f);
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

static struct hash hash_of(uint8_t n)
{
	struct hash h;

	memset(h.b, n, sizeof(h.b));
	return h;
}

static struct version_row version(const char *path, uint8_t n)
{
	return (struct version_row){
		.group = "g",
		.path = path,
		.size = 1000,
		.mtime = {.sec = -7, .nsec = 999999999},
		.mode = 0640,
		.identity = {.dev = UINT64_MAX, /* as large as they come */
			     .ino = n,
			     .size = 1000,
			     .mtime = {-7, 999999999},
			     .ctime = {8, 9}},
	};
}

struct seen {
	unsigned n;
	struct version_row rows[8];
	char paths[8][32];
};

static int see_version(void *arg, const struct version_row *r)
{
	struct seen *s = arg;

	s->rows[s->n] = *r;
	snprintf(s->paths[s->n++], 32, "%s", r->path);
	return 0;
}

static uint64_t add_version(struct fixture *f, const char *path, uint8_t n, bool generation)
{
	struct version_row r = version(path, n);

	assert_int_equal(db_versions_add(f->db, &r, &r.id), 0);
	r.root = hash_of(n);
	r.nonzero = 500;
	r.generation = generation;
	r.read.s = n;
	assert_int_equal(db_versions_indexed(f->db, &r), 0);
	return r.id;
}

static uint64_t add_indexed(struct fixture *f, const char *path, uint8_t n)
{
	return add_version(f, path, n, false);
}

/* What is no longer current stays as long as its generation does: that is for hub_old.c to say. */
static void test_a_generation_keeps_its_version(void **state)
{
	struct fixture *f = *state;
	struct seen s = {0};
	uint64_t first = add_version(f, "a", 1, true);

	add_indexed(f, "a", 2);
	assert_int_equal(db_versions_sweep(f->db), 0);
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.rows[0].id, first);
	assert_int_equal(s.rows[0].read.s, 1);
	assert_false(s.rows[0].current);
	assert_int_equal(db_versions_drop(f->db, first), 0);
	s.n = 0;
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 1);
}

struct seen_ties {
	unsigned n;
	struct ties ties[2];
};

static int see_ties(void *arg, const struct version_row *r)
{
	struct seen_ties *s = arg;

	ties_copy(&s->ties[s->n++], &r->ties);
	return 0;
}

/* What one says of others; not known is not the same as nothing. */
static void test_ties(void **state)
{
	struct fixture *f = *state;
	struct version_row r = version("a", 1);
	struct ties t = {.parent = (char[]){"p.vhdx"},
			 .names = (char[]){"x\ny"},
			 .ids = {.has_own = true, .own = {1, 0, 2}, .parent = {9}}};
	struct seen_ties s = {0};

	assert_int_equal(db_versions_add(f->db, &r, &r.id), 0);
	r.root = hash_of(1);
	r.ties = t;
	assert_int_equal(db_versions_indexed(f->db, &r), 0);
	r.id = add_indexed(f, "b", 2);
	assert_int_equal(db_versions_each(f->db, see_ties, &s), 0);
	assert_true(s.n == 2 && ties_known(&s.ties[0]) && !ties_known(&s.ties[1]));
	assert_true(ties_same(&s.ties[0], &t) && s.ties[0].ids.has_own);
	assert_memory_equal(s.ties[0].ids.own, t.ids.own, CONTAINER_ID);
	assert_false(s.ties[0].ids.has_parent || s.ties[1].ids.has_own);
	ties_done(&s.ties[0]);
	t.ids.has_parent = true;
	assert_int_equal(db_versions_ties(f->db, r.id, &t), 0);
	s.n = 0;
	assert_int_equal(db_versions_each(f->db, see_ties, &s), 0);
	assert_true(ties_known(&s.ties[1]) && s.ties[1].ids.has_parent);
	assert_int_equal(s.ties[1].ids.parent[0], 9);
	ties_done(&s.ties[0]);
	ties_done(&s.ties[1]);
}

static void test_versions(void **state)
{
	struct fixture *f = *state;
	struct version_row half = version("half", 3);
	struct seen s = {0};
	struct hash root = hash_of(2);
	uint64_t first, second, last;

	assert_int_equal(db_versions_last(f->db, &last), 0);
	assert_int_equal(last, 0);
	first = add_indexed(f, "a", 1);
	second = add_version(f, "a", 2, true);
	assert_true(second > first);
	assert_int_equal(db_versions_add(f->db, &half, &half.id), 0);
	reopen(f);
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 3);
	assert_false(s.rows[0].current);
	assert_true(s.rows[1].current);
	assert_true(s.rows[1].indexed);
	assert_true(s.rows[1].generation);
	assert_true(hash_equal(&s.rows[1].root, &root));
	assert_int_equal(s.rows[1].nonzero, 500);
	assert_int_equal(s.rows[1].mtime.sec, -7);
	assert_int_equal(s.rows[1].mtime.nsec, 999999999);
	assert_int_equal(s.rows[1].mode, 0640);
	assert_true(identity_equal(&s.rows[1].identity, &(struct identity){.dev = UINT64_MAX,
									   .ino = 2,
									   .size = 1000,
									   .mtime = {-7, 999999999},
									   .ctime = {8, 9}}));
	assert_false(s.rows[2].indexed);
	/* Half made ones and those that nothing needs go; their ids are not given again. */
	assert_int_equal(db_versions_sweep(f->db), 0);
	memset(&s, 0, sizeof(s));
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.rows[0].id, second);
	assert_int_equal(db_versions_last(f->db, &last), 0);
	assert_int_equal(last, half.id);
	assert_true(add_indexed(f, "b", 4) > half.id);
}

static void test_a_job_keeps_its_version(void **state)
{
	struct fixture *f = *state;
	struct job_row j = {.id = 1, .kind = "put", .spoke = "s", .state = "paused", .reason = ""};
	struct seen s = {0};

	j.version = add_indexed(f, "a", 1);
	add_indexed(f, "a", 2);
	assert_int_equal(db_jobs_put(f->db, &j), 0);
	assert_int_equal(db_versions_sweep(f->db), 0);
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 2);
	j.over = true;
	assert_int_equal(db_jobs_put(f->db, &j), 0);
	assert_int_equal(db_versions_sweep(f->db), 0);
	s.n = 0;
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 1);
}

static void test_drop_spares_the_current_one(void **state)
{
	struct fixture *f = *state;
	uint64_t id = add_indexed(f, "a", 1);
	struct seen s = {0};

	assert_int_equal(db_versions_drop(f->db, id), 0);
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(db_versions_retire(f->db, id), 0);
	assert_int_equal(db_versions_drop(f->db, id), 0);
	s.n = 0;
	assert_int_equal(db_versions_each(f->db, see_version, &s), 0);
	assert_int_equal(s.n, 0);
}

static int see_job(void *arg, const struct job_row *r)
{
	struct job_row *ret = arg;

	*ret = *r;
	ret->kind = xstrdup(r->kind);
	ret->spoke = xstrdup(r->spoke);
	ret->state = xstrdup(r->state);
	ret->reason = xstrdup(r->reason);
	return 0;
}

static void job_done(struct job_row *r)
{
	free((char *)r->kind);
	free((char *)r->spoke);
	free((char *)r->state);
	free((char *)r->reason);
}

static void test_jobs(void **state)
{
	struct fixture *f = *state;
	struct job_row j = {
		.id = 17,
		.version = 3,
		.kind = "put",
		.spoke = "berlin",
		.state = "sending",
		.reason = "why",
		.created = {1},
		.started = {2},
		.tries = 3,
		.windows = 4,
		.counters = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18},
		.has_partial = true,
		.partial = hash_of(9),
	};
	struct job_row got = {0}, over = {.id = 18,
					  .kind = "put",
					  .spoke = "b",
					  .state = "failed",
					  .reason = "",
					  .over = true};
	uint64_t last;

	assert_int_equal(db_jobs_put(f->db, &over), 0);
	assert_int_equal(db_jobs_put(f->db, &j), 0);
	j.counters.wire_out = 500;
	assert_int_equal(db_jobs_put(f->db, &j), 0);
	reopen(f);
	assert_int_equal(db_jobs_unfinished(f->db, see_job, &got), 0);
	assert_int_equal(got.id, 17);
	assert_string_equal(got.spoke, "berlin");
	assert_string_equal(got.reason, "why");
	assert_int_equal(got.windows, 4);
	assert_memory_equal(&got.counters, &j.counters, sizeof(j.counters));
	assert_true(got.has_partial);
	assert_true(hash_equal(&got.partial, &j.partial));
	job_done(&got);
	assert_int_equal(db_jobs_last(f->db, &last), 0);
	assert_int_equal(last, 18);
	assert_int_equal(db_jobs_prune(f->db, 0), 0);
	assert_int_equal(db_jobs_last(f->db, &last), 0);
	assert_int_equal(last, 17);
}

/* While its version is the current one; after that it is history like any other. */
static void test_a_job_given_up(void **state)
{
	struct fixture *f = *state;
	struct job_row got = {0}, j = {.id = 3,
				       .kind = "put",
				       .spoke = "s",
				       .state = "cancelled",
				       .reason = "by anna",
				       .over = true,
				       .given_up = true,
				       .ended = {77}};
	uint64_t last;

	j.version = add_indexed(f, "a", 1);
	assert_int_equal(db_jobs_put(f->db, &j), 0);
	assert_int_equal(db_jobs_prune(f->db, 0), 0);
	reopen(f);
	assert_int_equal(db_jobs_unfinished(f->db, see_job, &got), 0);
	assert_int_equal(got.id, 3);
	assert_true(got.over && got.given_up);
	assert_int_equal(got.ended.s, 77);
	assert_string_equal(got.reason, "by anna");
	job_done(&got);
	add_indexed(f, "a", 2);
	got = (struct job_row){0};
	assert_int_equal(db_jobs_unfinished(f->db, see_job, &got), 0);
	assert_int_equal(got.id, 0);
	assert_int_equal(db_jobs_prune(f->db, 0), 0);
	assert_int_equal(db_jobs_last(f->db, &last), 0);
	assert_int_equal(last, 0);
}

struct items {
	unsigned n;
	struct wire_entry e;
	uint64_t told;
};

static int see_item(void *arg, const char *spoke, const char *group, const struct wire_entry *e,
		    uint64_t told)
{
	struct items *i = arg;

	assert_string_equal(spoke, "s");
	assert_string_equal(group, "g");
	i->n++;
	i->e = *e;
	i->told = told;
	return 0;
}

static int see_position(void *arg, const char *spoke, const char *group, const char *epoch,
			uint64_t seq)
{
	(void)spoke;
	(void)group;
	assert_string_equal(epoch, "0123");
	*(uint64_t *)arg = seq;
	return 0;
}

static int see_preserved(void *arg, const char *spoke, const char *group, const struct hash *root)
{
	assert_string_equal(spoke, "s");
	assert_string_equal(group, "g");
	*(struct hash *)arg = *root;
	return 0;
}

/* What a spoke has in preserved/: by spoke and group, and gone with the spoke. */
static void test_preserved(void **state)
{
	struct hash one = hash_of(1), two = hash_of(2), got = {{0}}, none = {{0}};
	struct fixture *f = *state;

	assert_int_equal(db_preserved_put(f->db, "s", "g", &one), 0);
	assert_int_equal(db_preserved_put(f->db, "s", "g", &one), 0);
	assert_int_equal(db_preserved_put(f->db, "s", "other", &two), 0);
	assert_int_equal(db_preserved_clear(f->db, "s", "other"), 0);
	reopen(f);
	assert_int_equal(db_preserved_each(f->db, see_preserved, &got), 0);
	assert_true(hash_equal(&got, &one));
	assert_int_equal(db_spokes_drop(f->db, "s"), 0);
	got = none;
	assert_int_equal(db_preserved_each(f->db, see_preserved, &got), 0);
	assert_true(hash_equal(&got, &none));
}

static void test_inventory(void **state)
{
	struct fixture *f = *state;
	struct wire_entry *e = xcalloc(1, sizeof(*e));
	struct items *i = xcalloc(1, sizeof(*i));
	uint64_t seq = 0;

	strcpy(e->path, "d/ü.img");
	e->root = hash_of(1);
	e->size = 5;
	e->mtime = (struct wire_time){6, 7};
	e->mode = 0600;
	e->seq = 8;
	assert_int_equal(db_inventory_put(f->db, "s", "g", e, 9), 0);
	assert_int_equal(db_inventory_position(f->db, "s", "g", "0123", 77), 0);
	reopen(f);
	assert_int_equal(db_inventory_each(f->db, see_item, i), 0);
	assert_int_equal(i->n, 1);
	assert_memory_equal(&i->e, e, sizeof(*e));
	assert_int_equal(i->told, 9);
	assert_int_equal(db_inventory_positions(f->db, see_position, &seq), 0);
	assert_int_equal(seq, 77);
	e->gone = true;
	assert_int_equal(db_inventory_put(f->db, "s", "g", e, 0), 0);
	i->n = 0;
	assert_int_equal(db_inventory_each(f->db, see_item, i), 0);
	assert_int_equal(i->n, 0);
	free(e);
	free(i);
}

static void test_group_marks(void **state)
{
	struct fixture *f = *state;
	char mark[GROUP_MARK + 1];

	assert_int_equal(db_group_mark(f->db, "g", mark), 0);
	assert_string_equal(mark, "");
	assert_int_equal(db_group_set_mark(f->db, "g", "0123456789abcdef0123456789abcdef"), 0);
	assert_int_equal(db_group_mark(f->db, "g", mark), 0);
	assert_string_equal(mark, "0123456789abcdef0123456789abcdef");
}

static int see_override(void *arg, const struct override *o)
{
	struct override *ret = arg;

	ret->id = o->id;
	ret->kind = o->kind;
	ret->rate = o->rate;
	ret->until_mono = o->until_mono;
	assert_null(o->spoke);
	assert_string_equal(o->group, "g");
	assert_string_equal(o->who, "uid 0 (root)");
	assert_null(o->why);
	return 0;
}

static void test_overrides(void **state)
{
	struct fixture *f = *state;
	struct override got = {0}, o = {
					   .id = 4,
					   .kind = OVERRIDE_PAUSE,
					   .group = (char *)"g",
					   .rate = RATE_UNLIMITED,
					   .since = {1000},
					   .until = {1600},
					   .until_mono = {5000 * SECOND_US},
					   .who = (char *)"uid 0 (root)",
				   };
	struct now now = {.wall = {1100}, .mono = {4500 * SECOND_US}};
	uint64_t last;

	assert_int_equal(db_overrides_last(f->db, &last), 0);
	assert_int_equal(last, 0);
	assert_int_equal(db_overrides_put(f->db, &o, "boot-1"), 0);
	reopen(f);
	/* The same boot: its clock goes on. */
	assert_int_equal(db_overrides_each(f->db, now, "boot-1", see_override, &got), 0);
	assert_int_equal(got.id, 4);
	assert_int_equal(got.kind, OVERRIDE_PAUSE);
	assert_true(got.rate == RATE_UNLIMITED);
	assert_int_equal(got.until_mono.us, 5000 * SECOND_US);
	/* Another boot: what the calendar leaves, from now on. */
	assert_int_equal(db_overrides_each(f->db, now, "boot-2", see_override, &got), 0);
	assert_int_equal(got.until_mono.us, 5000 * SECOND_US);
	now.mono.us = 10 * SECOND_US;
	assert_int_equal(db_overrides_each(f->db, now, "boot-2", see_override, &got), 0);
	assert_int_equal(got.until_mono.us, 510 * SECOND_US);
	/* A calendar set back does not lengthen it. */
	now.wall.s = 0;
	assert_int_equal(db_overrides_each(f->db, now, "boot-2", see_override, &got), 0);
	assert_int_equal(got.until_mono.us, 610 * SECOND_US);
	/* Over: its end is still to be told. */
	now.wall.s = 1600;
	got.id = 0;
	assert_int_equal(db_overrides_each(f->db, now, "boot-2", see_override, &got), 0);
	assert_int_equal(got.id, 4);
	assert_true(got.until_mono.us <= now.mono.us);
	assert_int_equal(db_overrides_drop(f->db, 4), 0);
	got.id = 0;
	assert_int_equal(db_overrides_each(f->db, now, "boot-2", see_override, &got), 0);
	assert_int_equal(got.id, 0);
	/* Its id is not given again. */
	reopen(f);
	assert_int_equal(db_overrides_last(f->db, &last), 0);
	assert_int_equal(last, 4);
}

struct history {
	unsigned rows;
	struct tally sum;
	unsigned times;
	struct wall until;
};

static int see_tally(void *arg, const char *group, const char *spoke, const struct tally *t)
{
	struct history *h = arg;

	assert_string_equal(group, "g");
	assert_string_equal(spoke, "berlin");
	h->rows++;
	h->sum = *t;
	return 0;
}

static int see_mishap(void *arg, const struct mishap *m)
{
	struct history *h = arg;

	h->rows++;
	h->times = m->times;
	h->until = m->until;
	return 0;
}

/* Catches: a column that is swapped, a period that begins elsewhere, an outage counted as many. */
static void test_history(void **state)
{
	struct fixture *f = *state;
	const struct tally t = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
	struct mishap m = {"spoke_down", "berlin", "", "", "no route", {1000000}, {0}, {0}, 0};
	struct history h = {0};

	assert_int_equal(db_tally_add(f->db, (struct wall){1000000}, "g", "berlin", &t), 0);
	assert_int_equal(db_tally_add(f->db, (struct wall){1000001}, "g", "berlin", &t), 0);
	assert_int_equal(db_tally_add(f->db, (struct wall){2000000}, "g", "berlin", &t), 0);
	reopen(f);
	assert_int_equal(db_tally_each(f->db, (struct wall){0}, see_tally, &h), 0);
	assert_int_equal(h.rows, 1);
	assert_int_equal(h.sum.published, 3);
	assert_int_equal(h.sum.late, 12);
	assert_int_equal(h.sum.holes, 21);
	assert_int_equal(h.sum.wire_in, 33);
	assert_int_equal(h.sum.throttled_us, 39);
	assert_int_equal(db_tally_each(f->db, (struct wall){1999999}, see_tally, &h), 0);
	assert_int_equal(h.sum.published, 1);

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(db_mishap_add(f->db, &m), 0);
	h.rows = 0;
	assert_int_equal(db_mishap_each(f->db, (struct wall){1000000}, see_mishap, &h), 0);
	assert_int_equal(h.rows, 1);
	assert_int_equal(h.times, 3);
	assert_int_equal(h.until.s, 0);
	assert_int_equal(db_mishap_over(f->db, "spoke_down", "berlin", "", (struct wall){1000060}),
			 0);
	assert_int_equal(db_mishap_each(f->db, (struct wall){1000000}, see_mishap, &h), 0);
	assert_int_equal(h.until.s, 1000060);
	/* A day later it is another one; and all of it goes at last. */
	m.at.s += 2 * 86400;
	assert_int_equal(db_mishap_add(f->db, &m), 0);
	h.rows = 0;
	assert_int_equal(db_mishap_each(f->db, (struct wall){0}, see_mishap, &h), 0);
	assert_int_equal(h.rows, 2);
	assert_int_equal(db_history_prune(f->db, (struct wall){3000000 + 100 * 86400}), 0);
	h.rows = 0;
	assert_int_equal(db_mishap_each(f->db, (struct wall){0}, see_mishap, &h), 0);
	assert_int_equal(db_tally_each(f->db, (struct wall){0}, see_tally, &h), 0);
	assert_int_equal(h.rows, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ties, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_generation_keeps_its_version, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_job_keeps_its_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_spares_the_current_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_jobs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_job_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inventory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preserved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
