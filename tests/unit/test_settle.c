/*
 * test_settle.c: when a file counts as whole.
 */
#include "scheduler/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S SECOND_US

static const struct guard guard = {"open", "open for writing", ""};

static struct mono at(int64_t s)
{
	return (struct mono){s * S};
}

static struct settle_look file(uint64_t size, int64_t mtime)
{
	return (struct settle_look){
		.asked = true,
		.identity = {.dev = 1, .ino = 2, .size = size, .mtime = {.tv_sec = mtime}}};
}

static void test_unchanged_for_long_enough(void **state)
{
	struct settle_look look = file(10, 1);
	struct settle s = {0};
	struct mono due;

	(void)state;
	assert_int_equal(settle_look(&s, &look, 30 * S, at(100), &due), SETTLE_CHANGING);
	assert_int_equal(due.us, 130 * S);
	assert_int_equal(settle_look(&s, &look, 30 * S, at(129), &due), SETTLE_WAITING);
	assert_int_equal(due.us, 130 * S);
	assert_int_equal(settle_look(&s, &look, 30 * S, at(130), &due), SETTLE_DONE);
}

static void test_each_part_of_the_identity_counts(void **state)
{
	struct settle_look base = file(10, 1), looks[5];
	struct settle s;
	struct mono due;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		looks[i] = base;
	looks[0].identity.size++;
	looks[1].identity.mtime.tv_nsec++;
	looks[2].identity.ctime.tv_sec++;
	looks[3].identity.ino++;
	looks[4].gone = true;
	for (unsigned i = 0; i < 5; i++) {
		s = (struct settle){0};
		settle_look(&s, &base, 10 * S, at(0), &due);
		assert_int_equal(settle_look(&s, &looks[i], 10 * S, at(9), &due), SETTLE_CHANGING);
		assert_int_equal(due.us, 19 * S);
		assert_int_equal(settle_look(&s, &looks[i], 10 * S, at(18), &due), SETTLE_WAITING);
		assert_int_equal(settle_look(&s, &looks[i], 10 * S, at(19), &due), SETTLE_DONE);
	}
}

static void test_a_guard_starts_the_time_anew(void **state)
{
	struct settle_look look = file(10, 1);
	struct settle s = {0};
	struct mono due;

	(void)state;
	settle_look(&s, &look, 5 * S, at(0), &due);
	assert_false(settle_due(&s, 5 * S, at(4)));
	assert_true(settle_due(&s, 5 * S, at(5)));
	look.guard = &guard;
	assert_int_equal(settle_look(&s, &look, 5 * S, at(5), &due), SETTLE_HELD);
	assert_int_equal(due.us, 10 * S);
	assert_string_equal(settle_words(&s), "open for writing");
	look.guard = NULL;
	assert_int_equal(settle_look(&s, &look, 5 * S, at(9), &due), SETTLE_WAITING);
	assert_int_equal(settle_look(&s, &look, 5 * S, at(10), &due), SETTLE_DONE);
	assert_string_not_equal(settle_words(&s), "open for writing");
}

/* Catches: what is in use looked at every `settle` for days, or never again in time. */
static void test_looks_at_a_guard_become_rare(void **state)
{
	static const int64_t waits[] = {5, 10, 20, 40, 80, 160, 300, 300};
	struct settle_look look = file(10, 1), hint = look;
	struct settle s = {0};
	struct mono due;
	int64_t now = 5;

	(void)state;
	hint.asked = false;
	settle_look(&s, &look, 5 * S, at(0), &due);
	/* The time is over, and nobody asked the guards: a hint is no answer. */
	assert_int_equal(settle_look(&s, &hint, 5 * S, at(7), &due), SETTLE_WAITING);
	assert_int_equal(due.us, 5 * S);
	look.guard = &guard;
	for (unsigned i = 0; i < ARRAY_LEN(waits); i++) {
		assert_int_equal(settle_look(&s, &look, 5 * S, at(now), &due), SETTLE_HELD);
		assert_int_equal(due.us, (now + waits[i]) * S);
		/* Something happened there: sooner, and still held. */
		assert_int_equal(settle_look(&s, &hint, 5 * S, at(now + 1), &due), SETTLE_WAITING);
		assert_int_equal(due.us, (now + 5) * S);
		assert_ptr_equal(s.held, &guard);
		now += waits[i];
	}
	assert_int_equal(settle_look(&s, &look, 600 * S, at(now + 600), &due), SETTLE_HELD);
	assert_int_equal(due.us, (now + 1200) * S); /* never sooner than `settle` */
	hint.identity.size++;
	assert_int_equal(settle_look(&s, &hint, 5 * S, at(now + 601), &due), SETTLE_CHANGING);
	assert_null(s.held);
	assert_int_equal(settle_look(&s, &hint, 0, at(now + 601), &due), SETTLE_WAITING);
}

static void test_no_time_at_all(void **state)
{
	struct settle_look look = file(10, 1);
	struct settle s = {0};
	struct mono due;

	(void)state;
	assert_int_equal(settle_look(&s, &look, 0, at(0), &due), SETTLE_DONE);
	/* A writer even then, and no busy loop of looking. */
	look.guard = &guard;
	assert_int_equal(settle_look(&s, &look, 0, at(1), &due), SETTLE_HELD);
	assert_int_equal(due.us, 2 * S);
}

static void test_a_deletion_settles(void **state)
{
	struct settle_look gone = {.gone = true}, back = file(10, 1);
	struct settle s = {0};
	struct mono due;

	(void)state;
	settle_look(&s, &back, 5 * S, at(0), &due);
	assert_int_equal(settle_look(&s, &gone, 5 * S, at(3), &due), SETTLE_CHANGING);
	assert_int_equal(settle_look(&s, &back, 5 * S, at(4), &due), SETTLE_CHANGING);
	assert_int_equal(settle_look(&s, &gone, 5 * S, at(6), &due), SETTLE_CHANGING);
	assert_int_equal(settle_look(&s, &gone, 5 * S, at(11), &due), SETTLE_DONE);
}

static void test_restart(void **state)
{
	struct settle_look look = file(10, 1);
	struct settle s = {0};
	struct mono due;

	(void)state;
	settle_look(&s, &look, 5 * S, at(0), &due);
	settle_restart(&s, at(4));
	assert_int_equal(settle_look(&s, &look, 5 * S, at(5), &due), SETTLE_WAITING);
	assert_int_equal(due.us, 9 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unchanged_for_long_enough),
		cmocka_unit_test(test_each_part_of_the_identity_counts),
		cmocka_unit_test(test_a_guard_starts_the_time_anew),
		cmocka_unit_test(test_looks_at_a_guard_become_rare),
		cmocka_unit_test(test_no_time_at_all),
		cmocka_unit_test(test_a_deletion_settles),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
