/*
 * test_shaper_accuracy.c: what users are promised of a rate, in virtual time on a loop that is
 * late: 64 kbit to 1 Gbit, 1 to 64 transfers: within 2 % over any 10 s, 10 % over any second, and
 * from 8 Mbit up never above 1.5 times over 100 ms (each or two quanta, whichever is larger);
 * weights at every level; nobody starves; few calls. The bound at every node is
 * test_shaper_bound.c's.
 */
#include "transfer/shaper_private.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KBIT	   ((uint64_t)125)
#define MBIT	   ((uint64_t)125000)
#define TICK_US	   10000
#define LATE_US	   8000	 /* of a pass, at most; */
#define STALL_US   90000 /* but now and then */
#define STALL_EACH (5 * SECOND_US)
#define SLOT_US	   10000
#define SECONDS	   40
#define SLOTS	   (SECONDS * 100)
#define LEAVES_MAX 64

static struct mono vnow;
static int64_t due;

struct leaf {
	struct shaper_node *node;
	uint64_t got, calls, slowest_us, last_us;
};

static struct leaf leaves[LEAVES_MAX];
static uint64_t sum[SLOTS + 1]; /* bytes until the end of each slot */

static struct mono vclock(void)
{
	return vnow;
}

static void varm(struct shaper *s, int64_t after_us)
{
	(void)s;
	if (after_us != INT64_MAX)
		due = MIN(due, vnow.us + MAX(after_us, TICK_US));
}

static void take(struct leaf *l)
{
	size_t n;

	while ((n = shaper_grant(l->node, 65524)) > 0) {
		l->got += n;
		sum[MIN(vnow.us / SLOT_US, SLOTS - 1) + 1] += n;
		l->slowest_us = MAX(l->slowest_us, (uint64_t)vnow.us - l->last_us);
		l->last_us = (uint64_t)vnow.us;
	}
	shaper_want(l->node, true);
}

static void ready(void *arg)
{
	struct leaf *l = arg;

	l->calls++;
	take(l);
}

static void begin(struct shaper *s, uint64_t rate)
{
	memset(s, 0, sizeof(*s));
	memset(sum, 0, sizeof(sum));
	vnow = (struct mono){0};
	due = INT64_MAX;
	s->clock = vclock;
	s->arm = varm;
	shaper_init(s);
	shaper_set_rate(shaper_root(s), rate);
}

static void add(struct leaf *l, struct shaper_node *parent, unsigned weight)
{
	*l = (struct leaf){.node = shaper_node_new(parent, weight, ready, l)};
	take(l);
}

static void run(struct shaper *s)
{
	uint64_t seed = 7;
	int64_t stall = STALL_EACH;

	while (due <= SECONDS * SECOND_US) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		vnow.us = MAX(vnow.us, due) + (int64_t)((seed >> 33) % LATE_US);
		if (vnow.us > stall) {
			vnow.us += STALL_US;
			stall += STALL_EACH;
		}
		due = INT64_MAX;
		varm(s, shaper_pass(s, vnow));
	}
	for (int i = 1; i <= SLOTS; i++)
		sum[i] += sum[i - 1];
}

static void end(struct shaper *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		shaper_node_free(leaves[i].node);
	shaper_done(s);
}

/* Every window of so many slots after the first second. slack: of its bytes. */
static void windows(uint64_t rate, int slots, double low, double high)
{
	double want = (double)rate * slots / 100, two = 2.0 * (double)bucket_quantum(rate);

	for (int i = 100; i + slots <= SLOTS - 1; i++) {
		double got = (double)(sum[i + slots] - sum[i]);

		if (got < want - MAX(two, want * low) || got > want + MAX(two, want * high))
			fail_msg("%llu B/s, %d ms from %d ms: %.0f bytes instead of %.0f",
				 (unsigned long long)rate, slots * 10, i * 10, got, want);
	}
}

static void accuracy(uint64_t rate, unsigned n)
{
	struct shaper s;

	begin(&s, rate);
	for (unsigned i = 0; i < n; i++)
		add(&leaves[i], shaper_root(&s), 1);
	run(&s);
	windows(rate, 1000, 0.02, 0.02);
	windows(rate, 100, 0.10, 0.10);
	if (rate >= 8 * MBIT)
		windows(rate, 10, 1.0, 0.5);
	end(&s, n);
}

static void test_accuracy(void **state)
{
	const uint64_t rates[] = {64 * KBIT, MBIT, 8 * MBIT, 100 * MBIT, 1000 * MBIT};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		accuracy(rates[i], 1);
		accuracy(rates[i], 8);
		accuracy(rates[i], 64);
	}
}

static void expect_share(const struct leaf *l, double of_all)
{
	double all = (double)sum[SLOTS];

	assert_true((double)l->got > all * of_all * 0.95 && (double)l->got < all * of_all * 1.05);
}

/* Two spokes 1 : 3; below them policies 1 : 1 and transfers 1 : 2 : 8. */
static void test_weights_at_every_level(void **state)
{
	struct shaper s;
	struct shaper_node *a, *b, *a1, *a2;

	(void)state;
	begin(&s, 24 * MBIT);
	a = shaper_node_new(shaper_root(&s), 1, NULL, NULL);
	b = shaper_node_new(shaper_root(&s), 3, NULL, NULL);
	a1 = shaper_node_new(a, 1, NULL, NULL);
	a2 = shaper_node_new(a, 1, NULL, NULL);
	add(&leaves[0], a1, 1);
	add(&leaves[1], a2, 5);
	add(&leaves[2], b, 1);
	add(&leaves[3], b, 2);
	add(&leaves[4], b, 8);
	run(&s);
	expect_share(&leaves[0], 1.0 / 8);
	expect_share(&leaves[1], 1.0 / 8);
	expect_share(&leaves[2], 3.0 / 4 / 11);
	expect_share(&leaves[3], 3.0 / 4 * 2 / 11);
	expect_share(&leaves[4], 3.0 / 4 * 8 / 11);
	for (unsigned i = 0; i < 5; i++)
		shaper_node_free(leaves[i].node);
	shaper_node_free(a1);
	shaper_node_free(a2);
	shaper_node_free(a);
	shaper_node_free(b);
	shaper_done(&s);
}

/* One against 63 that weigh a hundred times as much: its share is 15 bytes in 100,000, and comes.
 */
static void test_nobody_starves(void **state)
{
	struct shaper s;

	(void)state;
	begin(&s, 100 * MBIT);
	for (unsigned i = 0; i < 64; i++)
		add(&leaves[i], shaper_root(&s), i ? 100 : 1);
	run(&s);
	assert_in_range(leaves[0].got, sum[SLOTS] / 6301 / 2, sum[SLOTS] / 6301 * 2);
	for (unsigned i = 1; i < 64; i++)
		assert_in_range(leaves[i].slowest_us, 1, SECOND_US);
	end(&s, 64);
}

/* Where many share a high rate they are not all woken for a packet each. */
static void test_few_calls(void **state)
{
	struct shaper s;
	uint64_t calls = 0;

	(void)state;
	begin(&s, 100 * MBIT);
	for (unsigned i = 0; i < 64; i++)
		add(&leaves[i], shaper_root(&s), 1);
	run(&s);
	for (unsigned i = 0; i < 64; i++)
		calls += leaves[i].calls;
	/* 5 ms of rate in one go, or in two where the bucket was empty before. */
	assert_in_range(sum[SLOTS] / calls, 32 << 10, 64 << 10);
	end(&s, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accuracy),
		cmocka_unit_test(test_weights_at_every_level),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_few_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
