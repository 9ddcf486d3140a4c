/*
 * test_pairing.c: how long, how often and for whom a join code is good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "scheduler/pairing.h"

static const uint8_t right[JOINCODE_SECRET] = "0123456789abcdef";
static const struct mono start = {5 * SECOND_US};

static struct mono after(int64_t seconds)
{
	return (struct mono){start.us + seconds * SECOND_US};
}

static void good_once(void **state)
{
	struct pairing p = {.tries = 0};

	(void)state;
	assert_int_equal(pairing_try(&p, p.secret, start), PAIRING_OVER); /* none was made */
	pairing_begin(&p, right, start);
	assert_int_equal(pairing_try(&p, right, after(1)), PAIRING_GOOD);
	assert_false(pairing_alive(&p, after(1)));
	assert_int_equal(pairing_try(&p, right, after(1)), PAIRING_OVER);
}

static void five_tries(void **state)
{
	uint8_t wrong[JOINCODE_SECRET];
	struct pairing p;

	(void)state;
	/* Each differs in one bit, at another place. */
	pairing_begin(&p, right, start);
	for (unsigned i = 0; i < PAIRING_TRIES - 1; i++) {
		memcpy(wrong, right, sizeof(wrong));
		wrong[i * (JOINCODE_SECRET - 1) / (PAIRING_TRIES - 2)] ^= 1;
		assert_int_equal(pairing_try(&p, wrong, after(1)), PAIRING_WRONG);
	}
	assert_int_equal(pairing_try(&p, right, after(1)), PAIRING_GOOD);
	pairing_begin(&p, right, start);
	for (unsigned i = 0; i < PAIRING_TRIES - 1; i++)
		assert_int_equal(pairing_try(&p, wrong, after(1)), PAIRING_WRONG);
	assert_int_equal(pairing_try(&p, wrong, after(1)), PAIRING_OVER);
	assert_int_equal(pairing_try(&p, right, after(1)), PAIRING_OVER);
}

static void an_hour(void **state)
{
	struct pairing p;

	(void)state;
	pairing_begin(&p, right, start);
	assert_true(pairing_alive(&p, after(PAIRING_LIFE_S - 1)));
	assert_false(pairing_alive(&p, after(PAIRING_LIFE_S)));
	assert_int_equal(pairing_try(&p, right, after(PAIRING_LIFE_S)), PAIRING_OVER);
	/* Nothing of it is left in memory. */
	for (unsigned i = 0; i < JOINCODE_SECRET; i++)
		assert_int_equal(p.secret[i], 0);
	assert_int_equal(PAIRING_LIFE_S, 3600);
	assert_int_equal(PAIRING_TRIES, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_once),
		cmocka_unit_test(five_tries),
		cmocka_unit_test(an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
