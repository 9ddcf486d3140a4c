/*
 * shaper_pass.c: the pass that hands out bytes, and how leaves ask for and take them.
 *
 * A leaf that waits is active in its parent's share, and so is every node above it. The pass walks
 * down from the root by share_next() as long as every bucket on the way holds a quantum, and
 * promises the leaf it ends at the smallest quantum on its path. A promise reserves tokens but
 * takes none: they are taken when the leaf calls shaper_grant(), so a bucket is never fuller than
 * its depth, and depth + rate x time bounds what goes out. A promise that is not taken within 20 ms
 * (its socket is blocked) lapses, so that it cannot keep others from the tokens.
 */
#include "transfer/shaper_private.h"

#define PROMISE_US 20000
/* A turn of a leaf: 5 ms of rate, at least a quantum. Where many share a high rate, a quantum each
 * would wake all of them up for 16 KiB; and it is what curl asks for at once. */
#define TURNS_PER_S 200

/* What one turn of this leaf brings: the smallest quantum on its path; 0: nothing limits it. */
static uint64_t piece_of(struct shaper_node *leaf)
{
	uint64_t least = 0;

	SHAPER_EACH_BUCKET (n, leaf)
		if (bucket_limited(&n->bucket)) {
			uint64_t q = bucket_quantum(n->bucket.rate);

			least = least ? MIN(least, q) : q;
		}
	return least;
}

/* A whole quantum that is promised to nobody. */
static bool has_quantum(const struct shaper_node *n)
{
	return !bucket_limited(&n->bucket) ||
	       n->bucket.tokens - (int64_t)n->reserved >= (int64_t)bucket_quantum(n->bucket.rate);
}

static bool may_go(void *arg, struct share_item *item)
{
	struct shaper_node *n = container_of(item, struct shaper_node, item);
	struct share_item *child;

	if (!has_quantum(n) || (n->limit && !has_quantum(n->limit)))
		return false;
	if (n->ready)
		return true;
	TAILQ_FOREACH (child, &n->share.active, entry)
		if (may_go(arg, child))
			return true;
	return false;
}

static void refill_active(struct shaper_node *n, struct mono now)
{
	struct share_item *child;

	bucket_refill(&n->bucket, now);
	if (n->limit)
		bucket_refill(&n->limit->bucket, now);
	TAILQ_FOREACH (child, &n->share.active, entry)
		refill_active(container_of(child, struct shaper_node, item), now);
}

static uint64_t turn_of(uint64_t rate)
{
	return MAX(rate / TURNS_PER_S, (uint64_t)BUCKET_QUANTUM_MAX);
}

/* The leaf whose turn it is, or NULL. */
static struct shaper_node *next_leaf(struct shaper *s)
{
	struct shaper_node *n = s->root;
	uint64_t rate = n->bucket.rate;

	if (!has_quantum(n))
		return NULL;
	while (!n->ready) {
		struct share_item *item = share_next(&n->share, turn_of(rate), may_go, s);

		if (!item)
			return NULL;
		n = container_of(item, struct shaper_node, item);
		rate = MIN(rate, n->bucket.rate);
		if (n->limit)
			rate = MIN(rate, n->limit->bucket.rate);
	}
	return n;
}

static void promise(struct shaper_node *leaf, uint64_t bytes, struct mono now)
{
	struct shaper *s = leaf->shaper;

	SHAPER_EACH_BUCKET (n, leaf) {
		n->reserved += bytes;
		share_used(&n->item, bytes);
	}
	leaf->promise += bytes;
	leaf->promised_at = now;
	if (bytes > 0 && !leaf->promised) {
		leaf->promised = true;
		TAILQ_INSERT_TAIL(&s->promised, leaf, promised_entry);
	}
	if (!leaf->told) {
		leaf->told = true;
		TAILQ_INSERT_TAIL(&s->told, leaf, told_entry);
	}
}

static int64_t wait_of_node(const struct shaper_node *n)
{
	if (!bucket_limited(&n->bucket))
		return 0;
	return bucket_wait_us(&n->bucket, bucket_quantum(n->bucket.rate) + n->reserved);
}

/* When the first leaf below n can have a quantum, as far as buckets decide. */
static int64_t wait_of(const struct shaper_node *n)
{
	const struct share_item *child;
	int64_t below = INT64_MAX, own = wait_of_node(n);

	if (n->limit)
		own = MAX(own, wait_of_node(n->limit));
	if (n->ready)
		return own;
	TAILQ_FOREACH (child, &n->share.active, entry)
		below = MIN(below, wait_of(container_of(child, struct shaper_node, item)));
	return below == INT64_MAX ? INT64_MAX : MAX(own, below);
}

/* A promise that holds up others lapses: until then the buckets say nothing certain. */
static int64_t next_pass(const struct shaper *s)
{
	int64_t wait = s->root->waiting ? wait_of(s->root) : INT64_MAX;

	return TAILQ_EMPTY(&s->promised) ? wait : MIN(wait, PROMISE_US);
}

int64_t shaper_pass(struct shaper *s, struct mono now)
{
	struct shaper_node *leaf, *next;

	for (leaf = TAILQ_FIRST(&s->promised); leaf; leaf = next) {
		next = TAILQ_NEXT(leaf, promised_entry);
		if (now.us - leaf->promised_at.us >= PROMISE_US)
			shaper_drop_promise(leaf);
	}
	refill_active(s->root, now);
	while ((leaf = next_leaf(s))) {
		uint64_t piece = piece_of(leaf);

		promise(leaf, piece, now);
		if (piece == 0) /* nothing limits it: once is enough */
			shaper_set_waiting(leaf, false, now);
	}
	TAILQ_FOREACH (leaf, &s->told, told_entry)
		shaper_set_waiting(leaf, false, now);
	/* ready() may do anything to the tree, the freeing of leaves included. */
	while ((leaf = TAILQ_FIRST(&s->told))) {
		TAILQ_REMOVE(&s->told, leaf, told_entry);
		leaf->told = false;
		leaf->ready(leaf->arg);
	}
	return next_pass(s);
}

/* Without a promise: only where no other leaf waits for the same tokens. */
static uint64_t spare(struct shaper_node *leaf)
{
	uint64_t least = UINT64_MAX;
	unsigned self = leaf->waiting;

	SHAPER_EACH_BUCKET (n, leaf) {
		if (n->waiting > self || !has_quantum(n))
			return 0;
		if (bucket_limited(&n->bucket))
			least = MIN(least, (uint64_t)n->bucket.tokens - n->reserved);
	}
	return least;
}

static uint64_t promised(struct shaper_node *leaf)
{
	int64_t least = (int64_t)leaf->promise;

	/* Tokens may have become fewer since: a new rate, a charge. */
	SHAPER_EACH_BUCKET (n, leaf)
		if (bucket_limited(&n->bucket))
			least = MIN(least, n->bucket.tokens);
	return least > 0 ? (uint64_t)least : 0;
}

size_t shaper_grant(struct shaper_node *leaf, size_t max)
{
	struct mono now = shaper_now(leaf);
	uint64_t bytes;
	bool from_promise;

	SHAPER_EACH_BUCKET (n, leaf)
		bucket_refill(&n->bucket, now);
	if (piece_of(leaf) == 0) {
		SHAPER_EACH_BUCKET (n, leaf)
			n->bytes += max;
		return max;
	}
	from_promise = leaf->promise > 0;
	bytes = MIN((uint64_t)max, from_promise ? promised(leaf) : spare(leaf));
	SHAPER_EACH_BUCKET (n, leaf) {
		bucket_take(&n->bucket, bytes);
		n->bytes += bytes;
		if (from_promise)
			n->reserved -= bytes;
	}
	if (from_promise)
		leaf->promise -= bytes;
	/* A rest below a packet would go out as one: left to whose turn is next. */
	if (leaf->promise < BUCKET_QUANTUM_MIN || bytes == 0)
		shaper_drop_promise(leaf);
	return (size_t)bytes;
}

void shaper_want(struct shaper_node *leaf, bool want)
{
	struct mono now = shaper_now(leaf);
	int64_t wait = 0;

	shaper_set_waiting(leaf, want, now);
	if (!want) {
		shaper_drop_promise(leaf);
		return;
	}
	/* The others' waits are armed for already. */
	SHAPER_EACH_BUCKET (n, leaf) {
		bucket_refill(&n->bucket, now);
		wait = MAX(wait, wait_of_node(n));
	}
	leaf->shaper->arm(leaf->shaper, wait);
}
