/*
 * test_bucket.c: in virtual time: the long-run mean is the rate exactly, no interval gets more than
 * depth + rate x t, nothing overflows at any rate, and a new rate does not judge the past.
 */
#include "transfer/bucket.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define KBIT ((uint64_t)125)
#define MBIT ((uint64_t)125000)
#define GBIT ((uint64_t)125000000)

static const uint64_t rates[] = {64 * KBIT, 8 * MBIT,	7654321,      125 * MBIT,
				 GBIT,	    100 * GBIT, 1400 * 50 + 1};

static uint64_t seed = 1;

static uint64_t pick(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(bucket_quantum(8 * MBIT), 16384);
	assert_int_equal(bucket_quantum(64 * KBIT), 1400);
	assert_int_equal(bucket_quantum(1000000 / 8), 2500);
	assert_int_equal(bucket_depth(8 * MBIT), 40000);
	assert_int_equal(bucket_depth(64 * KBIT), 2800);
	assert_int_equal(bucket_depth(0), 0);
	assert_int_equal(bucket_depth(100 * GBIT), 500000000);
}

/* Takes a quantum whenever there is one, at uneven times: after an hour not a byte is missing. */
static void test_mean_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct bucket b;
		struct mono now = {17};
		uint64_t q = bucket_quantum(rates[i]), taken = 0, due;

		bucket_init(&b, rates[i], now);
		for (int k = 0; k < 200000; k++) {
			int64_t wait = bucket_wait_us(&b, q);

			/* Late by up to 10 ms, as a busy loop is. */
			now.us += wait + (int64_t)pick(10000);
			bucket_refill(&b, now);
			assert_true(b.tokens >= (int64_t)q);
			taken += (uint64_t)b.tokens;
			bucket_take(&b, (uint64_t)b.tokens);
		}
		due = (uint64_t)((unsigned __int128)rates[i] * (uint64_t)(now.us - 17) / 1000000);
		assert_int_equal(taken, due);
	}
}

/* Over any interval, however takes and pauses fall. */
static void test_bound(void **state)
{
	enum { N = 3000 };
	static uint64_t sum[N + 1];
	static int64_t at[N + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct bucket b;
		struct mono now = {0};

		bucket_init(&b, rates[i], now);
		for (int k = 1; k <= N; k++) {
			uint64_t n;

			now.us += (int64_t)pick(k % 50 == 0 ? 3000000 : 30000);
			bucket_refill(&b, now);
			n = b.tokens > 0 ? pick((uint64_t)b.tokens + 1) : 0;
			bucket_take(&b, n);
			at[k] = now.us;
			sum[k] = sum[k - 1] + n;
		}
		for (int a = 1; a <= N; a += 7)
			for (int z = a; z <= N; z += 5) {
				unsigned __int128 most = (unsigned __int128)rates[i] *
							 (uint64_t)(at[z] - at[a]) / 1000000;

				assert_true(sum[z] - sum[a - 1] <=
					    (uint64_t)most + 1 + bucket_depth(rates[i]));
			}
	}
}

static void test_no_overflow(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 100 * GBIT, (struct mono){0});
	bucket_refill(&b, (struct mono){(int64_t)400 * 86400 * SECOND_US});
	assert_int_equal(b.tokens, bucket_depth(100 * GBIT));
	bucket_init(&b, RATE_UNLIMITED - 1, (struct mono){0});
	assert_int_equal(b.rate, BUCKET_RATE_MAX);
	bucket_refill(&b, (struct mono){INT64_MAX});
	assert_true(b.tokens > 0);
	bucket_take(&b, UINT64_MAX);
	bucket_take(&b, UINT64_MAX);
	assert_true(b.tokens < 0);
	assert_true(bucket_wait_us(&b, 1) > 0);
	/* A clock that steps back gives nothing and breaks nothing. */
	bucket_refill(&b, (struct mono){5});
	assert_true(b.tokens < 0);
}

static void test_debt(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, MBIT, (struct mono){0});
	bucket_take(&b, 250000); /* two seconds' worth */
	assert_int_equal(bucket_wait_us(&b, 0), 2 * SECOND_US);
	bucket_refill(&b, (struct mono){SECOND_US});
	assert_int_equal(b.tokens, -125000);
	bucket_refill(&b, (struct mono){2 * SECOND_US});
	assert_int_equal(b.tokens, 0);
	bucket_give(&b, 1 << 30);
	assert_int_equal(b.tokens, bucket_depth(MBIT));
}

static void test_new_rate(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 100 * MBIT, (struct mono){0});
	bucket_refill(&b, (struct mono){SECOND_US});
	assert_int_equal(b.tokens, 500000);
	bucket_set_rate(&b, MBIT, (struct mono){SECOND_US});
	assert_int_equal(b.tokens, bucket_depth(MBIT));
	bucket_set_rate(&b, 0, (struct mono){SECOND_US});
	assert_int_equal(b.tokens, 0);
	bucket_refill(&b, (struct mono){9 * SECOND_US});
	assert_int_equal(b.tokens, 0);
	assert_true(bucket_wait_us(&b, 1) == INT64_MAX);
	/* The closed time earns nothing. */
	bucket_set_rate(&b, MBIT, (struct mono){10 * SECOND_US});
	assert_int_equal(b.tokens, 0);
	bucket_take(&b, 100 * MBIT);
	bucket_set_rate(&b, 64 * KBIT, (struct mono){10 * SECOND_US});
	assert_int_equal(b.tokens, -2800);
	bucket_set_rate(&b, RATE_UNLIMITED, (struct mono){10 * SECOND_US});
	assert_false(bucket_limited(&b));
	assert_int_equal(bucket_wait_us(&b, 1 << 20), 0);
	bucket_set_rate(&b, MBIT, (struct mono){10 * SECOND_US});
	assert_int_equal(b.tokens, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_mean_is_exact),
		cmocka_unit_test(test_bound), cmocka_unit_test(test_no_overflow),
		cmocka_unit_test(test_debt),  cmocka_unit_test(test_new_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
