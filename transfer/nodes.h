/*
 * nodes.h: what is known of each node of a content under way: a byte a node, with counts and with
 * the changes since the last commit, as runs. Pure.
 */
#ifndef SPOKESYNC_TRANSFER_NODES_H
#define SPOKESYNC_TRANSFER_NODES_H

#include "transfer/frame.h"

#define NODE_TODO   0u	  /* nothing of it is there */
#define NODE_FAILED 1u	  /* what came for it did not prove */
#define NODE_OWN    2u	  /* proven; its leaves are in the transfer's own leaf file */
#define NODE_FILL   0x40u /* | pin: to be copied from that pin in the background */
#define NODE_BASE   0x80u /* | pin: proven; its leaves are those of that pin's index */
#define NODE_PIN(s) ((s)&0x3fu)
#define NODE_PINS   64u

struct node_change {
	uint64_t first, n;
	uint8_t state;
};

struct nodes {
	uint64_t n;
	uint8_t *state;
	uint8_t *touched; /* bits: the node's bytes in the image may not be as in the basis */
	uint64_t proven, failed, filling;
	struct node_change *changes; /* since nodes_changes_done() */
	size_t n_changes, size_changes;
};

void nodes_init(struct nodes *x, uint64_t n);
void nodes_done(struct nodes *x);
static inline bool node_proven(uint8_t state)
{
	return state == NODE_OWN || (state & NODE_BASE);
}
void nodes_set(struct nodes *x, uint64_t first, uint64_t n, uint8_t state);
void nodes_changes_done(struct nodes *x);
bool nodes_touched(const struct nodes *x, uint64_t node);
void nodes_touch(struct nodes *x, uint64_t node);
void nodes_untouch(struct nodes *x, uint64_t node);
void nodes_touch_all(struct nodes *x);
/* Next node at or after `from` that is to be filled; false: none. */
bool nodes_next_fill(const struct nodes *x, uint64_t from, uint64_t *ret);
/*
 * Ascending runs of nodes that failed, or else of those that need no frame any more: proven, or to
 * be copied from a pin. *ret is malloc'ed, NULL where none.
 */
void nodes_runs(const struct nodes *x, bool failed, struct run **ret, size_t *ret_n);
/* Proven bytes of a file of this size (the last node may be short). */
uint64_t nodes_proven_bytes(const struct nodes *x, uint64_t size);

#endif
