/* test_digest.c: hashes in text, zero blocks, nodes and roots against known values. The comparison
 * with the fsverity tool is in test_index_build.c, over whole files. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transfer/digest.h"

static void assert_hex(const struct hash *h, const char *hex)
{
	char buf[HASH_HEX + 1];

	assert_string_equal(hash_hex(h, buf), hex);
}

static void test_text(void **state)
{
	const char *hex = "00ff102030405060708090a0b0c0d0e0f0123456789abcdef0000000000000ff";
	char bad[HASH_HEX + 2];
	struct hash h, untouched = {{7}};

	(void)state;
	assert_int_equal(hash_parse(hex, &h), 0);
	assert_hex(&h, hex);
	h = untouched;
	assert_int_equal(hash_parse("", &h), -EINVAL);
	snprintf(bad, sizeof(bad), "%s0", hex);
	assert_int_equal(hash_parse(bad, &h), -EINVAL); /* 65 digits */
	bad[HASH_HEX - 1] = '\0';
	assert_int_equal(hash_parse(bad, &h), -EINVAL); /* 63 */
	snprintf(bad, sizeof(bad), "%s", hex);
	bad[3] = 'F';
	assert_int_equal(hash_parse(bad, &h), -EINVAL); /* upper case */
	bad[3] = 'g';
	assert_int_equal(hash_parse(bad, &h), -EINVAL);
	assert_true(hash_equal(&h, &untouched));
}

static void test_zero(void **state)
{
	uint8_t block[BLOCK_SIZE] = {0};
	struct hash h;

	(void)state;
	digest_bytes(block, sizeof(block), &h);
	assert_true(hash_equal(&h, &hash_zero_block));
	digest_block(block, sizeof(block), &h);
	assert_true(hash_equal(&h, &hash_zero_block));
	digest_block(block, 1, &h);
	assert_true(hash_equal(&h, &hash_zero_block));
	for (size_t len = 1; len <= sizeof(block); len = len < 70 ? len + 1 : len + 997) {
		assert_true(digest_is_zero(block, len));
		for (size_t at = 0; at < len; at = at < 40 ? at + 1 : at + 61) {
			block[at] = 1;
			assert_false(digest_is_zero(block, len));
			block[at] = 0;
		}
		block[len - 1] = 0x80;
		assert_false(digest_is_zero(block, len));
		block[len - 1] = 0;
	}
}

static void test_block_is_padded(void **state)
{
	uint8_t block[BLOCK_SIZE] = {1, 2, 3};
	struct hash whole, part;

	(void)state;
	digest_block(block, sizeof(block), &whole);
	digest_block(block, 3, &part);
	assert_true(hash_equal(&whole, &part));
	digest_bytes("abc", 3, &part);
	assert_hex(&part, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#define MANY 45u
static uint8_t many[MANY * BLOCK_SIZE]; /* some blocks are zero */

static void fill_many(void)
{
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i / BLOCK_SIZE % 7 == 3 ? 0 : (uint8_t)(i * 2654435761u >> 13);
}

static void hash_many(void)
{
	struct hash got[MANY + 1], want;

	for (unsigned n = 0; n <= MANY; n++) {
		size_t len =
			(size_t)n * BLOCK_SIZE - (n % 3 == 2 ? 1000 : 0); /* a short last one */

		memset(got, 0x5a, sizeof(got));
		digest_blocks(many, len, got);
		for (unsigned i = 0; i < n; i++) {
			size_t at = (size_t)i * BLOCK_SIZE;

			digest_block(many + at, MIN(len - at, (size_t)BLOCK_SIZE), &want);
			assert_true(hash_equal(&got[i], &want));
		}
		memset(&want, 0x5a, sizeof(want));
		assert_true(hash_equal(&got[n], &want)); /* and no more than asked */
	}
}

static void test_many_blocks(void **state)
{
	(void)state;
	fill_many();
	hash_many();
}

static void *hashes(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 20; i++)
		hash_many();
	return NULL;
}

static void test_many_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	fill_many();
	for (unsigned i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hashes, NULL), 0);
	for (unsigned i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
}

static void test_node_is_padded(void **state)
{
	struct hash leaves[NODE_BLOCKS], node, raw;

	(void)state;
	memset(leaves, 0, sizeof(leaves));
	for (unsigned i = 0; i < 5; i++)
		leaves[i].b[0] = (uint8_t)(i + 1);
	digest_bytes(leaves, sizeof(leaves), &raw);
	digest_node(leaves, 5, &node);
	assert_true(hash_equal(&node, &raw));
	digest_node(leaves, NODE_BLOCKS, &node);
	assert_true(hash_equal(&node, &raw));
}

static void test_empty_root(void **state)
{
	struct hash root;

	(void)state;
	digest_root(0, NULL, NULL, &root);
	assert_hex(&root, "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95");
}

/* At every size at which the tree gains a level, the tower and a plain computation agree. */
static void plain_top(struct hash *nodes, uint64_t n, struct hash *ret)
{
	while (n > 1) {
		uint64_t up = 0;

		for (uint64_t i = 0; i < n; i += NODE_BLOCKS)
			digest_node(nodes + i, (unsigned)MIN(n - i, NODE_BLOCKS), &nodes[up++]);
		n = up;
	}
	*ret = nodes[0];
}

static void test_levels(void **state)
{
	static const uint64_t counts[] = {1, 2, 127, 128, 129, 16383, 16384, 16385, 40000};
	struct hash *nodes = calloc(40000, sizeof(*nodes)), *copy = calloc(40000, sizeof(*nodes));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		uint64_t n = counts[i], size = n * NODE_SIZE;
		uint8_t d[256] = {1, 1, 12};
		struct hash top, want, root;

		for (uint64_t k = 0; k < n; k++)
			digest_bytes(&k, sizeof(k), &nodes[k]);
		memcpy(copy, nodes, n * sizeof(*nodes));
		plain_top(copy, n, &top);
		memcpy(d + 8, &size, 8);
		memcpy(d + 16, top.b, HASH_SIZE);
		digest_bytes(d, sizeof(d), &want);
		digest_root(size, nodes, NULL, &root);
		assert_true(hash_equal(&root, &want));
	}
	free(nodes);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_block_is_padded),
		cmocka_unit_test(test_many_blocks),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_node_is_padded),
		cmocka_unit_test(test_empty_root),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
