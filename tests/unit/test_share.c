/*
 * test_share.c: turns go by weight, to a quantum; who may not go costs nobody; nobody starves.
 */
#include "transfer/share.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define PIECE 1400

struct item {
	struct share_item item;
	uint64_t got;
	bool may;
	unsigned waited, most_waited; /* turns of others in a row */
};

static bool may(void *arg, struct share_item *i)
{
	(void)arg;
	return container_of(i, struct item, item)->may;
}

static void run(struct share *s, struct item *items, size_t n, unsigned turns)
{
	for (unsigned k = 0; k < turns; k++) {
		struct share_item *i = share_next(s, 16384, may, NULL);
		struct item *it;

		assert_non_null(i);
		it = container_of(i, struct item, item);
		assert_true(it->may);
		share_used(i, PIECE);
		it->got += PIECE;
		for (size_t j = 0; j < n; j++) {
			items[j].waited = &items[j] == it ? 0 : items[j].waited + 1;
			items[j].most_waited = MAX(items[j].most_waited, items[j].waited);
		}
	}
}

static void fill(struct share *s, struct item *items, const unsigned *weights, size_t n)
{
	share_init(s);
	for (size_t i = 0; i < n; i++) {
		items[i] = (struct item){.may = true};
		share_item_init(&items[i].item, weights[i]);
		share_add(s, &items[i].item);
	}
}

static void test_weights(void **state)
{
	const unsigned weights[] = {1, 2, 8};
	struct item x[3];
	struct share s;

	(void)state;
	fill(&s, x, weights, 3);
	run(&s, x, 3, 110000);
	for (size_t i = 0; i < 3; i++) {
		uint64_t want = (uint64_t)110000 * PIECE * weights[i] / 11;

		/* One round at most. */
		assert_true(x[i].got + 32768 >= want && x[i].got <= want + 32768);
	}
}

static void test_extremes_do_not_starve(void **state)
{
	const unsigned weights[] = {1, 1000, 1000};
	struct item x[3];
	struct share s;

	(void)state;
	fill(&s, x, weights, 3);
	run(&s, x, 3, 400000);
	assert_in_range(x[0].got / PIECE, 180, 220);
	assert_in_range(x[0].most_waited, 1, 4100);
	assert_true(x[1].got > x[0].got * 900);
}

static void test_who_may_not_go(void **state)
{
	const unsigned weights[] = {1, 1, 8};
	struct item x[3];
	struct share s;
	uint64_t before;

	(void)state;
	fill(&s, x, weights, 3);
	run(&s, x, 3, 1000);
	x[2].may = false;
	before = x[0].got;
	run(&s, x, 3, 20000);
	/* What the heavy one leaves is shared by the others alike. */
	assert_in_range((x[0].got - before) / PIECE, 9900, 10100);
	x[0].may = x[1].may = false;
	assert_null(share_next(&s, 16384, may, NULL));
}

static void test_idle_earns_nothing(void **state)
{
	const unsigned weights[] = {1, 1};
	struct item x[2];
	struct share s;
	uint64_t before;

	(void)state;
	fill(&s, x, weights, 2);
	run(&s, x, 2, 100);
	share_remove(&s, &x[0].item);
	run(&s, x, 2, 100000);
	before = x[1].got;
	share_add(&s, &x[0].item);
	x[0].got = 0;
	run(&s, x, 2, 1000);
	assert_in_range(x[0].got / PIECE, 480, 520);
	assert_in_range((x[1].got - before) / PIECE, 480, 520);
}

static void test_a_debt_is_bounded(void **state)
{
	const unsigned weights[] = {1, 1};
	struct item x[2];
	struct share s;

	(void)state;
	fill(&s, x, weights, 2);
	share_used(&x[0].item, UINT64_MAX);
	run(&s, x, 2, 2000);
	assert_true(x[0].got > 800 * PIECE);
}

static void test_nobody(void **state)
{
	struct share s;

	(void)state;
	share_init(&s);
	assert_null(share_next(&s, 16384, may, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_extremes_do_not_starve),
		cmocka_unit_test(test_who_may_not_go),
		cmocka_unit_test(test_idle_earns_nothing),
		cmocka_unit_test(test_a_debt_is_bounded),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
