/*
 * test_rate.c: the chain of RULES.md, case by case, and that `until` tells no later than the truth.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/rate.h"
#include "policy/zone.h"
#include "tests/unit/ini.h"

#define HOUR	 3600
#define DAY	 86400
#define SUNDAY	 ((int64_t)1795305600) /* 2026-11-22 00:00 UTC */
#define MBIT(n)	 ((uint64_t)(n)*125000)
#define LIST_MAX 8

static struct config *c;
static struct rate_facts facts;
static struct override list[LIST_MAX];

static void given(const char *text)
{
	config_unref(c);
	c = ini_good(text);
	assert_non_null(c);
	facts = (struct rate_facts){.overrides = list};
}

static struct now at(int64_t t)
{
	return (struct now){.wall = {t}, .mono = {t * SECOND_US}};
}

static struct override *add(enum override_kind kind, const char *spoke, int64_t until)
{
	struct override *o = &list[facts.n_overrides++];

	*o = (struct override){
		.id = facts.n_overrides,
		.kind = kind,
		.spoke = (char *)spoke,
		.rate = RATE_UNLIMITED,
		.until = {until},
		.until_mono = MONO_NEVER,
	};
	return o;
}

static struct rate_chain chain(const char *spoke, int64_t t)
{
	struct rate_chain r;

	rate_in_force(c, &facts, config_spoke(c, spoke), config_group(c, "g"), at(t), &r);
	return r;
}

static int finish(void **state)
{
	(void)state;
	c = config_unref(c);
	return 0;
}

static void least_of_all(void **state)
{
	struct rate_chain r;

	(void)state;
	given(INI_HUB("rate = 100Mbit", "", "") "rate = 50Mbit\n");
	r = chain("paris", SUNDAY + 23 * HOUR);
	assert_true(r.open);
	assert_int_equal(r.reason, RATE_OPEN);
	assert_int_equal(r.hub, MBIT(100));
	assert_int_equal(r.spoke, MBIT(50));
	assert_int_equal(r.policy, MBIT(20));
	assert_int_equal(r.least, MBIT(20));
	assert_int_equal(r.until.s, SUNDAY + 30 * HOUR);
	assert_int_equal(r.opens.s, SUNDAY + 23 * HOUR);
	assert_null(r.hub_policy);
	assert_string_equal(r.governing->name, "p");
	assert_int_equal(r.window.line->origin.line, 5);
	r = chain("berlin", SUNDAY + 23 * HOUR);
	assert_int_equal(r.spoke, RATE_UNLIMITED);
	r = chain("paris", SUNDAY + 12 * HOUR);
	assert_false(r.open);
	assert_int_equal(r.reason, RATE_WINDOW);
	assert_int_equal(r.least, RATE_CLOSED);
	assert_int_equal(r.until.s, SUNDAY + 22 * HOUR);
	assert_int_equal(r.opens.s, SUNDAY + 22 * HOUR);
}

static void spoke_policy_instead(void **state)
{
	struct rate_chain r;

	(void)state;
	given(INI_HUB("", "", "") "policy = always\n");
	r = chain("paris", SUNDAY + 12 * HOUR);
	assert_true(r.open);
	assert_string_equal(r.governing->name, "always");
	assert_int_equal(r.least, RATE_UNLIMITED);
	assert_int_equal(r.until.s, INT64_MAX);
	assert_false(chain("berlin", SUNDAY + 12 * HOUR).open);
}

static void hub_policy(void **state)
{
	struct rate_chain r;

	(void)state;
	given(INI_HUB(
		"policy = h\nrate = 100Mbit", "",
		"") "[policy h]\nwindow = daily 23:00-05:00 10Mbit\nwindow = daily 00:00-01:00 closed\n");
	r = chain("paris", SUNDAY + 22 * HOUR + 1800);
	assert_int_equal(r.reason, RATE_HUB_WINDOW);
	assert_int_equal(r.opens.s, SUNDAY + 23 * HOUR);
	assert_int_equal(r.until.s, SUNDAY + 23 * HOUR);
	r = chain("paris", SUNDAY + 23 * HOUR);
	assert_true(r.open);
	assert_int_equal(r.hub, MBIT(10));
	assert_int_equal(r.least, MBIT(10));
	assert_int_equal(r.until.s, SUNDAY + 24 * HOUR);
	/* Closed by both: opens when the later of them does. */
	r = chain("paris", SUNDAY + 12 * HOUR);
	assert_int_equal(r.reason, RATE_WINDOW);
	assert_int_equal(r.until.s, SUNDAY + 22 * HOUR);
	assert_int_equal(r.opens.s, SUNDAY + 23 * HOUR);
}

static void never_together(void **state)
{
	(void)state;
	given(INI_HUB("policy = h", "", "") "[policy h]\nwindow = daily 08:00-20:00 10Mbit\n");
	assert_int_equal(chain("paris", SUNDAY).opens.s, INT64_MAX);
}

static void sync_now(void **state)
{
	struct rate_chain r;
	struct override *o;

	(void)state;
	given(INI_HUB("policy = h\nrate = 100Mbit", "",
		      "") "rate = 50Mbit\n"
			  "[policy h]\nwindow = daily 23:00-05:00 10Mbit\n");
	o = add(OVERRIDE_SYNC_NOW, "paris", SUNDAY + 13 * HOUR);
	r = chain("paris", SUNDAY + 12 * HOUR);
	assert_true(r.open);
	/* In place of both policies: only the hub's and the spoke's own rates are left. */
	assert_int_equal(r.least, MBIT(50));
	assert_int_equal(r.hub, MBIT(100));
	assert_int_equal(r.until.s, SUNDAY + 13 * HOUR);
	assert_ptr_equal(r.override, o);
	assert_false(chain("berlin", SUNDAY + 12 * HOUR).open);
	assert_false(chain("paris", SUNDAY + 13 * HOUR).open);
	o->rate = MBIT(5);
	assert_int_equal(chain("paris", SUNDAY + 12 * HOUR).least, MBIT(5));
	/* No edge of a policy counts before its end, neither 22:00 nor the hub's 23:00. */
	o->until.s = SUNDAY + 24 * HOUR;
	assert_int_equal(chain("paris", SUNDAY + 12 * HOUR).until.s, SUNDAY + 24 * HOUR);
	o->until.s = SUNDAY + 13 * HOUR;
	/* Also in an open window: it may be faster, or slower. */
	assert_int_equal(chain("paris", SUNDAY).least, MBIT(5));
}

static void pauses(void **state)
{
	struct rate_chain r;

	(void)state;
	given(INI_HUB("", "", ""));
	add(OVERRIDE_SYNC_NOW, NULL, SUNDAY + 20 * HOUR);
	add(OVERRIDE_PAUSE, NULL, SUNDAY + 14 * HOUR);
	r = chain("paris", SUNDAY + 12 * HOUR);
	assert_int_equal(r.reason, RATE_PAUSED);
	assert_int_equal(r.least, RATE_CLOSED);
	assert_int_equal(r.until.s, SUNDAY + 14 * HOUR);
	/* The sync-now is still there then. */
	assert_int_equal(r.opens.s, SUNDAY + 14 * HOUR);
	list[0].until.s = SUNDAY + 13 * HOUR;
	assert_int_equal(chain("paris", SUNDAY + 12 * HOUR).opens.s, SUNDAY + 22 * HOUR);
	/* A second pause behind the first. */
	add(OVERRIDE_PAUSE, "paris", SUNDAY + 23 * HOUR);
	assert_int_equal(chain("paris", SUNDAY + 12 * HOUR).opens.s, SUNDAY + 23 * HOUR);
	list[1].until.s = SUNDAY + 6 * HOUR;
	assert_int_equal(chain("paris", SUNDAY + 14 * HOUR).until.s, SUNDAY + 23 * HOUR);
	list[1].until.s = SUNDAY + 14 * HOUR;
	assert_int_equal(chain("berlin", SUNDAY + 12 * HOUR).opens.s, SUNDAY + 22 * HOUR);
}

static void unknown_zone(void **state)
{
	struct zone *z = zone_new("Asia/Tokyo");
	struct rate_chain r;

	(void)state;
	given(INI_HUB("", "timezone = spoke", ""));
	r = chain("paris", SUNDAY + 23 * HOUR);
	assert_int_equal(r.reason, RATE_ZONE);
	assert_int_equal(r.opens.s, INT64_MAX);
	assert_int_equal(r.until.s, INT64_MAX);
	add(OVERRIDE_SYNC_NOW, NULL, SUNDAY + 24 * HOUR);
	assert_true(chain("paris", SUNDAY + 23 * HOUR).open);
	facts.n_overrides = 0;
	facts.spoke_zone = z;
	r = chain("paris", SUNDAY + 23 * HOUR);
	assert_int_equal(r.reason, RATE_WINDOW);
	assert_int_equal(r.opens.s, SUNDAY + 37 * HOUR);
	zone_free(z);
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(rate_reason_word(RATE_OPEN), "open");
	assert_string_equal(rate_reason_word(RATE_HUB_WINDOW), "hub-window");
	assert_string_equal(rate_reason_word(RATE_ZONE), "zone");
}

/* Random overrides over two policies, minute by minute: nothing changes before `until`, and it is
 * closed until `opens` and open at it. */
static void until_and_opens(void **state)
{
	uint64_t seed = 11;

	(void)state;
	given(INI_HUB(
		"policy = h\nrate = 100Mbit", "window = sat,sun 10:00-11:00 closed",
		"") "[policy h]\nwindow = daily 20:00-08:00 10Mbit\nwindow = daily 02:00-03:00 1Mbit\n");
	for (int k = 0; k < 200; k++) {
		int64_t start = SUNDAY + (int64_t)(temp_random(&seed) % (7 * 1440)) * 60;
		struct rate_chain first, now;

		facts.n_overrides = 0;
		for (unsigned i = 0; i < temp_random(&seed) % 4; i++) {
			struct override *o =
				add(temp_random(&seed) % 2, temp_random(&seed) % 2 ? "paris" : NULL,
				    start + (int64_t)(temp_random(&seed) % 1440) * 60);

			o->rate = MBIT(1 + temp_random(&seed) % 9);
		}
		first = chain("paris", start);
		assert_true(first.until.s > start && first.until.s != INT64_MAX);
		for (int64_t t = start; t < first.until.s; t += 60) {
			now = chain("paris", t);
			assert_int_equal(now.open, first.open);
			assert_int_equal(now.least, first.least);
			assert_ptr_equal(now.override, first.override);
		}
		if (first.open)
			continue;
		for (int64_t t = start; t < first.opens.s; t += 60)
			assert_false(chain("paris", t).open);
		assert_true(chain("paris", first.opens.s).open);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_of_all),	   cmocka_unit_test(spoke_policy_instead),
		cmocka_unit_test(hub_policy),	   cmocka_unit_test(never_together),
		cmocka_unit_test(sync_now),	   cmocka_unit_test(pauses),
		cmocka_unit_test(unknown_zone),	   cmocka_unit_test(words),
		cmocka_unit_test(until_and_opens),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
