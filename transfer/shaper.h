/*
 * shaper.h: a tree of token buckets (hub -> spoke -> (spoke, policy) -> transfer) that says who
 * may hand how many bytes to the network now.
 *
 * Model. Every node has a rate (bytes/s, RATE_UNLIMITED for none), a weight among its siblings,
 * and a bucket refilled from the monotonic clock at the time of use. Depth is a time (40 ms of the
 * rate), at least two quanta; quantum = 20 ms of rate within 1400 B .. 16 KiB. Buckets start
 * empty; an idle node earns no credit. A leaf (connection) asks with shaper_want(); when every
 * bucket on its path has tokens it is called back, in deficit round robin by weight at every level,
 * and takes at most what shaper_grant() says. Bytes that the socket sent beyond what was granted
 * (TLS, headers, handshakes, words) are charged afterwards; debt carries over. A new rate bites at
 * once: tokens are clipped to the new depth. Rate 0 (RATE_CLOSED) grants nothing.
 *
 * share.c (deficit round robin) and bucket.c are pure; shaper.c owns the one timer.
 */
#ifndef SPOKESYNC_TRANSFER_SHAPER_H
#define SPOKESYNC_TRANSFER_SHAPER_H

#include "policy/base.h"

struct ev_loop;
struct shaper;
struct shaper_node;

struct shaper *shaper_new(struct ev_loop *loop) WARN_UNUSED;
struct shaper *shaper_free(struct shaper *s);	   /* every node must be gone */
struct shaper_node *shaper_root(struct shaper *s); /* the hub */

/* An inner node, or with ready a leaf. Freed with shaper_node_free (children first). */
struct shaper_node *shaper_node_new(struct shaper_node *parent, unsigned weight,
				    void (*ready)(void *arg), void *arg) WARN_UNUSED;
struct shaper_node *shaper_node_free(struct shaper_node *n);
void shaper_set_rate(struct shaper_node *n, uint64_t rate);
void shaper_set_weight(struct shaper_node *n, unsigned weight);
/*
 * What goes below n draws on the bucket of limit too, besides those above n: for a limit that some
 * nodes share and others beside them do not, which no tree alone can say. limit is an inner node
 * with nothing below it, and is freed after n; n has nothing below it yet, and nothing above it has
 * the same limit.
 */
void shaper_set_limit(struct shaper_node *n, struct shaper_node *limit);
uint64_t shaper_rate_in_force(const struct shaper_node *n); /* least up to the root */

/* Leaf: how many bytes may be handed over now (0: want and wait for ready()). Takes them. */
size_t shaper_grant(struct shaper_node *leaf, size_t max);
/* Leaf: backlogged / no longer. ready() is called once per want, never inside it. */
void shaper_want(struct shaper_node *leaf, bool want);
/* Any node: bytes that went without a grant; may bring buckets into debt. */
void shaper_charge(struct shaper_node *n, uint64_t bytes);
/* Leaf: granted but never sent (the body ended). */
void shaper_refund(struct shaper_node *leaf, uint64_t bytes);

/* Totals of a node since it was made: bytes; microseconds in which it wanted and had to wait. */
uint64_t shaper_bytes(const struct shaper_node *n);
int64_t shaper_throttled_us(const struct shaper_node *n);

#endif
