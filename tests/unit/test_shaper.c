/*
 * test_shaper.c: the whole tree in virtual time, the pass called when it asked to be: rates,
 * weights, closed and unlimited, late loops, blocked sockets, leaves that go away while they are
 * called.
 */
#include "transfer/shaper_private.h"

#include <ev.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MBIT	((uint64_t)125000)
#define SECONDS 60

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

struct leaf {
	struct shaper_node *node;
	uint64_t got;
	uint64_t second[SECONDS + 1];
	bool blocked; /* its socket takes nothing */
	unsigned called;
};

static void take(struct leaf *l)
{
	for (;;) {
		size_t n = shaper_grant(l->node, 65536);

		if (n == 0)
			break;
		l->got += n;
		l->second[MIN(vnow.us / SECOND_US, SECONDS)] += n;
		if (shaper_rate_in_force(l->node) == RATE_UNLIMITED)
			return;
	}
	shaper_want(l->node, true);
}

static void ready(void *arg)
{
	struct leaf *l = arg;

	l->called++;
	if (!l->blocked)
		take(l);
}

static void start(struct shaper *s)
{
	memset(s, 0, sizeof(*s));
	vnow = (struct mono){0};
	due = INT64_MAX;
	s->clock = vclock;
	s->arm = varm;
	shaper_init(s);
}

static void add(struct leaf *l, struct shaper_node *parent, unsigned weight)
{
	*l = (struct leaf){.node = shaper_node_new(parent, weight, ready, l)};
}

/* Runs until t; each pass comes late by up to late_us. */
static void run_until(struct shaper *s, int64_t t, int64_t late_us)
{
	static uint64_t seed = 7;

	while (due <= t) {
		int64_t wait;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		vnow.us = MAX(vnow.us, due) + (late_us ? (int64_t)(seed >> 33) % late_us : 0);
		due = INT64_MAX;
		wait = shaper_pass(s, vnow);
		varm(s, wait == INT64_MAX ? wait : MAX(wait, 1));
	}
	vnow.us = MAX(vnow.us, t);
}

/* Issue 2, must show 3, in virtual time and with a loop that is up to 10 ms late. */
static void one_leaf(uint64_t rate, double second_max)
{
	struct shaper s;
	struct leaf l;

	start(&s);
	add(&l, shaper_root(&s), 1);
	shaper_set_rate(shaper_root(&s), rate);
	take(&l);
	run_until(&s, SECONDS * SECOND_US - 1, 10000);
	for (int i = 0; i < SECONDS; i++)
		assert_true((double)l.second[i] <= second_max * (double)rate);
	for (int i = 0; i + 10 <= SECONDS; i++) {
		uint64_t ten = 0;

		for (int k = i; k < i + 10; k++)
			ten += l.second[k];
		assert_true((double)ten >= 9.7 * (double)rate &&
			    (double)ten <= 10.3 * (double)rate);
	}
	assert_int_equal(shaper_bytes(shaper_root(&s)), l.got);
	shaper_node_free(l.node);
	shaper_done(&s);
}

static void test_one_leaf(void **state)
{
	(void)state;
	one_leaf(MBIT / 16, 1.36); /* 64 kbit: a bucket is two packets deep */
	one_leaf(MBIT, 1.08);
	one_leaf(8 * MBIT, 1.08);
	one_leaf(1000 * MBIT, 1.08);
}

static void test_weights(void **state)
{
	const unsigned weights[] = {1, 2, 8};
	struct shaper s;
	struct leaf l[3];

	(void)state;
	start(&s);
	shaper_set_rate(shaper_root(&s), 8 * MBIT);
	for (int i = 0; i < 3; i++) {
		add(&l[i], shaper_root(&s), weights[i]);
		take(&l[i]);
	}
	run_until(&s, SECONDS * SECOND_US - 1, 5000);
	for (int i = 0; i < 3; i++) {
		double want = 60e6 * weights[i] / 11;

		assert_true((double)l[i].got > 0.98 * want && (double)l[i].got < 1.02 * want);
		/* And in each second, not only in the end. */
		for (int t = 1; t < SECONDS; t++)
			assert_true((double)l[i].second[t] > 0.5 * want / 60);
		shaper_node_free(l[i].node);
	}
	shaper_done(&s);
}

/* hub 8 Mbit; spoke a 1 Mbit with two leaves; spoke b open: b gets what a cannot use. */
static void test_tree(void **state)
{
	struct shaper s;
	struct shaper_node *a, *b;
	struct leaf l[3];

	(void)state;
	start(&s);
	shaper_set_rate(shaper_root(&s), 8 * MBIT);
	a = shaper_node_new(shaper_root(&s), 1, NULL, NULL);
	b = shaper_node_new(shaper_root(&s), 1, NULL, NULL);
	shaper_set_rate(a, MBIT);
	add(&l[0], a, 1);
	add(&l[1], a, 3);
	add(&l[2], b, 1);
	for (int i = 0; i < 3; i++)
		take(&l[i]);
	assert_int_equal(shaper_rate_in_force(l[0].node), MBIT);
	assert_int_equal(shaper_rate_in_force(l[2].node), 8 * MBIT);
	run_until(&s, 20 * SECOND_US, 3000);
	assert_in_range(l[0].got, 600000, 650000);
	assert_in_range(l[1].got, 1850000, 1900000);
	assert_in_range(l[2].got, 17400000, 17550000);
	assert_int_equal(shaper_bytes(a), l[0].got + l[1].got);
	assert_in_range(shaper_throttled_us(a), 19 * SECOND_US, 20 * SECOND_US);
	for (int i = 0; i < 3; i++)
		shaper_node_free(l[i].node);
	shaper_node_free(a);
	shaper_node_free(b);
	shaper_done(&s);
}

static void test_closed_and_open(void **state)
{
	struct shaper s;
	struct leaf l;
	uint64_t before;

	(void)state;
	start(&s);
	add(&l, shaper_root(&s), 1);
	assert_int_equal(shaper_grant(l.node, 1 << 20), 1 << 20); /* unlimited: no wait */
	shaper_set_rate(shaper_root(&s), RATE_CLOSED);
	take(&l);
	assert_int_equal(l.got, 0);
	run_until(&s, 30 * SECOND_US, 0);
	assert_int_equal(l.got, 0);
	shaper_set_rate(shaper_root(&s), MBIT);
	run_until(&s, 40 * SECOND_US, 0);
	assert_in_range(l.got, 1240000, 1260000);
	/* Closing takes back what was promised and not yet taken. */
	l.blocked = true;
	run_until(&s, 41 * SECOND_US, 0);
	before = l.got;
	shaper_set_rate(shaper_root(&s), RATE_CLOSED);
	take(&l);
	assert_int_equal(l.got, before);
	shaper_set_rate(shaper_root(&s), RATE_UNLIMITED);
	l.blocked = false;
	run_until(&s, 42 * SECOND_US, 0);
	assert_int_equal(l.got, before + 65536);
	shaper_node_free(l.node);
	shaper_done(&s);
}

/* A leaf whose socket is blocked holds a promise, and must not hold the others with it. */
static void test_blocked_leaf(void **state)
{
	struct shaper s;
	struct leaf a, b;

	(void)state;
	start(&s);
	shaper_set_rate(shaper_root(&s), MBIT);
	add(&a, shaper_root(&s), 8);
	add(&b, shaper_root(&s), 1);
	run_until(&s, SECOND_US, 0); /* the bucket is full now */
	a.blocked = true;
	shaper_want(a.node, true);
	run_until(&s, SECOND_US + 1000, 0);
	assert_int_equal(a.called, 1);
	take(&b);
	run_until(&s, 11 * SECOND_US, 0);
	assert_in_range(b.got, 1230000, 1260000);
	shaper_node_free(a.node);
	shaper_node_free(b.node);
	shaper_done(&s);
}

static void test_charge_and_refund(void **state)
{
	struct shaper s;
	struct leaf l;

	(void)state;
	start(&s);
	shaper_set_rate(shaper_root(&s), MBIT);
	add(&l, shaper_root(&s), 1);
	shaper_charge(l.node, 250000); /* two seconds' worth went unasked */
	take(&l);
	run_until(&s, 2 * SECOND_US, 0);
	assert_int_equal(l.got, 0);
	run_until(&s, 12 * SECOND_US, 0);
	assert_in_range(l.got, 1240000, 1256250);
	shaper_refund(l.node, 1000);
	assert_int_equal(shaper_bytes(shaper_root(&s)), l.got + 250000 - 1000);
	shaper_want(l.node, false);
	run_until(&s, 20 * SECOND_US, 0);
	assert_in_range(l.got, 1240000, 1256250);
	shaper_node_free(l.node);
	shaper_done(&s);
}

static void free_self(void *arg)
{
	struct leaf *l = arg;

	l->called++;
	l->node = shaper_node_free(l->node);
}

/* Both are called back in one pass, and each frees itself; the second also frees the third. */
static struct leaf victims[3];

static void free_other(void *arg)
{
	free_self(arg);
	victims[2].node = shaper_node_free(victims[2].node);
}

static void test_free_in_ready(void **state)
{
	struct shaper s;

	(void)state;
	start(&s);
	shaper_set_rate(shaper_root(&s), 100 * MBIT);
	victims[0].node = shaper_node_new(shaper_root(&s), 1, free_self, &victims[0]);
	victims[1].node = shaper_node_new(shaper_root(&s), 1, free_other, &victims[1]);
	victims[2].node = shaper_node_new(shaper_root(&s), 1, free_self, &victims[2]);
	for (int i = 0; i < 3; i++)
		shaper_want(victims[i].node, true);
	run_until(&s, SECOND_US, 0);
	assert_int_equal(victims[0].called + victims[1].called, 2);
	assert_int_equal(victims[2].called, 0);
	assert_int_equal(shaper_root(&s)->n_children, 0);
	assert_int_equal(shaper_root(&s)->reserved, 0);
	assert_int_equal(shaper_root(&s)->waiting, 0);
	shaper_done(&s);
}

static void stop_loop(void *arg)
{
	ev_break(arg, EVBREAK_ONE);
}

/* On the real loop only that it comes at all. */
static void test_on_the_loop(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct shaper *s = shaper_new(loop);
	struct shaper_node *l = shaper_node_new(shaper_root(s), 1, stop_loop, loop);

	(void)state;
	shaper_set_rate(shaper_root(s), MBIT);
	assert_int_equal(shaper_grant(l, 1 << 20), 0); /* buckets start empty */
	shaper_want(l, true);
	ev_run(loop, 0);
	assert_int_equal(shaper_grant(l, 1 << 20), bucket_quantum(MBIT));
	shaper_node_free(l);
	assert_null(shaper_free(s));
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_leaf),      cmocka_unit_test(test_weights),
		cmocka_unit_test(test_tree),	      cmocka_unit_test(test_closed_and_open),
		cmocka_unit_test(test_blocked_leaf),  cmocka_unit_test(test_charge_and_refund),
		cmocka_unit_test(test_free_in_ready), cmocka_unit_test(test_on_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
