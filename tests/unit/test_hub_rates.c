/*
 * test_hub_rates.c: the shaper's tree as the hub builds it for its pushes, run in virtual time: who
 * shares the hub's own policy while a sync-now stands in place of it for some. And the effort that
 * a rate allows. No daemon, no peer. Seen to catch: a shaper that lets bytes through outside a
 * window.
 */
#include "scheduler/hub_rates.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/hub_start.h"
#include "tests/unit/core_rig.h"
#include "transfer/shaper_private.h"

#define MBIT   ((uint64_t)125000)
#define RUN    20 /* seconds */
#define PUSHES 4

static struct mono vnow;
static int64_t due;

static struct mono vclock(void)
{
	return vnow;
}

static void varm(struct shaper *s, int64_t after_us)
{
	(void)s;
	if (after_us != INT64_MAX)
		due = MIN(due, vnow.us + after_us);
}

struct flow {
	struct hub_job x;
	struct shaper_node *leaf;
	uint64_t got;
};

struct bench {
	struct rig *r;
	struct daemon d;
	struct hub h;
	struct shaper shaper;
	struct hub_spoke spokes[3];
	struct flow flows[PUSHES];
};

#define SPOKE(name, more) "[spoke " name "]\nurl = https://" name ":4480\n" RIG_KEY(name) more
#define WORLD                                                                     \
	"[policy all]\ntimezone = UTC\nwindow = mon-sun 00:00-24:00 unlimited\n"  \
	"[policy hub]\ntimezone = UTC\nwindow = mon-sun 00:00-24:00 9Mbit\n"      \
	"[group g]\npath = /nowhere/g\nspokes = a, b, c\npolicy = all\n"          \
	"[group h]\npath = /nowhere/h\nspokes = a\npolicy = all\n" SPOKE("a", "") \
		SPOKE("b", "rate = 20Mbit\n") SPOKE("c", "weight = 2\n")

/* Takes whatever it can get. */
static void ready(void *arg)
{
	struct flow *f = arg;
	size_t n;

	while ((n = shaper_grant(f->leaf, 65536)) > 0)
		f->got += n;
	shaper_want(f->leaf, true);
}

static int setup(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	struct bench *b = xcalloc(1, sizeof(*b));

	b->r = rig_new("rate = 50Mbit\npolicy = hub", WORLD);
	b->r->now = daemon_now();
	b->d.config = core_config(b->r->c);
	b->h.d = &b->d;
	b->h.core = b->r->c;
	b->h.shaper = &b->shaper;
	TAILQ_INIT(&b->h.spokes);
	TAILQ_INIT(&b->h.pushing);
	vnow = (struct mono){0};
	due = INT64_MAX;
	b->shaper.clock = vclock;
	b->shaper.arm = varm;
	shaper_init(&b->shaper);
	shaper_set_rate(shaper_root(&b->shaper), b->d.config->rate);
	b->h.planned = shaper_node_new(shaper_root(&b->shaper), 1, NULL, NULL);
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		struct hub_spoke *s = &b->spokes[i];

		s->hub = &b->h;
		s->state = core_spoke(b->r->c, names[i]);
		s->node =
			shaper_node_new(shaper_root(&b->shaper), s->state->cfg->weight, NULL, NULL);
		TAILQ_INIT(&s->rates);
		TAILQ_INSERT_TAIL(&b->h.spokes, s, entry);
	}
	*state = b;
	return 0;
}

static void push(struct bench *b, unsigned i, unsigned spoke, const char *group, const char *path)
{
	struct flow *f = &b->flows[i];

	f->x.hub = &b->h;
	f->x.spoke = &b->spokes[spoke];
	f->x.job = rig_add(b->r, f->x.spoke->state->name, group, path);
	TAILQ_INSERT_TAIL(&b->h.pushing, &f->x, entry);
}

static void push_two_to_b(struct bench *b)
{
	push(b, 0, 1, "g", "1");
	push(b, 1, 1, "g", "2");
	push(b, 2, 0, "h", "1");
	push(b, 3, 2, "g", "3");
}

/* All pushes hang where they belong now, and send for a while. */
static void run(struct bench *b)
{
	int64_t end = vnow.us + RUN * SECOND_US;

	for (unsigned i = 0; i < PUSHES; i++) {
		struct flow *f = &b->flows[i];

		hub_rates_detach(&f->x);
		shaper_node_free(f->leaf);
		f->leaf = shaper_node_new(hub_rates_attach(&f->x), 1, ready, f);
		f->got = 0;
	}
	hub_rates_sweep(&b->h);
	for (unsigned i = 0; i < PUSHES; i++)
		ready(&b->flows[i]);
	while (due <= end) {
		int64_t wait;

		vnow.us = MAX(vnow.us, due);
		due = INT64_MAX;
		wait = shaper_pass(&b->shaper, vnow);
		varm(&b->shaper, wait == INT64_MAX ? wait : MAX(wait, 2000));
	}
	vnow.us = end;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 0; i < PUSHES; i++) {
		hub_rates_detach(&b->flows[i].x);
		shaper_node_free(b->flows[i].leaf);
	}
	for (unsigned i = 0; i < ARRAY_LEN(b->spokes); i++) {
		hub_rates_drop(&b->spokes[i]);
		shaper_node_free(b->spokes[i].node);
	}
	assert_int_equal(b->h.planned->reserved, 0);
	shaper_node_free(b->h.planned);
	assert_int_equal(shaper_root(&b->shaper)->n_children, 0);
	shaper_done(&b->shaper);
	rig_free(b->r);
	free(b);
	return 0;
}

/* Within 2 % of this rate. */
static void at_rate(uint64_t bytes, uint64_t rate)
{
	assert_in_range(bytes, rate * RUN * 98 / 100, rate * RUN * 102 / 100);
}

/* One spoke is under a sync-now: it has the hub's plain rate, and the others, and what is not
 * covered on that spoke, have the hub policy's rate together, by weight. */
static void override_beside_the_hubs_policy(void **state)
{
	struct bench *b = *state;
	struct flow *f = b->flows;

	push(b, 0, 0, "g", "1");
	push(b, 1, 0, "h", "1");
	push(b, 2, 1, "g", "2");
	push(b, 3, 2, "g", "3");
	/* By policy alone: 1:1:2 between the spokes, and on the first spoke both share its part. */
	run(b);
	at_rate(f[0].got + f[1].got + f[2].got + f[3].got, 9 * MBIT);
	at_rate(f[3].got, 9 * MBIT / 2);

	rig_override(b->r, OVERRIDE_SYNC_NOW, "a", "g", 3600);
	run(b);
	at_rate(f[1].got + f[2].got + f[3].got, 9 * MBIT);
	at_rate(f[0].got, (50 - 9) * MBIT);
	/* The order of the tree stays: hub -> spoke -> (spoke, policy) -> transfer. */
	assert_ptr_equal(f[0].leaf->parent->parent, b->spokes[0].node);
	assert_ptr_equal(f[1].leaf->parent->parent, b->spokes[0].node);
	assert_ptr_equal(b->spokes[0].node->parent, shaper_root(&b->shaper));
	assert_int_equal(shaper_rate_in_force(f[0].leaf), 50 * MBIT);
	assert_int_equal(shaper_rate_in_force(f[1].leaf), 9 * MBIT);

	core_override_end(b->r->c, OVERRIDE_SYNC_NOW, "a", "g", false);
	run(b);
	at_rate(f[0].got + f[1].got + f[2].got + f[3].got, 9 * MBIT);
}

/* The spoke's own limit holds for what a sync-now lets through as well. */
static void override_within_the_spokes_rate(void **state)
{
	struct bench *b = *state;
	struct flow *f = b->flows;

	push_two_to_b(b);
	rig_override(b->r, OVERRIDE_SYNC_NOW, "b", NULL, 3600);
	run(b);
	/* Two pushes under one sync-now; the rest keeps to the hub's policy. */
	at_rate(f[0].got + f[1].got, 20 * MBIT);
	at_rate(f[2].got + f[3].got, 9 * MBIT);
	at_rate(f[3].got, 6 * MBIT);
}

/* The slower the line, the slower the effort; and each but the fastest has a faster one to fall
 * back to. */
static void effort_by_rate(void **state)
{
	static const struct {
		uint64_t rate;
		int effort, effort_short;
	} expected[] = {
		{1, 19, 17},
		{4 * MBIT, 19, 17},
		{4 * MBIT + 1, 17, 9},
		{20 * MBIT, 17, 9},
		{20 * MBIT + 1, 9, 3},
		{200 * MBIT, 9, 3},
		{200 * MBIT + 1, 3, 0},
		{RATE_UNLIMITED, 3, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		int effort_short = -1;

		assert_int_equal(hub_start_effort(expected[i].rate, &effort_short),
				 expected[i].effort);
		assert_int_equal(effort_short, expected[i].effort_short);
	}
}

/* The first guard of a window's edge ends the push (test_core_time.c, test_push.c); the second,
 * here, is there where that takes its time: the push is there yet, wants to send, and gets nothing.
 */
static void closed_lets_nothing_through(void **state)
{
	struct bench *b = *state;
	struct flow *f = b->flows;

	push_two_to_b(b);
	run(b);
	assert_true(f[0].got > 0);
	rig_override(b->r, OVERRIDE_PAUSE, "b", NULL, 3600);
	run(b);
	assert_int_equal(f[0].got, 0);
	assert_int_equal(f[1].got, 0);
	at_rate(f[2].got + f[3].got, 9 * MBIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(override_beside_the_hubs_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(override_within_the_spokes_rate, setup, teardown),
		cmocka_unit_test(effort_by_rate),
		cmocka_unit_test_setup_teardown(closed_lets_nothing_through, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
