/*
 * test_core_forecast.c: ETAs: the queue before it counted, closed time skipped, limits shared, and
 * what cannot be known left unknown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/core_rig.h"

#define SPOKE(name, more) "[spoke " name "]\nurl = https://" name ":4480\n" RIG_KEY(name) more
#define GROUP		  "[group g]\npath = /nowhere/g\nspokes = a, b\npolicy = p\n"
#define HOUR		  3600

/* Seconds from now. */
static int64_t eta(const struct rig *r, const struct job *j)
{
	return j->eta.s - r->now.wall.s;
}

static void near(int64_t have, int64_t want)
{
	assert_in_range(have, want, want + 2);
}

static void queue_and_windows(void **state)
{
	/* 10 MB at 4 Mbit are 20 s: the window has room for three of them a day. */
	struct rig *r = rig_world("start_jitter = 0s",
				  "[policy p]\nwindow = mon-sun 01:00-01:01 4Mbit\n" GROUP SPOKE(
					  "a", "transfers = 1\n") SPOKE("b", ""));
	struct job *j[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		char path[8] = {(char)('a' + i), 0};

		j[i] = rig_add(r, "a", "g", path);
	}
	rig_pass(r);
	core_forecast(r->c, r->now);
	near(eta(r, j[0]), HOUR + 20);
	near(eta(r, j[1]), HOUR + 40);
	near(eta(r, j[2]), HOUR + 60);
	near(eta(r, j[3]), 25 * HOUR + 20);
	near(eta(r, j[4]), 25 * HOUR + 40);
	/* What is done already counts, and what is sending goes first. */
	rig_move(r, HOUR);
	core_fact_progress(r->c, j[0], 5 * 1000 * 1000, 10 * 1000 * 1000, r->now);
	core_forecast(r->c, r->now);
	near(eta(r, j[0]), 10);
	near(eta(r, j[3]), 24 * HOUR + 10);
	rig_free(r);
}

static void shared_hub(void **state)
{
	struct rig *r = rig_world(
		"rate = 8Mbit", "[policy p]\nwindow = mon-sun 00:00-24:00 unlimited\n" GROUP SPOKE(
					"a", "weight = 3\n") SPOKE("b", ""));
	struct job *a = rig_add(r, "a", "g", "1"), *b = rig_add(r, "b", "g", "1");

	(void)state;
	rig_pass(r);
	core_forecast(r->c, r->now);
	near(eta(r, a), 13);
	/* Once A is done the rate is B's alone. */
	near(eta(r, b), 20);
	rig_free(r);
}

static void cannot_be_known(void **state)
{
	struct rig *r = rig_world(
		"", "[policy p]\nwindow = mon-sun 00:00-24:00 unlimited\n"
		    "[policy never]\ndate = 2020-01-01 unlimited\n" GROUP
		    "[group n]\npath = /nowhere/n\nspokes = a\npolicy = never\n" SPOKE("a", "")
			    SPOKE("b", ""));
	struct job *a = rig_add(r, "a", "g", "1"), *b = rig_add(r, "b", "g", "1");
	struct job *n = rig_add(r, "a", "n", "1");

	(void)state;
	core_fact_spoke_down(r->c, b->spoke, false, "no route", r->now);
	rig_pass(r);
	core_forecast(r->c, r->now);
	assert_int_equal(a->eta.s, 0); /* unlimited, and nothing measured */
	assert_int_equal(b->eta.s, 0); /* down */
	assert_int_equal(n->eta.s, WALL_NEVER.s);
	/* Measured: 1 MB a second. */
	for (int i = 0; i <= 12; i++) {
		rig_move(r, 1);
		core_fact_progress(r->c, a, (uint64_t)i * 200 * 1000, 10 * 1000 * 1000, r->now);
	}
	core_forecast(r->c, r->now);
	assert_in_range(a->spoke->reached_rate, 190 * 1000, 210 * 1000);
	assert_in_range(eta(r, a), 36, 42);
	rig_end(r, a, OUTCOME_SPACE);
	core_forecast(r->c, r->now);
	assert_int_equal(a->eta.s, 0);
	rig_free(r);
}

/* Sends for so many seconds at so many bytes a second. */
static void send(struct rig *r, struct job *j, int seconds, uint64_t rate)
{
	for (int i = 0; i <= seconds; i++) {
		rig_move(r, 1);
		core_fact_progress(r->c, j, j->done_bytes + rate, 10 * 1000 * 1000, r->now);
	}
}

/* Nothing is sent between small files: that is no rate, and time without any does not count. */
static void idle_is_no_rate(void **state)
{
	struct rig *r =
		rig_world("", "[policy p]\nwindow = mon-sun 00:00-24:00 unlimited\n" GROUP SPOKE(
				      "a", "") SPOKE("b", ""));
	char path[2] = "1";
	struct job *j;

	(void)state;
	for (; path[0] <= '8'; path[0]++) {
		j = rig_add(r, "a", "g", path);
		rig_pass(r);
		assert_true(j->running);
		core_fact_progress(r->c, j, 1000, 1000, r->now);
		rig_end(r, j, OUTCOME_STAGED);
		rig_end(r, j, OUTCOME_PUBLISHED);
		rig_move(r, 6);
	}
	assert_int_equal(core_spoke(r->c, "a")->reached_rate, 0);
	/* Two of three seconds each, a minute apart, are one sample. */
	for (int i = 0; i < 2; i++) {
		path[0]++;
		j = rig_add(r, "a", "g", path);
		rig_pass(r);
		send(r, j, 3, 1000 * 1000);
		rig_end(r, j, OUTCOME_STAGED);
		rig_end(r, j, OUTCOME_PUBLISHED);
		rig_move(r, 60 - i);
	}
	assert_int_equal(core_spoke(r->c, "a")->reached_rate, 1000 * 1000);
	rig_free(r);
}

/* What it did while a limit held it back is what it can do at least, and no more is said of it. */
static void limited_is_at_least(void **state)
{
	static const char rest[] = GROUP SPOKE("a", "") SPOKE("b", "");
	char *limited = xasprintf("[policy p]\nwindow = mon-sun 00:00-24:00 800kbit\n%s", rest);
	char *free_ = xasprintf("[policy p]\nwindow = mon-sun 00:00-24:00 unlimited\n%s", rest);
	struct rig *r = rig_world("", limited);
	struct job *j = rig_add(r, "a", "g", "1");

	(void)state;
	rig_pass(r);
	send(r, j, 12, 100 * 1000);
	assert_int_equal(j->spoke->reached_rate, 0);
	rig_reload(r, "", free_);
	rig_pass(r);
	core_forecast(r->c, r->now);
	assert_int_equal(j->eta.s, 0);
	send(r, j, 12, 400 * 1000);
	assert_in_range(j->spoke->reached_rate, 300 * 1000, 400 * 1000);
	rig_reload(r, "", limited);
	rig_pass(r);
	send(r, j, 12, 100 * 1000);
	assert_in_range(j->spoke->reached_rate, 300 * 1000, 400 * 1000);
	free(limited);
	free(free_);
	rig_free(r);
}

static void backing_off(void **state)
{
	struct rig *r =
		rig_world("retry_min = 1h\nretry_max = 2h",
			  "[policy p]\nwindow = mon-sun 00:00-24:00 8Mbit\n" GROUP SPOKE("a", "")
				  SPOKE("b", ""));
	struct job *j = rig_add(r, "a", "g", "1"), *k = rig_add(r, "a", "g", "2");

	(void)state;
	rig_pass(r);
	rig_end(r, j, OUTCOME_RETRY);
	j->due.at.us = r->now.mono.us + 1000 * SECOND_US;
	core_forecast(r->c, r->now);
	near(eta(r, j), 1010);
	assert_in_range(eta(r, k), 10, 22);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_and_windows), cmocka_unit_test(shared_hub),
		cmocka_unit_test(cannot_be_known),   cmocka_unit_test(backing_off),
		cmocka_unit_test(idle_is_no_rate),   cmocka_unit_test(limited_is_at_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
