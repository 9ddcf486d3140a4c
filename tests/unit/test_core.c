/*
 * test_core.c: the life of jobs in the core: order, slots, outcomes, superseding, cancelling,
 * words. Windows, overrides and greetings: test_core_time.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_rig.h"

#define SPOKE(name, more) "[spoke " name "]\nurl = https://" name ":4480\n" RIG_KEY(name) more
#define GROUP(name, more) "[group " name "]\npath = /nowhere/" name "\nspokes = a, b\n" more
#define WORLD                                             \
	GROUP("g", "policy = always\n")                   \
	GROUP("high", "policy = always\npriority = 90\n") \
	SPOKE("a", "transfers = 2\n") SPOKE("b", "transfers = 2\n")

static struct rig *world(const char *daemon)
{
	struct rig *r = rig_new(daemon, WORLD);

	rig_pass(r);
	assert_int_equal(rig_saw_spoke(r, ACTION_GREET, "a"), 1);
	assert_int_equal(rig_saw_spoke(r, ACTION_GREET, "b"), 1);
	rig_up(r, "a");
	rig_up(r, "b");
	rig_pass(r);
	return r;
}

static void order_and_slots(void **state)
{
	struct rig *r = world("transfers = 3");
	struct job *low1 = rig_add(r, "a", "g", "1"), *low2 = rig_add(r, "a", "g", "2");
	struct job *high = rig_add(r, "a", "high", "3");
	struct job *b1 = rig_add(r, "b", "g", "1"), *b2 = rig_add(r, "b", "g", "2");

	(void)state;
	rig_pass(r);
	/* a: the high one and the older of the low; b: one, for the hub has three slots. */
	assert_int_equal(high->state, JOB_SENDING);
	assert_int_equal(low1->state, JOB_SENDING);
	assert_int_equal(low2->state, JOB_WAITING);
	assert_int_equal(low2->waits, WAIT_SLOT);
	assert_int_equal(b1->state, JOB_SENDING);
	assert_int_equal(b2->waits, WAIT_SLOT);
	assert_int_equal(core_running(r->c), 3);
	assert_ptr_equal(TAILQ_FIRST(&core_spoke(r->c, "a")->jobs), high);
	/* A slot of the hub is freed by a: b gets it, for it has fewer. */
	rig_end(r, low1, OUTCOME_STAGED);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, low1), 1);
	assert_int_equal(rig_saw(r, ACTION_START, NULL), 1);
	assert_int_equal(low1->state, JOB_STAGED);
	assert_int_equal(low2->state, JOB_SENDING);
	rig_end(r, low1, OUTCOME_PUBLISHED);
	assert_int_equal(low1->state, JOB_PUBLISHED);
	assert_int_equal(low1->ended.s, r->now.wall.s);
	assert_ptr_equal(TAILQ_FIRST(core_ended(r->c)), low1);
	rig_end(r, high, OUTCOME_STAGED);
	assert_int_equal(b2->state, JOB_SENDING);
	rig_free(r);
}

static void fairness_between_spokes(void **state)
{
	struct rig *r = world("transfers = 2");

	(void)state;
	for (int i = 0; i < 3; i++) {
		char path[8] = {(char)('1' + i), 0};

		rig_add(r, "a", "g", path);
	}
	rig_add(r, "b", "g", "1");
	rig_pass(r);
	assert_int_equal(core_spoke(r->c, "a")->running, 1);
	assert_int_equal(core_spoke(r->c, "b")->running, 1);
	rig_free(r);
}

static void retries(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1");

	(void)state;
	rig_pass(r);
	for (unsigned n = 1; n <= 5; n++) {
		int64_t left;

		assert_int_equal(j->state, JOB_SENDING);
		rig_end(r, j, OUTCOME_RETRY);
		assert_int_equal(j->tries, n);
		assert_int_equal(j->state, JOB_WAITING);
		assert_int_equal(j->waits, WAIT_RETRY);
		left = j->due.at.us - r->now.mono.us;
		assert_true(left >= 0 && left <= 600 * SECOND_US);
		assert_true(r->next.us <= j->due.at.us);
		r->now.mono.us = j->due.at.us;
		rig_pass(r);
	}
	/* Progress makes it well again; a person's retry does not wait. */
	core_fact_progress(r->c, j, 1000, 2000, r->now);
	assert_int_equal(j->tries, 0);
	rig_end(r, j, OUTCOME_RETRY);
	core_job_retry(r->c, j, r->now);
	rig_pass(r);
	assert_int_equal(j->state, JOB_SENDING);
	assert_int_equal(j->done_bytes, 1000);
	rig_free(r);
}

static void again_does_not_spin(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1");
	unsigned n = 0;

	(void)state;
	rig_pass(r);
	while (j->state == JOB_SENDING && n < 100) {
		rig_end(r, j, OUTCOME_AGAIN);
		n++;
	}
	assert_true(n > 3 && n < 100);
	assert_int_equal(j->waits, WAIT_RETRY);
	rig_free(r);
}

static void waits_for_a_change(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1"), *k = rig_add(r, "a", "g", "2");

	(void)state;
	rig_pass(r);
	core_fact_ended(r->c, j, OUTCOME_SPACE, "needs 4 GiB, 1 GiB free", r->now);
	rig_end(r, k, OUTCOME_IN_USE);
	assert_int_equal(j->waits, WAIT_SPACE);
	assert_string_equal(j->reason, "needs 4 GiB, 1 GiB free");
	assert_int_equal(k->waits, WAIT_IN_USE);
	rig_move(r, 300);
	assert_int_equal(j->state, JOB_WAITING);
	assert_true(core_spoke_awaited(j->spoke));
	core_fact_spoke_changed(r->c, j->spoke);
	rig_pass(r);
	assert_false(core_spoke_awaited(j->spoke));
	assert_int_equal(j->state, JOB_SENDING);
	assert_int_equal(k->state, JOB_SENDING);
	/* And looked at again though nobody says anything. */
	rig_end(r, j, OUTCOME_TOO_LARGE);
	assert_true(j->waits == WAIT_SPACE && j->stuck);
	rig_move(r, 601);
	assert_int_equal(j->state, JOB_SENDING);
	rig_end(r, j, OUTCOME_SPACE);
	assert_false(j->stuck);
	rig_free(r);
}

static void spoke_lost(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1"), *k = rig_add(r, "b", "g", "1");
	struct spoke_state *s = j->spoke;

	(void)state;
	rig_pass(r);
	rig_end(r, j, OUTCOME_PEER_DOWN);
	assert_false(s->up);
	assert_int_equal(j->waits, WAIT_SPOKE_DOWN);
	assert_int_equal(k->state, JOB_SENDING);
	/* It greets well and breaks each push: the delays must grow all the same. */
	for (unsigned n = 1; n < 8; n++) {
		assert_int_equal(s->tries, n);
		r->now.mono.us = MAX(s->retry_at.us, r->now.mono.us);
		rig_pass(r);
		assert_int_equal(rig_saw_spoke(r, ACTION_GREET, "a"), 1);
		rig_up(r, "a");
		rig_pass(r);
		assert_int_equal(j->state, JOB_SENDING);
		rig_end(r, j, OUTCOME_PEER_DOWN);
	}
	rig_up(r, "a");
	rig_pass(r);
	core_fact_progress(r->c, j, 1, 2, r->now);
	assert_int_equal(s->tries, 0);
	rig_end(r, j, OUTCOME_KEY);
	assert_int_equal(j->waits, WAIT_KEY);
	rig_free(r);
}

/* However long an outage was: within that time again, and ten seconds, it is over for the hub, too.
 * Waits that only doubled would let it stand for up to four times as long. */
static void back_in_proportion(void **state)
{
	struct rig *r = world("");
	struct spoke_state *s = core_spoke(r->c, "a");
	int64_t down, wait, longest = 0;

	(void)state;
	rig_add(r, "a", "g", "1");
	rig_pass(r);
	for (unsigned round = 0; round < 20; round++) {
		down = r->now.mono.us;
		longest = 0;
		for (unsigned n = 0; n < 30; n++) {
			core_fact_spoke_down(r->c, s, false, "no route", r->now);
			rig_pass(r);
			wait = s->retry_at.us - r->now.mono.us;
			assert_in_range(wait, 5 * SECOND_US,
					r->now.mono.us - down + 10 * SECOND_US);
			longest = MAX(longest, wait);
			rig_move(r, (wait + SECOND_US - 1) / SECOND_US);
			assert_int_equal(rig_saw_spoke(r, ACTION_GREET, "a"), 1);
			/* Nobody waits for the time after which an answer is lost. */
			assert_true(s->retry_at.us == MONO_NEVER.us);
		}
		assert_in_range(longest, 300 * SECOND_US, 600 * SECOND_US);
		rig_up(r, "a");
		rig_pass(r);
	}
	rig_free(r);
}

static void superseded(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1"), *k, *l;

	(void)state;
	rig_pass(r);
	assert_ptr_equal(core_add_job(r->c, 0, JOB_PUT, j->version, "a", r->now), j);
	k = rig_add(r, "a", "g", "1");
	assert_ptr_not_equal(k, j);
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_STOP, j), 1);
	assert_int_equal(k->waits, WAIT_OLDER);
	/* A third one comes while the first still ends: the second never runs. */
	l = rig_add(r, "a", "g", "1");
	rig_pass(r);
	assert_int_equal(k->state, JOB_SUPERSEDED);
	assert_int_equal(l->waits, WAIT_OLDER);
	assert_int_equal(rig_saw(r, ACTION_STOP, NULL), 0);
	rig_end(r, j, OUTCOME_STOPPED);
	assert_int_equal(j->state, JOB_SUPERSEDED);
	assert_int_equal(l->state, JOB_SENDING);
	assert_ptr_equal(core_job_of(r->c, "a", "g", "1"), l);
	/* Failed jobs do not come back when something newer is there. */
	core_job_retry(r->c, j, r->now);
	rig_pass(r);
	assert_int_equal(j->state, JOB_SUPERSEDED);
	rig_free(r);
}

static void restored_out_of_order(void **state)
{
	struct rig *r = world("");
	struct version *old = rig_version(r, "g", "1", true), *new = rig_version(r, "g", "1", true);
	struct job *j = core_add_job(r->c, 70, JOB_PUT, new, "a", r->now);
	struct job *k = core_add_job(r->c, 60, JOB_PUT, old, "a", r->now);

	(void)state;
	assert_int_equal(j->id, 70);
	assert_ptr_equal(core_job(r->c, 60), k);
	rig_pass(r);
	assert_int_equal(j->state, JOB_SENDING);
	assert_int_equal(k->state, JOB_SUPERSEDED);
	assert_int_equal(rig_add(r, "b", "g", "2")->id, 71);
	assert_null(rig_add(r, "nobody", "g", "2"));
	assert_null(rig_add(r, "b", "nothing", "2"));
	version_unref(old);
	version_unref(new);
	rig_free(r);
}

static void restored_as_given_up(void **state)
{
	struct rig *r = world("");
	struct version *v = rig_version(r, "g", "1", true);
	struct job *j = core_add_job(r->c, 70, JOB_PUT, v, "a", r->now);

	(void)state;
	core_restore_given_up(r->c, j, JOB_CANCELLED, "cancelled by anna", (struct wall){5});
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_CHANGED, j), 0);
	assert_int_equal(j->state, JOB_CANCELLED);
	assert_int_equal(j->ended.s, 5);
	assert_true(core_job_given_up(j));
	assert_ptr_equal(core_job_of(r->c, "a", "g", "1"), j);
	assert_false(core_in_sync(r->c, "a", NULL, UINT64_MAX));
	core_job_retry(r->c, j, r->now);
	rig_pass(r);
	assert_int_equal(j->state, JOB_SENDING);
	version_unref(v);
	rig_free(r);
}

static void indexing(void **state)
{
	struct rig *r = world("");
	struct version *v = rig_version(r, "g", "1", false);
	struct job *j = core_add_job(r->c, 0, JOB_PUT, v, "a", r->now);
	struct job *k = core_add_job(r->c, 0, JOB_PUT, v, "b", r->now);

	(void)state;
	assert_int_equal(j->state, JOB_INDEXING);
	rig_pass(r);
	assert_int_equal(j->state, JOB_INDEXING);
	assert_int_equal(j->waits, WAIT_INDEX);
	core_fact_indexed(r->c, v);
	rig_pass(r);
	assert_int_equal(j->state, JOB_SENDING);
	assert_int_equal(k->state, JOB_SENDING);
	version_unref(v);
	rig_free(r);
}

static void cancel_and_retry(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1"), *k = rig_add(r, "a", "g", "2");

	(void)state;
	rig_pass(r);
	core_job_cancel(r->c, j, "anna", r->now);
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_STOP, j), 1);
	assert_int_equal(j->waits, WAIT_HELD);
	assert_string_equal(j->reason, "cancelled by anna");
	rig_end(r, j, OUTCOME_STOPPED);
	assert_int_equal(j->state, JOB_CANCELLED);
	assert_true(core_job_given_up(j));
	assert_string_equal(j->reason, "cancelled by anna");
	rig_end(r, k, OUTCOME_FAILED);
	assert_int_equal(k->state, JOB_FAILED);
	assert_true(core_job_given_up(k));
	assert_false(core_in_sync(r->c, NULL, NULL, UINT64_MAX));
	/* Their files are not there, so they are not forgotten. */
	core_forget_ended(r->c, 0, NULL, NULL);
	assert_ptr_equal(core_job(r->c, k->id), k);
	core_job_retry(r->c, j, r->now);
	core_job_retry(r->c, k, r->now);
	rig_pass(r);
	assert_int_equal(j->state, JOB_SENDING);
	assert_int_equal(k->state, JOB_SENDING);
	assert_true(TAILQ_EMPTY(core_ended(r->c)));
	rig_end(r, j, OUTCOME_PUBLISHED);
	rig_end(r, k, OUTCOME_PUBLISHED);
	assert_true(core_in_sync(r->c, NULL, NULL, UINT64_MAX));
	core_forget_ended(r->c, 0, NULL, NULL);
	assert_null(core_job_of(r->c, "a", "g", "1"));
	rig_free(r);
}

static struct job *add_content(struct rig *r, const char *path, uint8_t content)
{
	struct version *v = rig_version(r, "g", path, true);
	struct job *j;

	memset(v->root, content, sizeof(v->root));
	j = core_add_job(r->c, 0, JOB_PUT, v, "a", r->now);
	version_unref(v);
	return j;
}

/* Transfers are named by content: two at a time of the same one would take it from each other. */
static void same_content_one_after_the_other(void **state)
{
	struct rig *r = world("");
	struct job *j = add_content(r, "1", 7), *twin = add_content(r, "2", 7);
	struct job *other = add_content(r, "3", 8);

	(void)state;
	rig_pass(r);
	assert_int_equal(j->state, JOB_SENDING);
	assert_int_equal(twin->state, JOB_WAITING);
	assert_int_equal(twin->waits, WAIT_TWIN);
	assert_int_equal(other->state, JOB_SENDING);
	rig_end(r, j, OUTCOME_STAGED);
	assert_int_equal(twin->waits, WAIT_TWIN);
	rig_end(r, j, OUTCOME_PUBLISHED);
	assert_int_equal(twin->state, JOB_SENDING);
	rig_free(r);
}

/* Its file is gone: nobody waits for it any more. */
static void unwanted(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1");

	(void)state;
	rig_pass(r);
	core_job_unwanted(r->c, j, "the file is gone");
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_STOP, j), 1);
	rig_end(r, j, OUTCOME_STOPPED);
	assert_int_equal(j->state, JOB_SUPERSEDED);
	assert_true(core_in_sync(r->c, NULL, NULL, UINT64_MAX));
	rig_free(r);
}

static void refused_on_the_way(void **state)
{
	struct rig *r = world("");
	struct job *j = rig_add(r, "a", "g", "1"), *k = rig_add(r, "a", "g", "2");

	(void)state;
	rig_pass(r);
	core_fact_progress(r->c, j, 1000, 5000, r->now);
	core_fact_ended(r->c, j, OUTCOME_SPACE, "needs 2, has 1", r->now);
	rig_end(r, k, OUTCOME_SPACE);
	/* What is there stays there: paused. Of the other nothing had come. */
	assert_int_equal(j->state, JOB_PAUSED);
	assert_int_equal(j->waits, WAIT_SPACE);
	assert_string_equal(j->reason, "needs 2, has 1");
	assert_int_equal(k->state, JOB_WAITING);
	core_fact_spoke_changed(r->c, core_spoke(r->c, "a"));
	rig_pass(r);
	assert_int_equal(j->state, JOB_SENDING);
	assert_string_equal(j->reason, "");
	rig_free(r);
}

static void words_need_no_slot(void **state)
{
	struct rig *r = world("transfers = 1");
	struct job *push = rig_add(r, "a", "g", "1");
	struct version *v = rig_version(r, "g", "2", false), *w = rig_version(r, "g", "3", false);
	struct job *meta = core_add_job(r->c, 0, JOB_META, v, "a", r->now);
	struct job *gone = core_add_job(r->c, 0, JOB_DELETE, w, "b", r->now);

	(void)state;
	core_fact_spoke_down(r->c, core_spoke(r->c, "b"), false, "no route", r->now);
	/* Whoever asks before the next pass is not told when it would have been greeted. */
	assert_true(core_spoke(r->c, "b")->retry_at.us == MONO_NEVER.us);
	rig_pass(r);
	assert_int_equal(push->state, JOB_SENDING);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, meta), 1);
	assert_int_equal(gone->waits, WAIT_SPOKE_DOWN);
	rig_end(r, meta, OUTCOME_RETRY);
	assert_int_equal(meta->waits, WAIT_RETRY);
	rig_up(r, "b");
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_PUBLISH, gone), 1);
	/* Newer content waits for the answer to what is under way. */
	rig_add(r, "b", "g", "3");
	rig_pass(r);
	assert_int_equal(core_job_of(r->c, "b", "g", "3")->waits, WAIT_OLDER);
	rig_end(r, gone, OUTCOME_PUBLISHED);
	assert_int_equal(core_job_of(r->c, "b", "g", "3")->waits, WAIT_SLOT);
	version_unref(v);
	version_unref(w);
	rig_free(r);
}

static void reload(void **state)
{
	struct rig *r = world("");
	struct job *a1 = rig_add(r, "a", "g", "1"), *a2 = rig_add(r, "a", "g", "2");
	struct job *b1 = rig_add(r, "b", "g", "1"), *b2 = rig_add(r, "b", "high", "2");

	(void)state;
	rig_pass(r);
	assert_int_equal(core_running(r->c), 4);
	/* b goes; a has one slot and another rate. */
	rig_reload(r, "",
		   "[group g]\npath = /nowhere/g\nspokes = a\npolicy = always\n" SPOKE(
			   "a", "transfers = 1\nrate = 8Mbit\n"));
	rig_pass(r);
	assert_int_equal(rig_saw(r, ACTION_STOP, b1), 1);
	assert_int_equal(rig_saw(r, ACTION_STOP, b2), 1);
	assert_int_equal(rig_saw(r, ACTION_STOP, a2), 1);
	assert_int_equal(a2->state, JOB_PAUSED);
	assert_int_equal(a2->waits, WAIT_SLOT);
	assert_int_equal(rig_saw_spoke(r, ACTION_RATES, "a"), 1);
	assert_null(core_spoke(r->c, "b"));
	rig_end(r, b1, OUTCOME_STOPPED);
	rig_end(r, b2, OUTCOME_PUBLISHED);
	rig_end(r, a2, OUTCOME_STOPPED);
	assert_int_equal(b1->state, JOB_CANCELLED);
	assert_false(core_job_given_up(b1));
	assert_int_equal(b2->state, JOB_PUBLISHED);
	assert_string_equal(b1->spoke->name, "b");
	/* b comes back as itself; then goes for good. */
	rig_reload(r, "", WORLD);
	rig_pass(r);
	assert_ptr_equal(core_spoke(r->c, "b"), b1->spoke);
	assert_int_equal(rig_saw_spoke(r, ACTION_GREET, "b"), 1);
	assert_int_equal(rig_saw(r, ACTION_START, a2), 1);
	rig_reload(r, "",
		   "[group g]\npath = /nowhere/g\nspokes = a\npolicy = always\n" SPOKE("a", ""));
	rig_pass(r);
	core_forget_ended(r->c, 0, NULL, NULL);
	assert_ptr_equal(core_job(r->c, a1->id), a1);
	rig_free(r);
}

/* A job that is brought back follows the configuration of that day, not of the day it was given up.
 */
static void back_with_new_priority(void **state)
{
	struct rig *r = world("transfers = 1");
	struct job *old = rig_add(r, "a", "g", "1"), *busy, *other;

	(void)state;
	core_job_cancel(r->c, old, "test", r->now);
	rig_pass(r);
	busy = rig_add(r, "b", "g", "2");
	rig_pass(r);
	assert_int_equal(busy->state, JOB_SENDING);
	rig_reload(r, "transfers = 1",
		   GROUP("g", "policy = always\npriority = 95\n")
			   GROUP("high", "policy = always\npriority = 90\n") SPOKE("a", "")
				   SPOKE("b", ""));
	other = rig_add(r, "a", "high", "3");
	core_job_retry(r->c, old, r->now);
	rig_pass(r);
	rig_end(r, busy, OUTCOME_STAGED);
	assert_int_equal(old->state, JOB_SENDING);
	assert_int_equal(other->waits, WAIT_SLOT);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_slots),
		cmocka_unit_test(fairness_between_spokes),
		cmocka_unit_test(retries),
		cmocka_unit_test(again_does_not_spin),
		cmocka_unit_test(waits_for_a_change),
		cmocka_unit_test(spoke_lost),
		cmocka_unit_test(back_in_proportion),
		cmocka_unit_test(superseded),
		cmocka_unit_test(restored_out_of_order),
		cmocka_unit_test(restored_as_given_up),
		cmocka_unit_test(indexing),
		cmocka_unit_test(cancel_and_retry),
		cmocka_unit_test(same_content_one_after_the_other),
		cmocka_unit_test(unwanted),
		cmocka_unit_test(refused_on_the_way),
		cmocka_unit_test(words_need_no_slot),
		cmocka_unit_test(back_with_new_priority),
		cmocka_unit_test(reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
