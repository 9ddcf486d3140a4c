/*
 * test_forward_steps.c: queues that are too long for one step: plans and forecasts are made in
 * parts, and the queue may change between these.
 */
#include "tests/unit/forward_rig.h"

#include <stdio.h>
#include <stdlib.h>

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
	struct rig *r = rig_world("start_jitter = 0s", ALWAYS("8Mbit") GROUP("") SPOKES);
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
		cmocka_unit_test(in_steps),
		cmocka_unit_test(forecast_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
