/*
 * test_learn.c: a hub learns what a content that it does not know holds, from a spoke played here
 * by that content's index. What is learned must be true, complete, within its bounds, and useful to
 * a plan; where short hashes lie, which the tests plant, no node is called the same that is not.
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
#include "transfer/learn_private.h"

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

/* What a spoke holds is not in the hub's directory: made there and taken away. */
struct made {
	struct index *index;
	struct hash root;
};

/* Block b of a content is the number ids[b]; 0 is a zero block. */
static struct made content(const uint64_t *ids, uint64_t size, bool keep)
{
	struct hash leaves[NODE_BLOCKS];
	char name[HASH_HEX + 1];
	struct index_writer *w;
	struct made m;

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
	assert_int_equal(index_writer_finish(w, &m.root), 0);
	index_writer_free(w);
	assert_int_equal(index_open(dir.fd, hash_hex(&m.root, name), &m.index, NULL), 0);
	if (!keep)
		assert_int_equal(unlinkat(dir.fd, name, 0), 0);
	return m;
}

static uint64_t *numbers(uint64_t n, uint64_t first)
{
	uint64_t *ids = xcalloc(n, sizeof(*ids));

	for (uint64_t i = 0; i < n; i++)
		ids[i] = first + i;
	return ids;
}

/* A hash to be answered in place of the true one: that of the new content. */
struct lie {
	enum tree_level level;
	uint64_t piece;
	unsigned told;
};

struct spoke {
	const struct index *base, *new_index; /* the latter for lies */
	struct lie *lies;
	size_t n_lies;
	uint64_t bytes; /* of all bodies */
	unsigned questions;
};

static void plant(struct spoke *s, const struct tree_ask *a, uint8_t *hashes)
{
	for (size_t i = 0; i < s->n_lies; i++) {
		uint64_t at = 0;

		for (size_t k = 0; s->lies[i].level == a->level && k < a->n_runs; k++) {
			const struct run *r = &a->runs[k];

			if (s->lies[i].piece >= r->first && s->lies[i].piece < r->first + r->n) {
				at += s->lies[i].piece - r->first;
				tree_hash(s->new_index, a->level, s->lies[i].piece,
					  hashes + at * tree_hash_size(a->level));
				s->lies[i].told++;
			}
			at += r->n;
		}
	}
}

/* One question and its answer, through both encodings. */
static int ask(struct learn *l, struct spoke *s, const struct tree_ask *question)
{
	uint8_t *body = xcalloc(1, TREE_ANSWER_MAX);
	static uint8_t buf[TREE_ASK_MAX];
	size_t len = tree_ask_encode(question, buf), head;
	struct tree_answer answer;
	struct tree_ask a;
	uint64_t n;
	int r;

	assert_int_equal(tree_ask_decode(buf, len, &a, NULL), 0);
	assert_int_equal(a.n, question->n);
	n = tree_hashes(a.level, a.n);
	assert_true(a.runs[a.n_runs - 1].first + a.runs[a.n_runs - 1].n <=
		    tree_pieces(a.level, index_size(s->base)));
	head = tree_answer_head(a.level, index_size(s->base), n, body);
	assert_int_equal(tree_hash_runs(s->base, a.level, a.runs, a.n_runs, NULL, body + head), 0);
	plant(s, &a, body + head);
	s->bytes += len + head + n * tree_hash_size(a.level);
	s->questions++;
	assert_int_equal(
		tree_answer_decode(body, head + n * tree_hash_size(a.level), &answer, NULL), 0);
	r = learn_answer(l, &answer, NULL, NULL);
	tree_ask_done(&a);
	free(body);
	return r;
}

static struct learn *learn_all(const struct made *new, const struct made *base, struct spoke *s)
{
	struct tree_ask question;
	struct learn *l;

	s->base = base->index;
	s->new_index = new->index;
	assert_int_equal(learn_new(new->index, &base->root, index_size(base->index), &l), 0);
	while (learn_next(l, &question))
		assert_int_equal(ask(l, s, &question), 0);
	assert_int_equal(learn_write(l, dir.fd, NULL), 0);
	return l;
}

/* Every leaf and node hash of the part is the base's own, or unknown. */
static struct index *open_part(const struct made *base)
{
	struct index *x;

	assert_int_equal(index_open_any(dir.fd, &base->root, &x, NULL), 0);
	assert_true(index_is_part(x));
	assert_true(hash_equal(index_root(x), &base->root));
	assert_int_equal(index_size(x), index_size(base->index));
	return x;
}

static void assert_true_part(const struct index *x, const struct index *base)
{
	for (uint64_t b = 0; b < blocks_of(index_size(base)); b++) {
		const struct hash *leaf = index_leaf(x, b);

		if (!hash_equal(leaf, &hash_unknown_block))
			assert_true(hash_equal(leaf, index_leaf(base, b)));
	}
	for (uint64_t n = 0; n < nodes_of(index_size(base)); n++) {
		const struct hash *node = index_node(x, n);

		if (!hash_equal(node, &hash_unknown_block))
			assert_true(hash_equal(node, index_node(base, n)));
	}
}

static uint64_t literals(const struct made *new, struct index *base, uint64_t *ret_same,
			 struct hash *ret_id)
{
	struct plan *p;
	uint64_t n;

	assert_int_equal(plan_make(new->index, &base, 1, NULL, &p), 0);
	n = p->literal_bytes;
	*ret_same = p->same_bytes;
	*ret_id = p->id;
	plan_free(p);
	return n;
}

static void drop(struct learn *l, struct made *new, struct made *base)
{
	learn_free(l);
	index_unref(new->index);
	index_unref(base->index);
}

/* The plan by what was learned has as few literals and as many same nodes as by the true index. */
static void test_edits(void **state)
{
	static const uint64_t sizes[][2] = {{20000, 20000}, {20000, 19900}, {19900, 20000},
					    {257, 256},	    {256, 257},	    {3, 3}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint64_t n_new = sizes[i][0], n_base = sizes[i][1], n = MAX(n_new, n_base);
		uint64_t *a = numbers(n, 1), *b = numbers(n, 1), same, true_same;
		struct spoke s = {.lies = NULL};
		struct hash id, true_id;
		struct made new, base;
		struct learn *l;
		struct index *x;

		srandom((unsigned)i);
		for (uint64_t k = 0; k < n / 200 + 1; k++)
			b[(uint64_t)random() % n] = 1000000 + k;
		for (uint64_t k = 0; k < n / 8; k++)
			a[n / 4 + k] = b[n / 4 + k] = 0;
		new = content(a, n_new * BLOCK_SIZE, true);
		base = content(b, n_base * BLOCK_SIZE - 100, false);
		l = learn_all(&new, &base, &s);
		x = open_part(&base);
		assert_true_part(x, base.index);
		assert_int_equal(literals(&new, x, &same, &id),
				 literals(&new, base.index, &true_same, &true_id));
		assert_int_equal(same, true_same);
		/* What is known in part makes another plan. */
		assert_false(hash_equal(&id, &true_id));
		index_plan_name_of(dir.fd, &base.root, &true_id);
		assert_true(hash_equal(&true_id, index_plan_name(x)));
		index_unref(x);
		drop(l, &new, &base);
		free(a);
		free(b);
	}
}

/* Nothing in common: no more than the bound, and nothing is written. */
static void test_bound(void **state)
{
	uint64_t n = 300000, *a = numbers(n, 1), *b = numbers(n, 9000000);
	struct made new = content(a, n * BLOCK_SIZE, true);
	struct made base = content(b, n * BLOCK_SIZE, false);
	struct spoke s = {.lies = NULL};
	struct learn *l = learn_all(&new, &base, &s);
	struct learn_stats stats;
	struct index *x;

	(void)state;
	learn_stats(l, &stats);
	assert_true(stats.cut);
	assert_int_equal(stats.equal, 0);
	assert_in_range(s.bytes, n * BLOCK_SIZE / 8192, n * BLOCK_SIZE / 4096 + (64 << 10));
	assert_int_equal(index_open_any(dir.fd, &base.root, &x, NULL), -ENOENT);
	drop(l, &new, &base);
	free(a);
	free(b);
}

/* One block in twenty differs, everywhere: what is found pays for what is asked. */
static void test_worth(void **state)
{
	uint64_t n = 300000, *a = numbers(n, 1), *b = numbers(n, 1);
	struct spoke s = {.lies = NULL};
	struct learn_stats stats;
	struct made new, base;
	struct learn *l;

	(void)state;
	for (uint64_t i = 0; i < n; i += 20)
		b[i] = 0;
	new = content(a, n * BLOCK_SIZE, true);
	base = content(b, n * BLOCK_SIZE, false);
	l = learn_all(&new, &base, &s);
	learn_stats(l, &stats);
	assert_false(stats.cut);
	assert_int_equal(stats.equal, (n - n / 20) * BLOCK_SIZE);
	drop(l, &new, &base);
	free(a);
	free(b);
}

static void test_moved(void **state)
{
	uint64_t n = 4096, *a = numbers(n, 1), *b = numbers(n, 1), same;
	struct spoke s = {.lies = NULL};
	struct learn_stats stats;
	struct made new, base;
	struct learn *l;
	struct index *x;
	struct hash id;

	(void)state;
	for (unsigned i = 0; i < 40; i++) { /* two stretches change places */
		a[700 + i] = b[2000 + i];
		a[2000 + i] = b[700 + i];
	}
	new = content(a, n * BLOCK_SIZE, true);
	base = content(b, n * BLOCK_SIZE, false);
	l = learn_all(&new, &base, &s);
	learn_stats(l, &stats);
	assert_int_equal(stats.moved, 80 * BLOCK_SIZE);
	x = open_part(&base);
	assert_true_part(x, base.index);
	assert_int_equal(literals(&new, x, &same, &id), 0);
	index_unref(x);
	drop(l, &new, &base);
	free(a);
	free(b);
}

static bool node_unknown(const struct index *x, uint64_t node)
{
	for (uint64_t i = 0; i < NODE_BLOCKS; i++) {
		if (!hash_equal(index_leaf(x, node * NODE_BLOCKS + i), &hash_unknown_block))
			return false;
	}
	return hash_equal(index_node(x, node), &hash_unknown_block);
}

/*
 * Forged short hashes, of each size: what differs there is said to be equal. A piece of whole nodes
 * or of all that differs in a node is found out by whole hashes, and those nodes are unknown; a
 * block beside another that differs is believed, in a node that is proven by its hash.
 */
static void test_forged(void **state)
{
	uint64_t n = 128 * 64, *a = numbers(n, 1), *b = numbers(n, 1), same;
	struct lie lies[] = {{TREE_COARSE, 5, 0},
			     {TREE_MIDDLE, 20 * 8 + 3, 0},
			     {TREE_BLOCK, 30 * 128 + 17, 0},
			     {TREE_BLOCK, 40 * 128 + 1, 0}};
	struct spoke s = {.lies = lies, .n_lies = ARRAY_LEN(lies)};
	struct learn_stats stats;
	struct made new, base;
	struct learn *l;
	struct index *x;
	struct hash id;

	(void)state;
	b[10 * 128 + 7] = b[11 * 128 + 7] = 777001;	    /* the coarse piece 5 */
	b[20 * 128 + 3 * 16 + 2] = 777002;		    /* the middle piece */
	b[30 * 128 + 17] = 777003;			    /* all that differs in its node */
	b[40 * 128 + 1] = 777004, b[40 * 128 + 2] = 777005; /* the second is told truly */
	new = content(a, n * BLOCK_SIZE, true);
	base = content(b, n * BLOCK_SIZE, false);
	l = learn_all(&new, &base, &s);
	for (size_t i = 0; i < s.n_lies; i++)
		assert_int_equal(lies[i].told, 1);
	learn_stats(l, &stats);
	assert_int_equal(stats.lies, 4);
	x = open_part(&base);
	assert_true(node_unknown(x, 10) && node_unknown(x, 11));
	assert_true(node_unknown(x, 20) && node_unknown(x, 30));
	/* The lie that is believed, but not as a node. */
	assert_true(hash_equal(index_leaf(x, 40 * 128 + 1), index_leaf(new.index, 40 * 128 + 1)));
	assert_true(hash_equal(index_node(x, 40), &hash_unknown_block));
	assert_int_equal(literals(&new, x, &same, &id), 4 * NODE_SIZE + BLOCK_SIZE);
	assert_int_equal(same, (64 - 5) * NODE_SIZE);
	index_unref(x);
	drop(l, &new, &base);
	free(a);
	free(b);
}

/* A second new content: what the first taught stays known, without a lie coming back. */
static void test_again(void **state)
{
	uint64_t n = 128 * 8, *a = numbers(n, 1), *b = numbers(n, 1), *c = numbers(n, 1);
	struct made first, second, base;
	struct spoke s = {.lies = NULL};
	struct index *x;
	struct learn *l;

	(void)state;
	for (unsigned i = 0; i < 128; i++)
		a[3 * 128 + i] = 500000 + i; /* the first differs in node 3 */
	for (unsigned i = 0; i < 200; i++)
		c[5 * 128 + i] = 600000 + i; /* the second in 5 and 6 */
	first = content(a, n * BLOCK_SIZE, true);
	second = content(c, n * BLOCK_SIZE, true);
	base = content(b, n * BLOCK_SIZE, false);
	learn_free(learn_all(&first, &base, &s));
	l = learn_all(&second, &base, &s);
	x = open_part(&base);
	assert_true_part(x, base.index);
	for (uint64_t i = 0; i < 8; i++) /* each of them had what the other had not */
		assert_true(hash_equal(index_node(x, i), index_node(base.index, i)));
	index_unref(x);
	index_unref(first.index);
	drop(l, &second, &base);
	free(a);
	free(b);
	free(c);
}

static void test_bad_answers(void **state)
{
	uint64_t *a = numbers(1024, 1);
	struct made new = content(a, 1024 * BLOCK_SIZE, true);
	uint8_t hashes[4 * 8] = {0};
	struct tree_answer good = {TREE_COARSE, 1024 * BLOCK_SIZE, hashes, 4}, bad;
	struct hash base = {{1}};
	struct tree_ask question;
	struct learn *l;
	struct err e;

	(void)state;
	assert_int_equal(learn_new(new.index, &base, LEARN_SIZE_MAX + 1, &l), -EFBIG);
	assert_int_equal(learn_new(new.index, &base, good.size, &l), 0);
	assert_true(learn_next(l, &question));
	assert_int_equal(question.n, 4);
	bad = good;
	bad.level = TREE_MIDDLE;
	assert_int_equal(learn_answer(l, &bad, NULL, &e), -EBADMSG);
	bad = good;
	bad.size--;
	assert_int_equal(learn_answer(l, &bad, NULL, &e), -EBADMSG);
	bad = good;
	bad.n = 3;
	assert_int_equal(learn_answer(l, &bad, NULL, &e), -EBADMSG);
	assert_int_equal(learn_answer(l, &good, NULL, &e), 0);
	learn_free(l);
	index_unref(new.index);
	free(a);
}

/* A part is no index, and an index goes before it. */
static void test_files(void **state)
{
	uint64_t *a = numbers(1024, 1), *b = numbers(1024, 1);
	struct spoke s = {.lies = NULL};
	char name[INDEX_NAME_MAX], hex[HASH_HEX + 1];
	struct made new, base, again;
	struct index *x;
	struct learn *l;
	struct hash got;
	unsigned covered;
	int fd;

	(void)state;
	b[100] = 5;
	new = content(a, 1024 * BLOCK_SIZE, true);
	base = content(b, 1024 * BLOCK_SIZE, false);
	l = learn_all(&new, &base, &s);
	snprintf(name, sizeof(name), "%s" INDEX_PART, hash_hex(&base.root, hex));
	assert_int_equal(index_open(dir.fd, name, &x, NULL), -EBADMSG);
	assert_false(index_exists(dir.fd, &base.root));
	assert_int_equal(bases_cover(dir.fd, &new.root, &base.root, 1, &covered), 0);
	assert_in_range(covered, 95, 100);
	again = content(b, 1024 * BLOCK_SIZE, true);
	assert_int_equal(index_open_any(dir.fd, &base.root, &x, NULL), 0);
	assert_false(index_is_part(x));
	assert_true(hash_equal(index_plan_name(x), &base.root));
	index_unref(x);
	index_unref(again.index);
	assert_int_equal(unlinkat(dir.fd, hex, 0), 0);
	fd = openat(dir.fd, name, O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 30), 1);
	close(fd);
	assert_int_equal(index_open_any(dir.fd, &base.root, &x, NULL), -ENOENT);
	index_plan_name_of(dir.fd, &base.root, &got);
	assert_true(hash_equal(&got, &base.root));
	drop(l, &new, &base);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_edits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_worth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
