/*
 * test_forward.c: the core run forward: moves window by window, shares of a hub's rate that are
 * freed, another configuration; deadlines: who goes first, and who is reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scheduler/core_sets.h"
#include "scheduler/forward.h"
#include "tests/unit/core_rig.h"

#define SPOKE(name, more) "[spoke " name "]\nurl = https://" name ":4480\n" RIG_KEY(name) more
#define GROUP(more)	  "[group g]\npath = /nowhere/g\nspokes = a, b\npolicy = p\n" more
#define SPOKES		  SPOKE("a", "transfers = 1\n") SPOKE("b", "transfers = 1\n")
#define ALWAYS(rate)	  "[policy p]\nwindow = mon-sun 00:00-24:00 " rate "\n"
#define HOUR		  3600

struct seen {
	struct forward_move moves[64];
	struct forward_end ends[64];
	struct forward_who who[64]; /* behind the ends: the run's own are gone */
	unsigned n_moves, n_ends;
};

static void see_move(void *arg, const struct forward_move *m)
{
	struct seen *s = arg;

	s->moves[s->n_moves++] = *m;
}

static void see_end(void *arg, const struct forward_end *e)
{
	struct seen *s = arg;

	s->who[s->n_ends] = *e->job;
	s->ends[s->n_ends++] = *e;
}

static struct rig *world(const char *daemon, const char *rest)
{
	struct rig *r = rig_new(daemon, rest);

	rig_pass(r);
	rig_up(r, "a");
	rig_up(r, "b");
	rig_pass(r);
	return r;
}

static struct seen run(struct rig *r, struct config *cfg, int64_t until)
{
	struct seen s = {0};
	struct forward_run f = {.cfg = cfg, .move = see_move, .end = see_end, .arg = &s};

	f.until.s = until ? r->now.wall.s + until : 0;
	assert_int_equal(forward_run(r->c, &f, r->now), 0);
	return s;
}

static int64_t after(const struct rig *r, struct wall t)
{
	return t.s - r->now.wall.s;
}

static void windows(void **state)
{
	/* 10 MB at 1 Mbit are 80 s: two nights. */
	struct rig *r = world("start_jitter = 0s",
			      "[policy p]\nwindow = mon-sun 01:00-01:01 1Mbit\n" GROUP("") SPOKES);
	struct job *j = rig_add(r, "a", "g", "1");
	struct seen s;

	(void)state;
	rig_pass(r);
	s = run(r, NULL, 0);
	assert_int_equal(s.n_moves, 2);
	assert_int_equal(after(r, s.moves[0].from), HOUR);
	assert_int_equal(after(r, s.moves[0].opened), HOUR);
	assert_int_equal(after(r, s.moves[0].to), HOUR + 60);
	assert_in_range(s.moves[0].bytes, 7499000, 7501000);
	assert_false(s.moves[0].done);
	assert_int_equal(after(r, s.moves[1].from), 25 * HOUR);
	assert_true(s.moves[1].done);
	assert_int_equal(s.moves[0].bytes + s.moves[1].bytes, 10000000);
	assert_int_equal(s.n_ends, 1);
	assert_int_equal(s.who[0].id, j->id);
	assert_in_range(after(r, s.ends[0].eta), 25 * HOUR + 20, 25 * HOUR + 21);
	assert_int_equal(s.ends[0].windows, 2);
	/* As it will be at noon. */
	s = run(r, NULL, 12 * HOUR);
	assert_int_equal(s.n_moves, 1);
	assert_in_range(s.ends[0].done, 7499000, 7501000);
	assert_int_equal(s.ends[0].eta.s, 0);
	/* Nothing of it happened. */
	assert_int_equal(j->state, JOB_WAITING);
	assert_int_equal(j->done_bytes, 0);
	rig_free(r);
}

static void shares_are_freed(void **state)
{
	/* 8 Mbit, 3:1. A has its 10 MB after 13.3 s; B the rest of its own at the whole rate. */
	struct rig *r = world("rate = 8Mbit", ALWAYS("unlimited") GROUP("")
						      SPOKE("a", "weight = 3\n") SPOKE("b", ""));
	struct job *a = rig_add(r, "a", "g", "1"), *b = rig_add(r, "b", "g", "1");

	(void)state;
	rig_pass(r);
	core_forecast(r->c, r->now);
	assert_in_range(after(r, a->eta), 13, 15);
	assert_in_range(after(r, b->eta), 20, 21);
	rig_free(r);
}

static const struct forward_end *end_for(const struct seen *s, const struct job *j)
{
	for (unsigned i = 0; i < s->n_ends; i++)
		if (s->who[i].id == j->id)
			return &s->ends[i];
	fail_msg("job %llu has no end", (unsigned long long)j->id);
	return NULL;
}

/* Two files of 10 MB at 8 Mbit for a, 4 for b: a has the first after 10 s, all after 20; b
 * after 40. Seen to catch: forward_set_gather(), or put_off(), that does nothing; the time at which
 * a spoke is left behind left out. */
static void sets(const char *publish, int64_t first, int64_t second)
{
	char *text = xasprintf(ALWAYS("8Mbit") GROUP("publish = %s\nquorum_wait = 1m\n")
				       SPOKE("a", "transfers = 1\n")
					       SPOKE("b", "transfers = 1\nrate = 4Mbit\n"),
			       publish);
	struct rig *r = world("", text);
	struct version *v[3];
	struct job *a[2], *b[2], *gone;
	struct set *set;
	struct seen s;

	free(text);
	set = core_set_new(r->c, "g");
	for (unsigned i = 0; i < 3; i++) {
		v[i] = rig_version(r, "g", (char[]){(char)('1' + i), 0}, true);
		v[i]->deleted = i == 2;
		v[i]->root[0] = (uint8_t)i;
	}
	for (unsigned i = 0; i < 2; i++) {
		a[i] = core_add_job(r->c, 0, JOB_PUT, v[i], "a", r->now);
		b[i] = core_add_job(r->c, 0, JOB_PUT, v[i], "b", r->now);
	}
	gone = core_add_job(r->c, 0, JOB_DELETE, v[2], "a", r->now);
	core_set_tell(r->c, set, "set", v, 3);
	core_set_hold(r->c, set, "");
	rig_pass(r);
	s = run(r, NULL, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_in_range(after(r, end_for(&s, a[i])->eta), first, first + 1);
		assert_in_range(after(r, end_for(&s, b[i])->eta), second, second + 1);
	}
	/* What is deleted goes after the rest; ETAs elsewhere are the same. */
	assert_in_range(after(r, end_for(&s, gone)->eta), first, first + 1);
	core_forecast(r->c, r->now);
	assert_in_range(after(r, a[0]->eta), first, first + 1);
	assert_in_range(after(r, gone->eta), first, first + 1);
	/* A spoke that is down: nobody knows, or till it is left behind. */
	core_fact_spoke_down(r->c, b[0]->spoke, false, "", r->now);
	rig_pass(r);
	s = run(r, NULL, 0);
	if (!strcmp(publish, "everywhere"))
		assert_in_range(after(r, end_for(&s, a[0])->eta), 60, 62);
	else
		assert_in_range(after(r, end_for(&s, a[0])->eta), 20, 21);
	assert_int_equal(end_for(&s, b[0])->eta.s, 0);
	/* One is given up: the others wait for it. */
	rig_end(r, a[1], OUTCOME_FAILED);
	s = run(r, NULL, 0);
	assert_int_equal(end_for(&s, a[0])->eta.s, 0);
	assert_int_equal(end_for(&s, gone)->eta.s, 0);
	for (unsigned i = 0; i < 3; i++)
		version_unref(v[i]);
	rig_free(r);
}

static void of_a_spoke(void **state)
{
	(void)state;
	sets("spoke", 20, 40);
}

static void everywhere(void **state)
{
	(void)state;
	sets("everywhere", 40, 40);
}

static void limits_within(void **state)
{
	/* The window's rate is one spoke's under one policy; the spoke's own limit is lower. */
	struct rig *r = world("", ALWAYS("8Mbit") GROUP("") SPOKE("a", "rate = 4Mbit\n")
					  SPOKE("b", "transfers = 2\n"));
	struct job *a = rig_add(r, "a", "g", "1"), *b = rig_add(r, "b", "g", "1");
	struct job *b2 = rig_add(r, "b", "g", "2");

	(void)state;
	rig_pass(r);
	core_forecast(r->c, r->now);
	assert_in_range(after(r, a->eta), 20, 21);
	assert_in_range(after(r, b->eta), 20, 21);
	assert_in_range(after(r, b2->eta), 20, 21);
	rig_free(r);
}

/* One policy, or one sync-now, over two groups of a spoke: its rate is for both together. */
#define TWO_GROUPS \
	GROUP("")  \
	"[group h]\npath = /nowhere/h\nspokes = a\npolicy = p\n" SPOKE("a", "") SPOKE("b", "")

static void one_limit_for_groups(void **state)
{
	struct override o = {.kind = OVERRIDE_SYNC_NOW, .rate = 125000};
	struct rig *r = world("", ALWAYS("2Mbit") TWO_GROUPS);
	struct job *g = rig_add(r, "a", "g", "1"), *h = rig_add(r, "a", "h", "1");
	struct job *b = rig_add(r, "b", "g", "1");

	(void)state;
	rig_pass(r);
	assert_true(g->running && h->running && b->running);
	/* 20 MB at 250 kB a second; b has as much for its own. */
	core_forecast(r->c, r->now);
	assert_in_range(after(r, g->eta), 80, 81);
	assert_in_range(after(r, h->eta), 80, 81);
	assert_in_range(after(r, b->eta), 40, 41);
	o.spoke = xstrdup("a");
	o.since = r->now.wall;
	o.until.s = r->now.wall.s + HOUR;
	o.until_mono = (struct mono){r->now.mono.us + HOUR * SECOND_US};
	core_override_add(r->c, &o);
	rig_pass(r);
	core_forecast(r->c, r->now);
	assert_in_range(after(r, g->eta), 160, 161);
	assert_in_range(after(r, h->eta), 160, 161);
	assert_in_range(after(r, b->eta), 40, 41);
	rig_free(r);
}

/* The hub's policy limits what goes by the policies, not what a person sends now. */
static void sync_now_beside_the_plan(void **state)
{
	struct rig *r =
		world("policy = h",
		      "[policy h]\nwindow = mon-sun 00:00-24:00 1Mbit\n" ALWAYS("unlimited")
			      GROUP("") SPOKE("a", "rate = 8Mbit\n") SPOKE("b", "rate = 8Mbit\n"));
	struct job *a = rig_add(r, "a", "g", "1"), *b = rig_add(r, "b", "g", "1");

	(void)state;
	rig_pass(r);
	core_forecast(r->c, r->now);
	assert_in_range(after(r, a->eta), 160, 161);
	assert_in_range(after(r, b->eta), 160, 161);
	rig_override(r, OVERRIDE_SYNC_NOW, "b", NULL, HOUR);
	rig_pass(r);
	core_forecast(r->c, r->now);
	assert_in_range(after(r, a->eta), 80, 81);
	assert_in_range(after(r, b->eta), 10, 11);
	rig_free(r);
}

/* Holes are not sent: what is not zero of an image is what it takes, once that is known. */
static void holes_take_no_time(void **state)
{
	struct rig *r = world("start_jitter = 0s", ALWAYS("8Mbit") GROUP("") SPOKES);
	struct version *v = rig_version(r, "g", "1", false);
	struct job *j, *next;

	(void)state;
	v->size = UINT64_C(200) << 30;
	v->nonzero = 0;
	j = core_add_job(r->c, 0, JOB_PUT, v, "a", r->now);
	rig_pass(r);
	assert_int_equal(j->state, JOB_INDEXING);
	assert_int_equal(j->total_bytes, v->size);
	v->nonzero = 20 * 1000 * 1000;
	core_fact_indexed(r->c, v);
	rig_override(r, OVERRIDE_PAUSE, NULL, NULL, 10);
	rig_pass(r);
	assert_int_equal(j->total_bytes, v->nonzero);
	core_forecast(r->c, r->now);
	assert_in_range(after(r, j->eta), 30, 31);
	/* 20 MB are more than the slot for small files takes, 10 are not. */
	assert_false(j->small);
	version_unref(v);
	v = rig_version(r, "g", "2", true);
	v->size = UINT64_C(200) << 30;
	next = core_add_job(r->c, 0, JOB_PUT, v, "a", r->now);
	rig_move(r, 10);
	assert_true(next->small);
	assert_true(j->running && next->running);
	/* A push knows better. */
	core_fact_progress(r->c, j, 1000, 5 * 1000 * 1000, r->now);
	rig_end(r, j, OUTCOME_RETRY);
	assert_int_equal(j->total_bytes, 5 * 1000 * 1000);
	version_unref(v);
	rig_free(r);
}

static void what_if(void **state)
{
	struct rig *r = world("start_jitter = 0s", ALWAYS("8Mbit") GROUP("") SPOKES);
	struct config *cfg = rig_config(
		"[daemon]\nrole = hub\nstate_dir = /nostate\nstart_jitter = 0s\n[policy p]\n"
		"window = mon-sun 02:00-03:00 8Mbit\n[group g]\npath = /nowhere/g\nspokes = a\n"
		"policy = p\n" SPOKE("a", "transfers = 1\n"));
	struct seen s;

	(void)state;
	rig_add(r, "a", "g", "1");
	rig_add(r, "b", "g", "1");
	rig_pass(r);
	s = run(r, cfg, 0);
	assert_int_equal(s.n_ends, 2);
	for (unsigned i = 0; i < 2; i++) {
		bool b = !strcmp(s.who[i].spoke, "b");

		assert_int_equal(s.ends[i].known, !b);
		if (!b)
			assert_in_range(after(r, s.ends[i].eta), 2 * HOUR + 10, 2 * HOUR + 11);
	}
	config_unref(cfg);
	rig_free(r);
}

/* What runs is stopped at once where the window of the other configuration is closed: no move. */
static void stopped_at_once(void **state)
{
	struct rig *r = world("start_jitter = 0s", ALWAYS("8Mbit") GROUP("") SPOKES);
	struct config *cfg = rig_config(
		"[daemon]\nrole = hub\nstate_dir = /nostate\nstart_jitter = 0s\n[policy p]\n"
		"window = mon-sun 02:00-03:00 8Mbit\n[group g]\npath = /nowhere/g\nspokes = a\n"
		"policy = p\n" SPOKE("a", "transfers = 1\n"));
	struct job *j = rig_add(r, "a", "g", "1");
	struct seen s;

	(void)state;
	rig_pass(r);
	assert_true(j->running);
	s = run(r, cfg, 0);
	assert_int_equal(s.n_moves, 1);
	assert_int_equal(after(r, s.moves[0].from), 2 * HOUR);
	assert_int_equal(s.moves[0].bytes, 10000000);
	config_unref(cfg);
	rig_free(r);
}

/* 10 MB of which 60 kB go each week: not done in 400 days, and not for want of a rate. */
static void behind_the_horizon(void **state)
{
	struct rig *r = world("start_jitter = 0s",
			      "[policy p]\nwindow = mon 01:00-01:01 8kbit\n" GROUP("") SPOKES);
	struct seen s;

	(void)state;
	rig_add(r, "a", "g", "1");
	rig_pass(r);
	s = run(r, NULL, 0);
	assert_int_equal(s.n_ends, 1);
	assert_int_equal(s.ends[0].eta.s, 0);
	assert_false(s.ends[0].unknown);
	rig_free(r);
}

/* Three files of 10 MB at 1 Mbit, 80 s each. The last one alone has a deadline. */
#define DUE "[group d]\npath = /nowhere/d\nspokes = a\npolicy = p\ndeadline = daily 00:02\n"

static void deadline_first(void **state)
{
	struct rig *r =
		world("start_jitter = 0s", ALWAYS("1Mbit") GROUP("priority = 90\n") DUE SPOKES);
	struct job *one = rig_add(r, "a", "g", "1"), *two = rig_add(r, "a", "g", "2");
	struct job *due = rig_add(r, "a", "d", "1");

	(void)state;
	core_override_end(r->c, OVERRIDE_PAUSE, NULL, NULL, true);
	rig_override(r, OVERRIDE_PAUSE, NULL, NULL, 10);
	rig_pass(r);
	assert_int_equal(after(r, core_deadline(r->c, due)), 120);
	assert_int_equal(core_deadline(r->c, one).s, WALL_NEVER.s);
	core_deadlines(r->c, r->now);
	assert_false(due->late);
	assert_in_range(after(r, due->eta), 90, 91);
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_LATE, due), 0);
	rig_move(r, 10);
	assert_true(due->running);
	assert_false(one->running || two->running);
	rig_free(r);
}

/* Priorities the wrong way round, ids too: all three would be late, and go by their deadlines. */
#define BY(name, prio, time)                                                                      \
	"[group " name "]\npath = /nowhere/" name "\nspokes = a, b\npolicy = p\npriority = " prio \
	"\ndeadline = daily " time "\n"

static void earliest_deadline_first(void **state)
{
	struct rig *r = world("start_jitter = 0s\ntransfers = 1",
			      ALWAYS("1Mbit") BY("g", "90", "00:04") BY("d", "50", "00:03")
				      BY("e", "10", "00:02") SPOKES);
	struct job *four = rig_add(r, "a", "g", "1"), *three = rig_add(r, "b", "d", "1");
	struct job *two = rig_add(r, "a", "e", "1");

	(void)state;
	rig_override(r, OVERRIDE_PAUSE, NULL, NULL, 100);
	rig_pass(r);
	core_deadlines(r->c, r->now);
	core_deadlines(r->c, r->now);
	rig_move(r, 100);
	assert_true(two->running);
	assert_false(three->running || four->running);
	rig_end(r, two, OUTCOME_FAILED);
	assert_true(three->running);
	assert_false(four->running);
	rig_end(r, three, OUTCOME_FAILED);
	assert_true(four->running);
	rig_free(r);
}

static void deadline_missed(void **state)
{
	struct rig *r = world("", ALWAYS("512kbit") GROUP("") DUE SPOKES);
	struct job *due = rig_add(r, "a", "d", "1");

	(void)state;
	rig_pass(r);
	/* 156 s, and there are 120: said at once, and once. */
	core_deadlines(r->c, r->now);
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_LATE, due), 1);
	assert_true(due->late);
	core_deadlines(r->c, r->now);
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_LATE, due), 0);
	/* A person makes room. */
	rig_override(r, OVERRIDE_SYNC_NOW, NULL, NULL, HOUR);
	rig_move(r, 1);
	core_fact_progress(r->c, due, 9900000, 10000000, r->now);
	rig_reload(r, "",
		   ALWAYS("8Mbit") GROUP("") DUE SPOKE("a", "rate = 8Mbit\n") SPOKE("b", ""));
	core_deadlines(r->c, r->now);
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_LATE, due), 1);
	assert_false(due->late);
	/* Not done, and its time is over: late whatever is foreseen. */
	core_fact_spoke_down(r->c, due->spoke, false, "no route", r->now);
	rig_move(r, 120);
	core_deadlines(r->c, r->now);
	assert_true(due->late);
	rig_free(r);
}

/* Without waiting for the minute, and only when something came. Catches: the flag not set where a
 * job or an override comes, or never cleared. */
static void late_soon(void **state)
{
	struct rig *r = world("start_jitter = 0s", ALWAYS("8Mbit") GROUP("") DUE SPOKES);
	struct job *due = rig_add(r, "a", "d", "1");

	(void)state;
	rig_pass(r);
	assert_true(core_deadlines_soon(r->c, r->now));
	assert_false(due->late);
	assert_false(core_deadlines_soon(r->c, r->now));
	rig_override(r, OVERRIDE_PAUSE, "a", NULL, HOUR);
	rig_pass(r);
	assert_true(core_deadlines_soon(r->c, r->now));
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_LATE, due), 1);
	assert_true(due->late);
	core_override_end(r->c, OVERRIDE_PAUSE, "a", NULL, false);
	assert_true(core_deadlines_soon(r->c, r->now));
	assert_false(due->late);
	rig_reload(r, "", ALWAYS("512kbit") GROUP("") DUE SPOKES);
	assert_true(core_deadlines_soon(r->c, r->now));
	assert_true(due->late);
	rig_free(r);
}

static void small_files_pass(void **state)
{
	/* Two slots; three images of 10 GB and a small file, the last of all. */
	struct rig *r = world("", ALWAYS("8Mbit") GROUP("") SPOKE("a", "") SPOKE("b", ""));
	struct version *v[4];
	struct job *j[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		char path[2] = {(char)('1' + i), 0};

		v[i] = rig_version(r, "g", path, true);
		v[i]->size = v[i]->nonzero = i < 3 ? UINT64_C(10000000000) : 4000;
		j[i] = core_add_job(r->c, 0, JOB_PUT, v[i], "a", r->now);
	}
	rig_pass(r);
	assert_true(j[0]->running && j[3]->running);
	assert_false(j[1]->running || j[2]->running);
	assert_int_equal(j[1]->waits, WAIT_SLOT);
	for (int i = 0; i < 4; i++)
		version_unref(v[i]);
	rig_free(r);
}

/* One slot, and it is taken by an image: a small file goes beside it, a second one does not. */
static void small_beside_the_only_one(void **state)
{
	struct rig *r = world("transfers = 4", ALWAYS("8Mbit") GROUP("") SPOKES);
	struct version *v[3];
	struct job *j[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		char path[2] = {(char)('1' + i), 0};

		v[i] = rig_version(r, "g", path, true);
		v[i]->size = v[i]->nonzero = i == 0 ? UINT64_C(10000000000) : 4000;
		j[i] = core_add_job(r->c, 0, JOB_PUT, v[i], "a", r->now);
	}
	rig_pass(r);
	assert_true(j[0]->running && j[1]->running);
	assert_false(j[2]->running);
	assert_int_equal(j[2]->waits, WAIT_SLOT);
	/* It stays so: nobody is paused for it, and the next small one follows. */
	rig_move(r, 60);
	assert_true(j[0]->running && j[1]->running && !j[0]->stopping && !j[1]->stopping);
	rig_end(r, j[1], OUTCOME_FAILED);
	assert_true(j[2]->running);
	/* While a small one alone has the slot, that is one transfer, and the image waits for it.
	 */
	rig_end(r, j[0], OUTCOME_RETRY);
	rig_move(r, 7200);
	assert_false(j[0]->running);
	rig_end(r, j[2], OUTCOME_FAILED);
	assert_true(j[0]->running);
	for (int i = 0; i < 3; i++)
		version_unref(v[i]);
	rig_free(r);
}

/* A reload from three slots to one: of two images and a small file, one image and the file go on.
 */
static void reload_to_one_slot(void **state)
{
	const char *rest = ALWAYS("8Mbit") GROUP("") SPOKE("a", "transfers = 3\n") SPOKE("b", "");
	struct rig *r = world("", rest);
	struct version *v[3];
	struct job *j[3];
	unsigned large = 0, small = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char path[2] = {(char)('1' + i), 0};

		v[i] = rig_version(r, "g", path, true);
		v[i]->size = v[i]->nonzero = i < 2 ? UINT64_C(10000000000) : 4000;
		j[i] = core_add_job(r->c, 0, JOB_PUT, v[i], "a", r->now);
	}
	rig_pass(r);
	assert_true(j[0]->running && j[1]->running && j[2]->running);
	rig_reload(r, "", ALWAYS("8Mbit") GROUP("") SPOKES);
	rig_pass(r);
	for (int i = 0; i < 3; i++)
		*(i < 2 ? &large : &small) += !j[i]->stopping;
	assert_int_equal(large, 1);
	assert_in_range(small, 0, 1);
	for (int i = 0; i < 3; i++)
		version_unref(v[i]);
	rig_free(r);
}

static void count_end(void *arg, const struct forward_end *e)
{
	(void)e;
	++*(unsigned *)arg;
}

static void nothing(void *arg, const struct action *a)
{
	(void)arg, (void)a;
}

/* Jobs for both spokes, far more than one step takes. */
static void many(struct rig *r, unsigned files)
{
	char path[16];

	for (unsigned i = 0; i < files; i++) {
		struct version *v;

		snprintf(path, sizeof(path), "f%u", i);
		v = rig_version(r, "g", path, true);
		core_job_unwanted(r->c, core_add_job(r->c, 0, JOB_PUT, v, "a", r->now), "test");
		assert_non_null(core_add_job(r->c, 0, JOB_PUT, v, "b", r->now));
		version_unref(v);
	}
	while (core_plan(r->c, r->now, nothing, NULL).us <= r->now.mono.us)
		;
}

/* No step copies, plans or tells more than it may, and the queue may change under it. */
static void in_steps(void **state)
{
	const unsigned files = 3 * FORWARD_STEP_JOBS;
	struct rig *r = world("start_jitter = 0s", ALWAYS("8Mbit") GROUP("") SPOKES);
	unsigned told = 0, steps = 0, before;
	struct forward_run run = {.end = count_end, .arg = &told};
	struct forward *f;
	int left;

	(void)state;
	many(r, files);
	run.until.s = r->now.wall.s + 60;
	f = forward_new(r->c, &run, r->now);
	assert_int_equal(forward_step(f), 1);
	/* The rest is not copied yet: all of it ends, and is forgotten. */
	rig_reload(r, "",
		   ALWAYS("8Mbit") "[group g]\npath = /nowhere/g\nspokes = a\npolicy = p\n" SPOKES);
	while (core_plan(r->c, r->now, nothing, NULL).us <= r->now.mono.us)
		;
	core_forget_ended(r->c, 0, NULL, NULL);
	do {
		before = told;
		left = forward_step(f);
		steps++;
		assert_in_range(told - before, 0, FORWARD_STEP_JOBS);
	} while (left > 0);
	assert_int_equal(left, 0);
	/* What the first step took, and what ran. */
	assert_in_range(told, FORWARD_STEP_JOBS, FORWARD_STEP_JOBS + 8);
	assert_in_range(steps, 5, 100000);
	forward_free(f);
	rig_free(r);
}

/* Sixteen spokes that are up, with so many files to go to each. */
static struct rig *fleet(unsigned files)
{
	static const char hex[] = "0123456789abcdef";
	char *ini = xstrdup(
		ALWAYS("8Mbit") "[group g]\npath = /nowhere/g\nspokes = s[0-9a-f]\npolicy = p\n"
				"deadline = daily 02:00\n");
	char path[16], spoke[3] = "s";
	struct rig *r;

	for (unsigned i = 0; i < 16; i++) {
		char *more = xasprintf("%s[spoke s%c]\nurl = https://s%c:4480\nkey = sha256:%s%c\n",
				       ini, hex[i], hex[i], RIG_ZEROS, hex[i]);

		free(ini);
		ini = more;
	}
	r = rig_new("start_jitter = 0s", ini);
	free(ini);
	for (unsigned i = 0; i < 16 * files; i++) {
		struct version *v;

		snprintf(path, sizeof(path), "f%u", i / 16);
		spoke[1] = hex[i % 16];
		rig_up(r, spoke);
		v = rig_version(r, "g", path, true);
		assert_non_null(core_add_job(r->c, 0, JOB_PUT, v, spoke, r->now));
		version_unref(v);
	}
	while (core_plan(r->c, r->now, nothing, NULL).us <= r->now.mono.us)
		;
	return r;
}

static unsigned with_eta(struct rig *r)
{
	struct spoke_state *s;
	unsigned n = 0;
	struct job *j;

	TAILQ_FOREACH (s, core_spokes(r->c), entry)
		TAILQ_FOREACH (j, &s->jobs, by_spoke)
			n += j->eta.s != 0;
	return n;
}

/* A large queue is reckoned in parts, some spokes at a time, and then all of it is; what is young
 * is not reckoned again. */
static void forecast_in_parts(void **state)
{
	struct rig *r = fleet(1500);
	struct spoke_state *s;
	unsigned known, passes = 0;
	struct job *j;
	struct mono next;

	(void)state;
	core_forecast(r->c, r->now);
	known = with_eta(r);
	assert_int_equal(known, 3 * 1500);
	do {
		unsigned before = known;

		next = core_plan(r->c, r->now, nothing, NULL);
		known = with_eta(r);
		assert_in_range(known - before, 0, 3 * 1500);
		passes++;
	} while (next.us <= r->now.mono.us);
	assert_int_equal(known, 16 * 1500);
	assert_int_equal(passes, 5);
	core_forecast(r->c, r->now);
	assert_true(core_plan(r->c, r->now, nothing, NULL).us > r->now.mono.us);
	/* And so are the deadlines: 1,500 files of 10 s each on a spoke, and two hours for them. */
	core_deadlines(r->c, r->now);
	while (core_plan(r->c, r->now, nothing, NULL).us <= r->now.mono.us)
		;
	known = 0;
	TAILQ_FOREACH (s, core_spokes(r->c), entry)
		TAILQ_FOREACH (j, &s->jobs, by_spoke)
			known += j->late;
	assert_in_range(known, 16 * 779, 16 * 782);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),
		cmocka_unit_test(shares_are_freed),
		cmocka_unit_test(of_a_spoke),
		cmocka_unit_test(everywhere),
		cmocka_unit_test(limits_within),
		cmocka_unit_test(one_limit_for_groups),
		cmocka_unit_test(sync_now_beside_the_plan),
		cmocka_unit_test(holes_take_no_time),
		cmocka_unit_test(what_if),
		cmocka_unit_test(stopped_at_once),
		cmocka_unit_test(behind_the_horizon),
		cmocka_unit_test(deadline_first),
		cmocka_unit_test(deadline_missed),
		cmocka_unit_test(late_soon),
		cmocka_unit_test(small_files_pass),
		cmocka_unit_test(small_beside_the_only_one),
		cmocka_unit_test(reload_to_one_slot),
		cmocka_unit_test(in_steps),
		cmocka_unit_test(forecast_in_parts),
		cmocka_unit_test(earliest_deadline_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
