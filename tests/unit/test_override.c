/*
 * test_override.c: which exception governs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/override.h"
#include "policy/units.h"

static const struct now now = {.wall = {1000}, .mono = {50 * SECOND_US}};

static struct override sync_now(uint64_t id, const char *spoke, const char *group)
{
	return (struct override){
		.id = id,
		.kind = OVERRIDE_SYNC_NOW,
		.spoke = (char *)spoke,
		.group = (char *)group,
		.rate = RATE_UNLIMITED,
		.until = {2000},
		.until_mono = MONO_NEVER,
	};
}

static struct override paused(uint64_t id, const char *spoke, const char *group, int64_t until)
{
	struct override o = sync_now(id, spoke, group);

	o.kind = OVERRIDE_PAUSE;
	o.until.s = until;
	return o;
}

static uint64_t governing(const struct override *list, size_t n, const char *spoke,
			  const char *group)
{
	const struct override *o = override_governing(list, n, spoke, group, now);

	return o ? o->id : 0;
}

static void scopes(void **state)
{
	struct override all = sync_now(1, NULL, NULL), spoke = sync_now(1, "berlin", NULL);
	struct override group = sync_now(1, NULL, "g"), both = sync_now(1, "berlin", "g");

	(void)state;
	assert_true(override_covers(&all, "berlin", "g"));
	assert_true(override_covers(&spoke, "berlin", "g"));
	assert_false(override_covers(&spoke, "paris", "g"));
	assert_true(override_covers(&group, "paris", "g"));
	assert_false(override_covers(&group, "paris", "h"));
	assert_true(override_covers(&both, "berlin", "g"));
	assert_false(override_covers(&both, "berlin", "h"));
	assert_false(override_covers(&spoke, NULL, "g"));
}

static void narrowest_then_latest(void **state)
{
	struct override list[] = {
		sync_now(1, "berlin", "g"),
		sync_now(2, "berlin", NULL),
		sync_now(3, NULL, "g"),
		sync_now(4, NULL, NULL),
	};

	(void)state;
	assert_int_equal(governing(list, 4, "berlin", "g"), 1);
	assert_int_equal(governing(list, 4, "berlin", "h"), 2);
	assert_int_equal(governing(list, 4, "paris", "g"), 3);
	assert_int_equal(governing(list, 4, "paris", "h"), 4);
	/* A spoke and a group are equally narrow: the latest. */
	assert_int_equal(governing(list + 1, 3, "berlin", "g"), 3);
	assert_int_equal(governing(NULL, 0, "berlin", "g"), 0);
}

static void pause_beats_all(void **state)
{
	struct override list[] = {
		paused(1, NULL, NULL, 1500),
		sync_now(2, "berlin", "g"),
		paused(3, "berlin", NULL, 1200),
	};

	(void)state;
	/* Of pauses the one that ends last. */
	assert_int_equal(governing(list, 3, "berlin", "g"), 1);
	assert_int_equal(governing(list + 1, 2, "berlin", "g"), 3);
	assert_int_equal(governing(list + 1, 2, "paris", "g"), 0);
}

static void ends(void **state)
{
	struct override o = sync_now(1, NULL, NULL);

	(void)state;
	assert_false(override_ended(&o, now));
	assert_int_equal(override_end(&o, now).s, 2000);
	o.until.s = 1000;
	assert_true(override_ended(&o, now));
	assert_int_equal(governing(&o, 1, "berlin", "g"), 0);
	/* The calendar was set back: the monotonic clock still ends it. */
	o.until.s = 9000;
	o.until_mono.us = 50 * SECOND_US;
	assert_true(override_ended(&o, now));
	o.until_mono.us = 60 * SECOND_US + 1;
	assert_false(override_ended(&o, now));
	assert_int_equal(override_end(&o, now).s, 1011);
	o.until = WALL_NEVER;
	o.until_mono = MONO_NEVER;
	assert_int_equal(override_end(&o, now).s, INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes),
		cmocka_unit_test(narrowest_then_latest),
		cmocka_unit_test(pause_beats_all),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
