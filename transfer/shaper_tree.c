/*
 * shaper_tree.c: the tree of buckets: its nodes, their rates and counts. Who may send, and when, is
 * shaper_pass.c's.
 */
#include <stdlib.h>

#include "transfer/shaper_private.h"

struct mono shaper_now(const struct shaper_node *n)
{
	return n->shaper->clock();
}

void shaper_init(struct shaper *s)
{
	TAILQ_INIT(&s->told);
	TAILQ_INIT(&s->promised);
	s->root = xcalloc(1, sizeof(*s->root));
	s->root->shaper = s;
	share_init(&s->root->share);
	share_item_init(&s->root->item, 1);
	bucket_init(&s->root->bucket, RATE_UNLIMITED, s->clock());
}

void shaper_done(struct shaper *s)
{
	free(s->root);
}

struct shaper_node *shaper_root(struct shaper *s)
{
	return s->root;
}

struct shaper_node *shaper_node_new(struct shaper_node *parent, unsigned weight,
				    void (*ready)(void *arg), void *arg)
{
	struct shaper_node *n = xcalloc(1, sizeof(*n));

	n->shaper = parent->shaper;
	n->parent = parent;
	n->ready = ready;
	n->arg = arg;
	share_init(&n->share);
	share_item_init(&n->item, weight);
	bucket_init(&n->bucket, RATE_UNLIMITED, shaper_now(n));
	parent->n_children++;
	return n;
}

/* Gives back what was promised and not taken. */
void shaper_drop_promise(struct shaper_node *leaf)
{
	if (!leaf->promised)
		return;
	SHAPER_EACH_BUCKET (n, leaf)
		n->reserved -= leaf->promise;
	leaf->promise = 0;
	leaf->promised = false;
	TAILQ_REMOVE(&leaf->shaper->promised, leaf, promised_entry);
}

void shaper_set_waiting(struct shaper_node *leaf, bool waiting, struct mono now)
{
	if (waiting == (leaf->waiting > 0))
		return;
	for (struct shaper_node *n = leaf; n; n = n->parent) {
		if (waiting && n->waiting++ == 0) {
			n->waiting_since = now;
			if (n->parent)
				share_add(&n->parent->share, &n->item);
		}
		if (!waiting && --n->waiting == 0) {
			n->throttled_us += now.us - n->waiting_since.us;
			if (n->parent)
				share_remove(&n->parent->share, &n->item);
		}
	}
}

struct shaper_node *shaper_node_free(struct shaper_node *n)
{
	if (!n)
		return NULL;
	if (n->ready) {
		shaper_set_waiting(n, false, shaper_now(n));
		shaper_drop_promise(n);
		if (n->told)
			TAILQ_REMOVE(&n->shaper->told, n, told_entry);
	}
	n->parent->n_children--;
	free(n);
	return NULL;
}

void shaper_set_rate(struct shaper_node *n, uint64_t rate)
{
	if (n->bucket.rate == rate)
		return;
	bucket_set_rate(&n->bucket, rate, shaper_now(n));
	n->shaper->arm(n->shaper, 0);
}

void shaper_set_weight(struct shaper_node *n, unsigned weight)
{
	n->item.weight = MIN(MAX(weight, 1u), SHARE_WEIGHT_MAX);
}

void shaper_set_limit(struct shaper_node *n, struct shaper_node *limit)
{
	n->limit = limit;
}

uint64_t shaper_rate_in_force(const struct shaper_node *n)
{
	uint64_t least = RATE_UNLIMITED;

	for (; n; n = n->parent) {
		least = MIN(least, n->bucket.rate);
		if (n->limit)
			least = MIN(least, n->limit->bucket.rate);
	}
	return least;
}

void shaper_charge(struct shaper_node *from, uint64_t bytes)
{
	struct mono now = shaper_now(from);

	SHAPER_EACH_BUCKET (n, from) {
		bucket_refill(&n->bucket, now);
		bucket_take(&n->bucket, bytes);
		n->bytes += bytes;
		/* Who sends much that is not granted has that much less of its turn. */
		if (n->item.active)
			share_used(&n->item, bytes);
	}
}

void shaper_refund(struct shaper_node *leaf, uint64_t bytes)
{
	SHAPER_EACH_BUCKET (n, leaf) {
		bucket_give(&n->bucket, bytes);
		n->bytes -= MIN(bytes, n->bytes);
	}
	/* It may be just what another waits for. */
	if (bytes > 0 && leaf->shaper->root->waiting)
		leaf->shaper->arm(leaf->shaper, 0);
}

uint64_t shaper_bytes(const struct shaper_node *n)
{
	return n->bytes;
}

int64_t shaper_throttled_us(const struct shaper_node *n)
{
	if (n->waiting == 0)
		return n->throttled_us;
	return n->throttled_us + shaper_now(n).us - n->waiting_since.us;
}
