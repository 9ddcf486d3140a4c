/*
 * test_delta.c: contents made as indexes only (no image is needed): what becomes SAME, COPY, ZERO
 * and LIT, how frames are closed, that P and the tiling are fixed, and which bases are chosen.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/bases.h"
#include "transfer/delta.h"

static struct temp dir;

static int setup(void **state)
{
	(void)state;
	temp_new(&dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	temp_done(&dir);
	return 0;
}

/* Block b of a content is the number ids[b]; 0 is a zero block. */
static struct index *content(const uint64_t *ids, uint64_t size)
{
	struct hash leaves[NODE_BLOCKS], root;
	char name[HASH_HEX + 1];
	struct index_writer *w;
	struct index *x;

	assert_int_equal(index_writer_new(dir.fd, size, &w), 0);
	for (uint64_t node = 0; node < nodes_of(size); node++) {
		for (uint64_t i = 0; i < NODE_BLOCKS; i++) {
			uint64_t b = node * NODE_BLOCKS + i;

			leaves[i] = hash_zero_block;
			if (b < blocks_of(size) && ids[b] != 0)
				digest_bytes(&ids[b], sizeof(*ids), &leaves[i]);
		}
		assert_int_equal(index_writer_node(w, node, leaves), 0);
	}
	assert_int_equal(index_writer_finish(w, &root), 0);
	index_writer_free(w);
	assert_int_equal(index_open(dir.fd, hash_hex(&root, name), &x, NULL), 0);
	return x;
}

static uint64_t *numbers(uint64_t n, uint64_t first)
{
	uint64_t *ids = calloc(n, sizeof(*ids));

	for (uint64_t i = 0; i < n; i++)
		ids[i] = first + i;
	return ids;
}

static void assert_op(const struct plan_frame *f, uint32_t i, enum op_kind kind, uint32_t base,
		      uint64_t src, uint32_t n)
{
	assert_true(i < f->n_ops);
	assert_int_equal(f->ops[i].kind, kind);
	assert_int_equal(f->ops[i].n, n);
	if (kind == OP_SAME || kind == OP_COPY)
		assert_int_equal(f->ops[i].base, base);
	if (kind == OP_COPY)
		assert_int_equal(f->ops[i].src, src);
}

static void test_kinds(void **state)
{
	uint64_t *a = numbers(1024, 1), *b = numbers(1024, 5000), *n = numbers(1024, 1);
	struct index *bases[2], *x;
	struct plan *p;
	const struct plan_frame *f;

	(void)state;
	n[130] = 77777;			      /* a literal in the second node */
	memset(n + 256, 0, 128 * sizeof(*n)); /* an empty node */
	for (unsigned i = 0; i < 128; i++)
		n[384 + i] = 5000 + 384 + i; /* a node of the second base, in place */
	for (unsigned i = 0; i < 100; i++)
		n[512 + i] = 1 + 900 + i; /* moved within the first */
	n[612] = 5000 + 3;		  /* moved from the second */
	bases[0] = content(a, 1024 * BLOCK_SIZE);
	bases[1] = content(b, 1024 * BLOCK_SIZE);
	x = content(n, 1024 * BLOCK_SIZE);
	assert_int_equal(plan_make(x, bases, 2, NULL, &p), 0);
	assert_int_equal(p->n_frames, 1);
	f = &p->frames[0];
	assert_int_equal(f->n_nodes, 8);
	assert_op(f, 0, OP_SAME, 0, 0, 128);
	assert_op(f, 1, OP_COPY, 0, 128, 2);
	assert_op(f, 2, OP_LIT, 0, 0, 1);
	assert_op(f, 3, OP_COPY, 0, 131, 125);
	assert_op(f, 4, OP_ZERO, 0, 0, 128);
	assert_op(f, 5, OP_SAME, 1, 0, 128);
	assert_op(f, 6, OP_COPY, 0, 900, 100);
	assert_op(f, 7, OP_COPY, 1, 3, 1);
	assert_op(f, 8, OP_COPY, 0, 613, 27);
	assert_op(f, 9, OP_SAME, 0, 0, 384);
	assert_int_equal(f->n_ops, 10);
	assert_int_equal(p->literal_bytes, BLOCK_SIZE);
	assert_int_equal(p->zero_bytes, 128 * BLOCK_SIZE);
	assert_int_equal(p->moved_bytes, (100 + 1) * BLOCK_SIZE);
	assert_int_equal(p->same_bytes, (128 + 128 + 384) * BLOCK_SIZE);
	plan_free(p);
	index_unref(x);
	index_unref(bases[0]);
	index_unref(bases[1]);
	free(a);
	free(b);
	free(n);
}

/* The last node of a file whose size changed is never SAME, grown, shrunk, or cut at a node. */
static void test_last_node(void **state)
{
	static const struct {
		uint64_t base, new;
		uint32_t same;
	} cases[] = {{384, 384, 384}, {384, 300, 256}, {300, 384, 256},
		     {384, 256, 128}, {256, 384, 128}, {300, 300, 300}};
	uint64_t *ids = numbers(400, 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct index *base = content(ids, cases[i].base * BLOCK_SIZE);
		struct index *x = content(ids, cases[i].new *BLOCK_SIZE);
		struct plan *p;

		assert_int_equal(plan_make(x, &base, 1, NULL, &p), 0);
		assert_int_equal(p->same_bytes, cases[i].same * (uint64_t)BLOCK_SIZE);
		assert_int_equal(p->literal_bytes,
				 cases[i].new > cases[i].base
					 ? (cases[i].new - cases[i].base) * BLOCK_SIZE
					 : 0);
		plan_free(p);
		index_unref(x);
		index_unref(base);
	}
	free(ids);
}

static void check_limits(const struct plan *p)
{
	for (uint32_t i = 0; i < p->n_frames; i++) {
		assert_true(p->frames[i].n_nodes <= FRAME_NODES_MAX);
		assert_true(p->frames[i].n_ops <= FRAME_OPS_MAX);
		assert_true(p->frames[i].literal_bytes <= FRAME_LITERALS_MAX);
	}
}

static void test_frame_limits(void **state)
{
	uint64_t nodes = 5000, blocks = nodes * NODE_BLOCKS, *ids = calloc(blocks, sizeof(*ids));
	struct index *x;
	struct plan *p;

	(void)state;
	/* Nodes: an empty file of 2.5 GB is two frames. */
	x = content(ids, blocks * BLOCK_SIZE);
	assert_int_equal(plan_make(x, NULL, 0, NULL, &p), 0);
	check_limits(p);
	assert_int_equal(p->n_frames, 2);
	assert_int_equal(p->frames[0].n_nodes, FRAME_NODES_MAX);
	assert_int_equal(p->frames[0].n_ops, 1);
	plan_free(p);
	index_unref(x);
	/* Literals: 32 nodes each. */
	for (uint64_t i = 0; i < 100 * NODE_BLOCKS; i++)
		ids[i] = i + 1;
	x = content(ids, 100 * (uint64_t)NODE_SIZE);
	assert_int_equal(plan_make(x, NULL, 0, NULL, &p), 0);
	check_limits(p);
	assert_int_equal(p->n_frames, 4);
	assert_int_equal(p->frames[0].literal_bytes, FRAME_LITERALS_MAX);
	plan_free(p);
	index_unref(x);
	/* Operations: the base backwards, each block on its own. */
	{
		uint64_t n = 80000 / NODE_BLOCKS * NODE_BLOCKS;
		struct index *base;

		for (uint64_t i = 0; i < n; i++)
			ids[i] = i + 1;
		base = content(ids, n * BLOCK_SIZE);
		for (uint64_t i = 0; i < n; i++)
			ids[i] = n - i;
		x = content(ids, n * BLOCK_SIZE);
		assert_int_equal(plan_make(x, &base, 1, NULL, &p), 0);
		check_limits(p);
		assert_int_equal(p->literal_bytes, 0);
		assert_int_equal(p->n_frames, 2);
		plan_free(p);
		index_unref(x);
		index_unref(base);
	}
	free(ids);
}

/* More wanted blocks than the table holds: several rounds, the same answers. */
static void test_many_moved(void **state)
{
	uint64_t n = 1700000 / NODE_BLOCKS * NODE_BLOCKS, *ids = numbers(n, 1);
	struct index *base, *x;
	struct plan *p;

	(void)state;
	base = content(ids, n * BLOCK_SIZE);
	for (uint64_t i = 0; i < n; i++)
		ids[i] = (i + 5) % n + 1;
	x = content(ids, n * BLOCK_SIZE);
	assert_int_equal(plan_make(x, &base, 1, NULL, &p), 0);
	check_limits(p);
	assert_int_equal(p->literal_bytes, 0);
	for (uint32_t i = 0; i < p->n_frames; i++)
		assert_true(p->frames[i].n_ops <= 2);
	plan_free(p);
	index_unref(x);
	index_unref(base);
	free(ids);
}

static void test_plan_id(void **state)
{
	uint64_t *ids = numbers(300, 1);
	struct index *a = content(ids, 300 * BLOCK_SIZE), *b, *two[2], *owt[2];
	atomic_bool cancel = true;
	struct plan *p, *q;
	struct hash id;

	(void)state;
	ids[7] = 999;
	b = content(ids, 300 * BLOCK_SIZE);
	two[0] = owt[1] = a;
	two[1] = owt[0] = b;
	assert_int_equal(plan_make(a, two, 2, NULL, &p), 0);
	assert_int_equal(plan_make(a, owt, 2, NULL, &q), 0);
	assert_false(hash_equal(&p->id, &q->id));
	plan_id(index_root(a), p->bases, 2, &id);
	assert_true(hash_equal(&p->id, &id));
	plan_free(q);
	assert_int_equal(plan_make(a, two, 1, NULL, &q), 0);
	assert_false(hash_equal(&p->id, &q->id));
	plan_free(q);
	plan_free(p);
	assert_int_equal(plan_make(a, two, 2, &cancel, &p), -ECANCELED);
	index_unref(a);
	index_unref(b);
	free(ids);
}

/* A small image inside a large one counts; what adds nothing is not taken; order does not matter.
 */
static void test_bases(void **state)
{
	uint64_t n = 40000, *ids = numbers(n, 1), *large = numbers(2 * n, 1000000);
	struct index *x[5];
	struct hash held[7], ret[BASES_CHOSEN_MAX], again[BASES_CHOSEN_MAX], absent = {{1}};
	unsigned count, count2;

	(void)state;
	x[0] = content(ids, n * BLOCK_SIZE); /* the new one */
	memcpy(large + 1000, ids, n / 2 * sizeof(*ids));
	x[1] = content(large, 2 * n * BLOCK_SIZE); /* holds its first half */
	for (uint64_t i = 0; i < n; i++)
		ids[i] = i < n * 3 / 4 ? 3000000 + i : i + 1;
	x[2] = content(ids, n * BLOCK_SIZE); /* its last quarter */
	for (uint64_t i = 0; i < n; i++)
		ids[i] = i < n / 4 ? i + 1 : 4000000 + i;
	x[3] = content(ids, n * BLOCK_SIZE); /* its first quarter: in x[1] already */
	for (uint64_t i = 0; i < n; i++)
		ids[i] = 5000000 + i;
	x[4] = content(ids, n * BLOCK_SIZE); /* nothing */
	for (unsigned i = 0; i < 4; i++)
		held[i] = *index_root(x[i + 1]);
	held[4] = absent;
	held[5] = held[0];
	assert_int_equal(bases_choose(dir.fd, index_root(x[0]), NULL, held, 6, NULL, ret, &count),
			 0);
	assert_int_equal(count, 2);
	assert_true(hash_equal(&ret[0], index_root(x[1])));
	assert_true(hash_equal(&ret[1], index_root(x[2])));
	held[0] = held[3];
	held[3] = held[5];
	assert_int_equal(
		bases_choose(dir.fd, index_root(x[0]), NULL, held, 5, NULL, again, &count2), 0);
	assert_int_equal(count, count2);
	assert_memory_equal(ret, again, count * sizeof(*ret));
	/* lineage comes first, whatever it brings; one that is not held does not */
	assert_int_equal(bases_choose(dir.fd, index_root(x[0]), index_root(x[4]), held, 5, NULL,
				      ret, &count),
			 0);
	assert_int_equal(count, 3);
	assert_true(hash_equal(&ret[0], index_root(x[4])));
	assert_int_equal(
		bases_choose(dir.fd, index_root(x[0]), &absent, held, 5, NULL, ret, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(bases_choose(dir.fd, &absent, NULL, held, 5, NULL, ret, &count), -ENOENT);
	assert_int_equal(bases_choose(dir.fd, index_root(x[0]), NULL, NULL, 0, NULL, ret, &count),
			 0);
	assert_int_equal(count, 0);
	for (unsigned i = 0; i < 5; i++)
		index_unref(x[i]);
	free(ids);
	free(large);
}

/* Six contents have a part each: four are chosen, the largest parts first, and lineage besides. */
static void test_bases_most(void **state)
{
	uint64_t n = 42000, *ids = numbers(n, 1), *other = numbers(n, 1000000), first = 0;
	struct index *x = content(ids, n * BLOCK_SIZE), *y[7];
	struct hash held[7], ret[BASES_CHOSEN_MAX];
	unsigned count;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		uint64_t part = i * 2000; /* none of the first: that is the lineage */

		for (uint64_t k = 0; k < n; k++)
			other[k] = (i + 1) * 1000000 + k;
		memcpy(other, ids + first, part * sizeof(*ids));
		first += part;
		y[i] = content(other, n * BLOCK_SIZE);
		held[i] = *index_root(y[i]);
	}
	assert_int_equal(bases_choose(dir.fd, index_root(x), &held[0], held, 7, NULL, ret, &count),
			 0);
	assert_int_equal(count, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(hash_equal(&ret[i], &held[(7 - i) % 7]));
	assert_int_equal(bases_choose(dir.fd, index_root(x), NULL, held, 7, NULL, ret, &count), 0);
	assert_int_equal(count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_true(hash_equal(&ret[i], &held[6 - i]));
	for (unsigned i = 0; i < 7; i++)
		index_unref(y[i]);
	index_unref(x);
	free(other);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frame_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bases_most, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
