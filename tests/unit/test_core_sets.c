/*
 * test_core_sets.c: what is published together, in the core; then fleets at random, each from a
 * seed, whose every publication is held against what must be: no set in part on any spoke, and with
 * publish = everywhere none before all have staged it, but for who was down too long; and in the
 * end nothing is lost.
 *
 * Seen to catch: look_here() or look_there() that are always true, a job that ends with
 * OUTCOME_AGAIN and stays staged, tell() without the end of `forced`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scheduler/core_sets.h"
#include "tests/unit/core_rig.h"

#define SPOKE(name) \
	"[spoke " name "]\nurl = https://" name ":4480\n" RIG_KEY(name) "transfers = 8\n"
#define GROUP(name, more) \
	"[group " name "]\npath = /nowhere/" name "\nspokes = a, b, c\npolicy = always\n" more
#define WORLD                                                  \
	GROUP("s", "publish = spoke\n")                        \
	GROUP("e", "publish = everywhere\nquorum_wait = 1h\n") \
	SPOKE("a") SPOKE("b") SPOKE("c")

#define FILES 4

static struct rig *world(void)
{
	struct rig *r = rig_new("transfers = 100\nretry_max = 1m", WORLD);

	for (const char *p = "abc"; *p; p++)
		rig_up(r, (char[]){*p, 0});
	return r;
}

/* A set of n files of a group, all of them new; jobs for one spoke. */
struct one {
	struct set *set;
	struct version *v[FILES];
	struct job *j[FILES];
	size_t n;
};

static void one_make(struct rig *r, struct one *o, const char *group, const char *spoke, size_t n)
{
	o->n = n;
	o->set = core_set_new(r->c, group);
	for (size_t i = 0; i < n; i++) {
		o->v[i] = rig_version(r, group, (char[]){(char)('0' + i), 0}, true);
		o->v[i]->root[0] = (uint8_t)(i + 1);
		o->j[i] = core_add_job(r->c, 0, JOB_PUT, o->v[i], spoke, r->now);
	}
	core_set_tell(r->c, o->set, "set", o->v, n);
	core_set_hold(r->c, o->set, "");
}

static void one_done(struct one *o)
{
	for (size_t i = 0; i < o->n; i++)
		version_unref(o->v[i]);
}

static void all_or_none(void **state)
{
	struct rig *r = world();
	struct one o;

	(void)state;
	one_make(r, &o, "s", "a", 3);
	rig_pass(r);
	rig_end(r, o.j[0], OUTCOME_STAGED);
	assert_int_equal(o.j[0]->state, JOB_STAGED);
	assert_int_equal(o.j[0]->waits, WAIT_SET);
	assert_non_null(strstr(o.j[0]->reason, "is not there yet"));
	rig_end(r, o.j[1], OUTCOME_STAGED);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, NULL), 0);
	core_set_hold(r->c, o.set, "2: it settles");
	rig_end(r, o.j[2], OUTCOME_STAGED);
	assert_string_equal(o.j[2]->reason, "2: it settles");
	/* Nobody knows when it lets go; seen to catch: set_held() that is never true. */
	core_forecast(r->c, r->now);
	assert_int_equal(o.j[2]->eta.s, 0);
	core_set_hold(r->c, o.set, "");
	core_forecast(r->c, r->now);
	assert_int_equal(o.j[2]->eta.s, r->now.wall.s);
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, NULL), 1); /* one for all of them */
	for (size_t i = 0; i < o.n; i++) {
		assert_true(o.j[i]->publishing);
		assert_ptr_equal(core_set_job(r->c, o.j[0], i), o.j[i]);
	}
	/* One could not: the others wait with it, as staged as before. */
	core_fact_ended(r->c, o.j[1], OUTCOME_SET, "", r->now);
	core_fact_ended(r->c, o.j[2], OUTCOME_SET, "", r->now);
	core_fact_ended(r->c, o.j[0], OUTCOME_RETRY, "too much at once", r->now);
	rig_pass(r);
	assert_int_equal(o.j[0]->waits, WAIT_RETRY);
	assert_int_equal(o.j[1]->waits, WAIT_SET);
	assert_string_equal(o.j[1]->reason, "0: too much at once");
	rig_move(r, 60);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, NULL), 1);
	/* What was staged is gone there: it is sent again. */
	core_fact_ended(r->c, o.j[1], OUTCOME_SET, "", r->now);
	core_fact_ended(r->c, o.j[2], OUTCOME_SET, "", r->now);
	rig_end(r, o.j[0], OUTCOME_AGAIN);
	assert_int_equal(rig_saw(r, ACTION_START, o.j[0]), 1);
	one_done(&o);
	rig_free(r);
}

static void newer_member(void **state)
{
	struct rig *r = world();
	struct version *newer;
	struct one o;
	struct job *j;

	(void)state;
	one_make(r, &o, "s", "a", 2);
	rig_pass(r);
	rig_end(r, o.j[0], OUTCOME_STAGED);
	newer = rig_version(r, "s", "0", true);
	j = core_add_job(r->c, 0, JOB_PUT, newer, "a", r->now);
	/* Nobody has said yet what it belongs to. */
	rig_end(r, o.j[1], OUTCOME_STAGED);
	assert_int_equal(o.j[0]->state, JOB_SUPERSEDED);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, NULL), 0);
	version_unref(o.v[0]);
	o.v[0] = newer;
	core_set_force(r->c, o.set);
	core_set_tell(r->c, o.set, "set", o.v, 2);
	assert_false(o.set->forced);
	rig_end(r, j, OUTCOME_STAGED);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, NULL), 1);
	assert_true(j->publishing && o.j[1]->publishing);
	one_done(&o);
	rig_free(r);
}

static void given_up_and_deleted(void **state)
{
	struct rig *r = world();
	struct version *gone;
	struct one o;
	struct job *j;

	(void)state;
	one_make(r, &o, "s", "a", 2);
	gone = rig_version(r, "s", "x", true);
	gone->deleted = true;
	core_set_tell(r->c, o.set, "set", (struct version *[]){o.v[0], o.v[1], gone}, 3);
	j = core_add_job(r->c, 0, JOB_DELETE, gone, "a", r->now);
	rig_pass(r);
	assert_int_equal(j->waits, WAIT_SET);
	rig_end(r, o.j[0], OUTCOME_STAGED);
	rig_end(r, o.j[1], OUTCOME_FAILED);
	assert_non_null(strstr(o.j[0]->reason, "was given up"));
	core_job_retry(r->c, o.j[1], r->now);
	rig_pass(r);
	rig_end(r, o.j[1], OUTCOME_STAGED);
	assert_true(o.j[0]->publishing && o.j[1]->publishing && !j->publishing);
	core_fact_ended(r->c, o.j[0], OUTCOME_PUBLISHED, "", r->now);
	rig_end(r, o.j[1], OUTCOME_PUBLISHED);
	assert_true(j->publishing); /* after all else */
	version_unref(gone);
	one_done(&o);
	rig_free(r);
}

/* Two files with one content, as images that were just made have: what is staged serves both. */
static void twins(void **state)
{
	struct rig *r = world();
	struct one o;

	(void)state;
	one_make(r, &o, "s", "a", 2);
	memcpy(o.v[1]->root, o.v[0]->root, sizeof(o.v[0]->root));
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_START, NULL), 1);
	rig_end(r, o.j[0], OUTCOME_STAGED);
	assert_int_equal(rig_saw(r, ACTION_START, NULL), 0);
	assert_true(o.j[0]->publishing && o.j[1]->publishing);
	one_done(&o);
	rig_free(r);
}

static const struct version *astray; /* the member that was done something to, on "a" */

static bool amiss(const struct spoke_state *sp, const struct version *v, char *why, size_t size)
{
	if (v != astray || strcmp(sp->name, "a") != 0)
		return false;
	snprintf(why, size, "%s is restored on a", v->path);
	return true;
}

/* A member lies there as it was before, and no job is to change that. Seen to catch: set_amiss()
 * that is never true, and core_sets_look() that does nothing. */
static void restored_there(void **state)
{
	struct rig *r = world();
	struct version *newer;
	struct one o;
	struct job *j, *b;

	(void)state;
	core_sets_ask(r->c, amiss);
	one_make(r, &o, "s", "a", 2);
	rig_pass(r);
	rig_end(r, o.j[0], OUTCOME_STAGED);
	rig_end(r, o.j[1], OUTCOME_STAGED);
	core_fact_ended(r->c, o.j[0], OUTCOME_PUBLISHED, "", r->now);
	rig_end(r, o.j[1], OUTCOME_PUBLISHED);
	astray = o.v[0];
	core_sets_look(r->c);
	newer = rig_version(r, "s", "1", true);
	newer->root[0] = 9;
	version_unref(o.v[1]);
	o.v[1] = newer;
	core_set_tell(r->c, o.set, "set", o.v, 2);
	j = core_add_job(r->c, 0, JOB_PUT, newer, "a", r->now);
	b = core_add_job(r->c, 0, JOB_PUT, newer, "b", r->now);
	rig_pass(r);
	rig_end(r, j, OUTCOME_STAGED);
	assert_int_equal(j->waits, WAIT_SET);
	assert_string_equal(j->reason, "0 is restored on a");
	rig_end(r, b, OUTCOME_STAGED);
	assert_true(b->publishing);
	assert_false(j->publishing);
	astray = NULL;
	core_sets_look(r->c);
	rig_pass(r);
	assert_true(j->publishing);
	/* Nor is anything of it deleted then. */
	rig_end(r, j, OUTCOME_PUBLISHED);
	rig_end(r, b, OUTCOME_PUBLISHED);
	newer = rig_version(r, "s", "1", true);
	newer->deleted = true;
	version_unref(o.v[1]);
	o.v[1] = newer;
	core_set_tell(r->c, o.set, "set", o.v, 2);
	astray = o.v[0];
	j = core_add_job(r->c, 0, JOB_DELETE, newer, "a", r->now);
	rig_pass(r);
	assert_string_equal(j->reason, "0 is restored on a");
	/* But a newer version of it takes its place. */
	newer = rig_version(r, "s", "0", true);
	version_unref(o.v[0]);
	o.v[0] = newer;
	core_set_tell(r->c, o.set, "set", o.v, 2);
	b = core_add_job(r->c, 0, JOB_PUT, newer, "a", r->now);
	rig_pass(r);
	rig_end(r, b, OUTCOME_STAGED);
	assert_true(b->publishing);
	rig_end(r, b, OUTCOME_PUBLISHED);
	assert_true(j->publishing);
	one_done(&o);
	rig_free(r);
}

static void left_behind(void **state)
{
	struct rig *r = world();
	struct job *a, *b, *c;
	struct one o;

	(void)state;
	one_make(r, &o, "e", "a", 1);
	a = o.j[0];
	b = core_add_job(r->c, 0, JOB_PUT, o.v[0], "b", r->now);
	c = core_add_job(r->c, 0, JOB_PUT, o.v[0], "c", r->now);
	rig_pass(r);
	core_fact_ended(r->c, a, OUTCOME_STAGED, "", r->now);
	core_fact_ended(r->c, c, OUTCOME_STAGED, "", r->now);
	rig_end(r, b, OUTCOME_PEER_DOWN);
	assert_string_equal(a->reason, "b has not staged 0");
	rig_run(r, 3500);
	assert_false(a->publishing);
	assert_true(r->next.us <= r->now.mono.us + 100 * SECOND_US);
	rig_run(r, 200);
	assert_true(a->publishing && c->publishing);
	assert_true(b->left_behind);
	core_fact_ended(r->c, a, OUTCOME_PUBLISHED, "", r->now);
	rig_end(r, c, OUTCOME_PUBLISHED);
	/* It catches up by itself. */
	rig_up(r, "b");
	rig_pass(r);
	rig_end(r, b, OUTCOME_STAGED);
	assert_true(b->publishing);
	one_done(&o);
	rig_free(r);
}

static void forced(void **state)
{
	struct rig *r = world();
	struct one o;

	(void)state;
	one_make(r, &o, "e", "a", 1);
	core_add_job(r->c, 0, JOB_PUT, o.v[0], "b", r->now);
	rig_pass(r);
	rig_end(r, o.j[0], OUTCOME_STAGED);
	assert_int_equal(o.j[0]->waits, WAIT_SET);
	core_set_force(r->c, o.set);
	rig_pass(r);
	assert_true(o.j[0]->publishing);
	one_done(&o);
	rig_free(r);
}

/* ---- at random ---- */

struct fleet {
	struct rig *r;
	unsigned seed;
	bool everywhere, calm;
	struct set *set;
	struct version *v[FILES];
	uint64_t have[3][FILES];
	int64_t down_at[3]; /* -1: up */
	uint64_t publications, left;
};

static unsigned any(struct fleet *f, unsigned n)
{
	return (unsigned)rand_r(&f->seed) % n;
}

static const char *spoke_name(unsigned i)
{
	static const char *const names[] = {"a", "b", "c"};

	return names[i];
}

static struct job *job_at(struct fleet *f, unsigned s, unsigned i)
{
	return core_job_of(f->r->c, spoke_name(s), f->everywhere ? "e" : "s", f->v[i]->path);
}

static void tell(struct fleet *f)
{
	const char *why = "";

	for (unsigned i = 0; i < FILES; i++)
		why = f->v[i]->indexed ? why : "one is being read";
	core_set_tell(f->r->c, f->set, "set", f->v, FILES);
	core_set_hold(f->r->c, f->set, why);
}

static void want(struct fleet *f, unsigned i)
{
	for (unsigned s = 0; s < 3; s++)
		if (f->have[s][i] != f->v[i]->id)
			assert_non_null(core_add_job(f->r->c, 0, JOB_PUT, f->v[i], spoke_name(s),
						     f->r->now));
}

static void renew(struct fleet *f, unsigned i)
{
	version_unref(f->v[i]);
	f->v[i] = rig_version(f->r, f->everywhere ? "e" : "s", (char[]){(char)('0' + i), 0},
			      any(f, 2));
	/* Some have the content of another. */
	f->v[i]->root[0] = (uint8_t)(1 + any(f, 6));
	f->v[i]->root[1] = (uint8_t)f->v[i]->id * (any(f, 3) > 0);
	want(f, i);
	tell(f);
}

static bool staged(struct fleet *f, unsigned s, unsigned i)
{
	const struct job *j = job_at(f, s, i);

	return f->have[s][i] == f->v[i]->id ||
	       (j && j->version == f->v[i] && (j->staged || j->publishing));
}

static void check_publication(struct fleet *f, unsigned s)
{
	f->publications++;
	assert_string_equal(f->set->why, "");
	for (unsigned i = 0; i < FILES; i++) {
		const struct job *j = job_at(f, s, i);

		if (f->have[s][i] != f->v[i]->id)
			assert_true(j && j->version == f->v[i] && j->publishing);
		for (unsigned o = 0; f->everywhere && o < 3; o++)
			if (!staged(f, o, i)) {
				assert_true(f->down_at[o] >= 0);
				assert_true(f->r->now.mono.us - f->down_at[o] >= 3600 * SECOND_US);
				f->left++;
			}
	}
}

static void pass(struct fleet *f)
{
	rig_pass(f->r);
	for (size_t i = 0; i < f->r->n_seen; i++)
		if (f->r->seen[i].kind == ACTION_PUBLISH)
			check_publication(f, (unsigned)(f->r->seen[i].spoke[0] - 'a'));
}

static void end_push(struct fleet *f, struct job *j)
{
	static const enum job_outcome bad[] = {OUTCOME_RETRY, OUTCOME_AGAIN, OUTCOME_FAILED,
					       OUTCOME_SPACE, OUTCOME_IN_USE};
	enum job_outcome o = j->stopping ? OUTCOME_STOPPED : OUTCOME_STAGED;

	if (o == OUTCOME_STAGED && !f->calm && any(f, 5) == 0)
		o = bad[any(f, ARRAY_LEN(bad))];
	core_fact_ended(f->r->c, j, o, "", f->r->now);
}

/* The spoke has done all of it, or nothing. */
static void end_publication(struct fleet *f, unsigned s)
{
	bool well = f->calm || any(f, 4), told = false;

	for (unsigned i = 0; i < FILES; i++) {
		struct job *j = job_at(f, s, i);

		for (; j && !j->publishing; j = NULL)
			;
		if (!j)
			continue;
		if (well)
			f->have[s][i] = j->version->id;
		core_fact_ended(f->r->c, j,
				well   ? OUTCOME_PUBLISHED
				: told ? OUTCOME_SET
				       : (any(f, 2) ? OUTCOME_AGAIN : OUTCOME_IN_USE),
				"", f->r->now);
		told = true;
	}
}

static void turn_spoke(struct fleet *f, unsigned s, bool up)
{
	struct spoke_state *state = core_spoke(f->r->c, spoke_name(s));

	if (up == (f->down_at[s] < 0))
		return;
	f->down_at[s] = up ? -1 : f->r->now.mono.us;
	if (up)
		core_fact_spoke_up(f->r->c, state, "UTC", f->r->now);
	else
		core_fact_spoke_down(f->r->c, state, false, "gone", f->r->now);
}

static bool publishing(struct fleet *f, unsigned s)
{
	for (unsigned i = 0; i < FILES; i++)
		if (job_at(f, s, i) && job_at(f, s, i)->publishing)
			return true;
	return false;
}

static void work(struct fleet *f)
{
	for (unsigned s = 0; s < 3; s++) {
		struct spoke_state *state = core_spoke(f->r->c, spoke_name(s));
		struct job *j, *next;

		for (j = TAILQ_FIRST(&state->jobs); j; j = next) {
			next = TAILQ_NEXT(j, by_spoke);
			if (j->running && (f->calm || any(f, 3) == 0))
				end_push(f, j);
		}
		if (publishing(f, s) && (f->calm || any(f, 2)))
			end_publication(f, s);
	}
}

static void forward(struct fleet *f, int64_t seconds)
{
	f->r->now.mono.us += seconds * SECOND_US;
	f->r->now.wall.s += seconds;
}

static void step(struct fleet *f)
{
	unsigned i = any(f, FILES), s = any(f, 3);
	struct job *j;

	switch (any(f, 12)) {
	case 0:
		/* Its publication would be of an older version: that is looked at elsewhere. */
		if (!publishing(f, 0) && !publishing(f, 1) && !publishing(f, 2))
			renew(f, i);
		break;
	case 1:
		turn_spoke(f, s, any(f, 3) > 0);
		break;
	case 2:
		forward(f, any(f, 2) ? 30 : 2400);
		break;
	case 3:
		j = job_at(f, s, i);
		if (j && job_over(j))
			core_job_retry(f->r->c, j, f->r->now);
		break;
	default:
		work(f);
	}
	for (i = 0; i < FILES; i++)
		if (!f->v[i]->indexed && any(f, 3) == 0) {
			core_fact_indexed(f->r->c, f->v[i]);
			tell(f);
		}
	pass(f);
}

static void calm_down(struct fleet *f)
{
	f->calm = true;
	for (unsigned i = 0; i < FILES; i++)
		core_fact_indexed(f->r->c, f->v[i]);
	tell(f);
	for (unsigned s = 0; s < 3; s++) {
		turn_spoke(f, s, true);
		for (unsigned i = 0; i < FILES; i++)
			if (job_at(f, s, i) && core_job_given_up(job_at(f, s, i)))
				core_job_retry(f->r->c, job_at(f, s, i), f->r->now);
	}
	for (unsigned i = 0; i < 60; i++) {
		pass(f);
		work(f);
		forward(f, 60);
	}
	for (unsigned s = 0; s < 3; s++)
		for (unsigned i = 0; i < FILES; i++)
			assert_int_equal(f->have[s][i], f->v[i]->id);
	assert_true(core_in_sync(f->r->c, NULL, NULL, UINT64_MAX));
}

static void fleets(void **state)
{
	uint64_t publications = 0, left = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 400; seed++) {
		struct fleet f = {.seed = seed, .everywhere = seed % 2, .down_at = {-1, -1, -1}};

		f.r = world();
		f.set = core_set_new(f.r->c, f.everywhere ? "e" : "s");
		for (unsigned i = 0; i < FILES; i++)
			f.v[i] = rig_version(f.r, f.everywhere ? "e" : "s",
					     (char[]){(char)('0' + i), 0}, true);
		for (unsigned i = 0; i < FILES; i++)
			renew(&f, i);
		for (unsigned n = 0; n < 150; n++)
			step(&f);
		calm_down(&f);
		publications += f.publications;
		left += f.left;
		for (unsigned i = 0; i < FILES; i++)
			version_unref(f.v[i]);
		rig_free(f.r);
	}
	printf("# 400 fleets: %llu publications of sets, %llu times without one who was down\n",
	       (unsigned long long)publications, (unsigned long long)left);
	assert_true(publications > 1000 && left > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(newer_member),
		cmocka_unit_test(given_up_and_deleted),
		cmocka_unit_test(twins),
		cmocka_unit_test(restored_there),
		cmocka_unit_test(left_behind),
		cmocka_unit_test(forced),
		cmocka_unit_test(fleets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
