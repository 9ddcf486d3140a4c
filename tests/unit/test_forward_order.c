/*
 * test_forward_order.c: who goes first: by deadline, and which will be missed; small files beside
 * large ones. The forecast and the core go by the same order.
 */
#include "tests/unit/forward_rig.h"

/* Three files of 10 MB at 1 Mbit, 80 s each. The last one alone has a deadline. */
#define DUE "[group d]\npath = /nowhere/d\nspokes = a\npolicy = p\ndeadline = daily 00:02\n"

static void deadline_first(void **state)
{
	struct rig *r =
		rig_world("start_jitter = 0s", ALWAYS("1Mbit") GROUP("priority = 90\n") DUE SPOKES);
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
	struct rig *r = rig_world("start_jitter = 0s\ntransfers = 1",
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
	struct rig *r = rig_world("", ALWAYS("512kbit") GROUP("") DUE SPOKES);
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
	struct rig *r = rig_world("start_jitter = 0s", ALWAYS("8Mbit") GROUP("") DUE SPOKES);
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
	struct rig *r = rig_world("", ALWAYS("8Mbit") GROUP("") SPOKE("a", "") SPOKE("b", ""));
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
	struct rig *r = rig_world("transfers = 4", ALWAYS("8Mbit") GROUP("") SPOKES);
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
	struct rig *r = rig_world("", rest);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadline_first),
		cmocka_unit_test(deadline_missed),
		cmocka_unit_test(late_soon),
		cmocka_unit_test(small_files_pass),
		cmocka_unit_test(small_beside_the_only_one),
		cmocka_unit_test(reload_to_one_slot),
		cmocka_unit_test(earliest_deadline_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
