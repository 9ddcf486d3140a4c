/*
 * shaper_private.h: for shaper*.c and their test: the tree's nodes, and the pass over it with time
 * as an argument. shaper.c has the loop's clock and timer.
 */
#ifndef SPOKESYNC_TRANSFER_SHAPER_PRIVATE_H
#define SPOKESYNC_TRANSFER_SHAPER_PRIVATE_H

#include <sys/queue.h>

#include "transfer/bucket.h"
#include "transfer/shaper.h"
#include "transfer/share.h"

TAILQ_HEAD(shaper_leaves, shaper_node);

struct shaper_node {
	struct shaper *shaper;
	struct shaper_node *parent;
	struct shaper_node *limit; /* a bucket beside the tree that counts as well, or NULL */
	unsigned n_children;
	struct bucket bucket;
	struct share share;	/* between the children that wait */
	struct share_item item; /* in the parent's share */
	uint64_t reserved;	/* promised to leaves below and not yet taken */
	unsigned waiting;	/* leaves below (or itself) that wait */
	uint64_t bytes;
	int64_t throttled_us;
	struct mono waiting_since;
	/* leaf */
	void (*ready)(void *arg);
	void *arg;
	uint64_t promise; /* may be taken without asking again */
	struct mono promised_at;
	bool told;     /* in the list of those to be called back */
	bool promised; /* in the list of those with a promise */
	TAILQ_ENTRY(shaper_node) told_entry, promised_entry;
};

struct shaper {
	struct shaper_node *root;
	struct shaper_leaves told, promised;
	struct mono (*clock)(void); /* tests put theirs here */
	void (*arm)(struct shaper *s, int64_t after_us);
};

/* All buckets that count for what goes at or below from: each node up to the root, and after it the
 * limit that it has besides. */
#define SHAPER_EACH_BUCKET(n, from) \
	for (struct shaper_node *at = (from), *n = at; n; n = shaper_next_bucket(n, &at))

static inline struct shaper_node *shaper_next_bucket(const struct shaper_node *n,
						     struct shaper_node **at)
{
	if (n == *at && n->limit)
		return n->limit;
	*at = (*at)->parent;
	return *at;
}

/* Hands out what there is now, and calls back. Microseconds until it is worth coming again. */
int64_t shaper_pass(struct shaper *s, struct mono now);
struct mono shaper_now(const struct shaper_node *n);
/* Gives back what was promised and not taken. */
void shaper_drop_promise(struct shaper_node *leaf);
void shaper_set_waiting(struct shaper_node *leaf, bool waiting, struct mono now);
void shaper_init(struct shaper *s);
void shaper_done(struct shaper *s);

#endif
