/*
 * bases.c: the choice is greedy: the lineage base first, then again and again the content that
 * contains most of what is not contained yet. Ties go to the smaller root, so the answer does not
 * depend on the order in which the spoke's contents are listed.
 */
#include "transfer/bases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/sketch.h"

/* A base that brings less than this part of the new content is not worth its pin. */
#define WORTH_PART 128

struct candidate {
	struct index *index;
	bool taken;
};

struct choosing {
	const atomic_bool *cancel;
	uint64_t *hooks; /* of the new content, that no chosen base contains */
	size_t n_hooks, n_all;
	unsigned bits;
	struct candidate *candidates;
	size_t n_candidates;
	struct hash *ret;
	unsigned n_ret;
};

static int by_root(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return memcmp(index_root(x->index)->b, index_root(y->index)->b, HASH_SIZE);
}

/*
 * Counts the hooks that the base contains; with drop set, removes them. Where the base was sampled
 * more coarsely only the beginning of ours can be there, and the count is scaled up.
 */
static size_t contained(struct choosing *c, const struct index *base, bool drop)
{
	size_t n_base, ours, kept = 0, count = 0;
	unsigned bits;
	const uint64_t *hooks = index_hooks(base, &n_base, &bits);

	ours = sketch_cut(c->hooks, c->n_hooks, MAX(bits, c->bits));
	for (size_t i = 0, k = 0; i < ours; i++) {
		while (k < n_base && hooks[k] < c->hooks[i])
			k++;
		if (k < n_base && hooks[k] == c->hooks[i])
			count++;
		else if (drop)
			c->hooks[kept++] = c->hooks[i];
	}
	if (drop) {
		memmove(c->hooks + kept, c->hooks + ours, (c->n_hooks - ours) * sizeof(*c->hooks));
		c->n_hooks -= count;
	}
	return bits > c->bits ? count << MIN(bits - c->bits, 16u) : count;
}

static void take(struct choosing *c, struct candidate *chosen)
{
	chosen->taken = true;
	c->ret[c->n_ret++] = *index_root(chosen->index);
	contained(c, chosen->index, true);
}

static int take_best(struct choosing *c, bool *ret_took)
{
	struct candidate *best = NULL;
	size_t best_count = 0;

	*ret_took = false;
	for (size_t i = 0; i < c->n_candidates; i++) {
		struct candidate *k = &c->candidates[i];
		size_t count;

		if (c->cancel != NULL && *c->cancel)
			return -ECANCELED;
		if (k->taken)
			continue;
		count = contained(c, k->index, false);
		if (count > best_count) {
			best = k;
			best_count = count;
		}
	}
	if (best != NULL && best_count >= MAX(c->n_all / WORTH_PART, 1u)) {
		take(c, best);
		*ret_took = true;
	}
	return 0;
}

/* Those that have a sound index; each root once. */
static void open_candidates(struct choosing *c, int index_dirfd, const struct hash *held, size_t n)
{
	size_t kept = 0;

	c->candidates = xcalloc(MAX(n, 1u), sizeof(*c->candidates));
	for (size_t i = 0; i < n; i++) {
		struct index *x;

		if (index_open_any(index_dirfd, &held[i], &x, NULL) == 0)
			c->candidates[c->n_candidates++].index = x;
	}
	qsort(c->candidates, c->n_candidates, sizeof(*c->candidates), by_root);
	for (size_t i = 0; i < c->n_candidates; i++) {
		if (kept > 0 && by_root(&c->candidates[kept - 1], &c->candidates[i]) == 0)
			index_unref(c->candidates[i].index);
		else
			c->candidates[kept++] = c->candidates[i];
	}
	c->n_candidates = kept;
}

static int choose(struct choosing *c, const struct hash *lineage)
{
	bool took = true;
	unsigned most;
	int r = 0;

	for (size_t i = 0; lineage != NULL && i < c->n_candidates; i++) {
		if (hash_equal(index_root(c->candidates[i].index), lineage)) {
			take(c, &c->candidates[i]);
			break;
		}
	}
	most = c->n_ret + BASES_CONTAIN_MAX;
	while (r == 0 && took && c->n_ret < most)
		r = take_best(c, &took);
	return r;
}

/* A copy of the content's hooks: none of them is contained yet. */
static void hooks_of(struct choosing *c, struct index *x)
{
	const uint64_t *hooks = index_hooks(x, &c->n_all, &c->bits);

	c->n_hooks = c->n_all;
	c->hooks = xcalloc(MAX(c->n_all, 1u), sizeof(*c->hooks));
	if (c->n_all > 0)
		memcpy(c->hooks, hooks, c->n_all * sizeof(*c->hooks));
}

int bases_choose(int index_dirfd, const struct hash *new_root, const struct hash *lineage,
		 const struct hash *held, size_t n_held, const atomic_bool *cancel,
		 struct hash *ret, unsigned *ret_n)
{
	struct choosing c = {.cancel = cancel, .ret = ret};
	char name[HASH_HEX + 1];
	struct index *x;
	int r = index_open(index_dirfd, hash_hex(new_root, name), &x, NULL);

	if (r < 0)
		return r;
	hooks_of(&c, x);
	open_candidates(&c, index_dirfd, held, n_held);
	r = choose(&c, lineage);
	if (r == 0)
		*ret_n = c.n_ret;
	for (size_t i = 0; i < c.n_candidates; i++)
		index_unref(c.candidates[i].index);
	free(c.candidates);
	free(c.hooks);
	index_unref(x);
	return r;
}

int bases_cover(int index_dirfd, const struct hash *root, const struct hash *bases, unsigned n,
		unsigned *ret_percent)
{
	struct choosing c = {0};
	struct index *x, *base;
	int r = index_open_any(index_dirfd, root, &x, NULL);

	if (r < 0)
		return r;
	hooks_of(&c, x);
	for (unsigned i = 0; i < n; i++) {
		if (index_open_any(index_dirfd, &bases[i], &base, NULL) < 0)
			continue;
		contained(&c, base, true);
		index_unref(base);
	}
	*ret_percent = c.n_all > 0 ? (unsigned)((c.n_all - c.n_hooks) * 100 / c.n_all) : 0;
	free(c.hooks);
	index_unref(x);
	return 0;
}
