/*
 * test_greetings.c: fleets of which many spokes are gone. Those hold a place for some rounds; all
 * want the next one at once, which is more than the core ever asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/greetings.h"

#define GONE  1000
#define ALIVE 20
#define HOLDS 3 /* rounds that a greeting of one that is gone takes */

struct fleet {
	struct greetings g;
	struct {
		struct greet_turn turn;
		bool gone, failed;
		unsigned greeted, began;
	} spokes[GONE + ALIVE];
	unsigned round;
};

/* Those that are gone come first in the configuration. */
static void make(struct fleet *f)
{
	*f = (struct fleet){0};
	greetings_init(&f->g);
	for (size_t i = 0; i < GONE + ALIVE; i++) {
		f->spokes[i].gone = i < GONE;
		greetings_ask(&f->g, &f->spokes[i].turn, false);
	}
}

/* A round. A spoke that is there answers at once, any number in a round. */
static void play(struct fleet *f)
{
	struct greet_turn *t;

	f->round++;
	while ((t = greetings_next(&f->g))) {
		size_t i = (size_t)((char *)t - (char *)f->spokes) / sizeof(f->spokes[0]);

		f->spokes[i].began = f->round;
		f->spokes[i].greeted++;
		if (!f->spokes[i].gone) {
			f->spokes[i].failed = false;
			greetings_end(&f->g, t);
		}
	}
	assert_true(f->g.running <= GREETINGS_MAX && f->g.silent <= GREETINGS_SILENT);
	for (size_t i = 0; i < GONE + ALIVE; i++) {
		if (f->spokes[i].turn.state == TURN_RUNS &&
		    f->round - f->spokes[i].began >= HOLDS - 1) {
			f->spokes[i].failed = true;
			greetings_end(&f->g, &f->spokes[i].turn);
		}
		greetings_ask(&f->g, &f->spokes[i].turn, f->spokes[i].failed);
	}
}

/* Whoever answers is greeted in each round, once all were tried; who is gone, in turn. */
static void test_many_are_gone(void **state)
{
	static struct fleet f;
	unsigned first = (GONE + GREETINGS_MAX - 1) / GREETINGS_MAX * HOLDS + 1;
	unsigned turn = (GONE + GREETINGS_SILENT - 1) / GREETINGS_SILENT * HOLDS + HOLDS;

	(void)state;
	make(&f);
	for (unsigned i = 0; i < first; i++)
		play(&f);
	for (size_t i = GONE; i < GONE + ALIVE; i++)
		assert_true(f.spokes[i].greeted > 0);
	for (unsigned i = 0; i < 3 * turn; i++) {
		play(&f);
		for (size_t s = GONE; s < GONE + ALIVE; s++)
			assert_int_equal(f.spokes[s].began, f.round);
		for (size_t s = 0; s < GONE; s++)
			assert_true(f.round < first + turn || f.round - f.spokes[s].began <= turn);
	}
}

/* One that comes back is greeted in its turn, and from then on with those that answer. */
static void test_one_returns(void **state)
{
	static struct fleet f;

	(void)state;
	make(&f);
	for (unsigned i = 0; i < 3 * 40; i++)
		play(&f);
	f.spokes[500].gone = false;
	for (unsigned i = 0; i < 3 * 22; i++)
		play(&f);
	for (unsigned i = 0; i < 5; i++) {
		play(&f);
		assert_int_equal(f.spokes[500].began, f.round);
	}
}

static void test_wants_it_no_more(void **state)
{
	static struct fleet f;

	(void)state;
	make(&f);
	assert_int_equal(greetings_next(&f.g) == &f.spokes[0].turn, 1);
	greetings_ask(&f.g, &f.spokes[0].turn, true); /* it is under way */
	greetings_end(&f.g, &f.spokes[1].turn);
	assert_int_equal(greetings_next(&f.g) == &f.spokes[2].turn, 1);
	for (size_t i = 0; i < GONE + ALIVE; i++)
		greetings_end(&f.g, &f.spokes[i].turn);
	greetings_end(&f.g, &f.spokes[0].turn);
	assert_null(greetings_next(&f.g));
	assert_int_equal(f.g.running, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_are_gone),
		cmocka_unit_test(test_one_returns),
		cmocka_unit_test(test_wants_it_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
