/*
 * share.h: deficit round robin by weight (Shreedhar and Varghese, 1995) between backlogged items.
 * Pure: no bytes move here, no time passes.
 *
 * Each turn of an item adds to its deficit a quantum in proportion to its weight; what it uses is
 * taken off; whose deficit is above zero may go. Two changes to the paper: an item may go with
 * a whole piece when its deficit is smaller, and is in debt then (bytes need not be asked for by
 * size); and the quantum is that of the heaviest item that may go, lighter ones getting their part
 * of it, so that weights up to 1000 make no lumps.
 */
#ifndef SPOKESYNC_TRANSFER_SHARE_H
#define SPOKESYNC_TRANSFER_SHARE_H

#include <sys/queue.h>

#include "policy/base.h"

#define SHARE_WEIGHT_MAX 1000u
#define SHARE_TURN_MAX	 (64u << 10)

struct share_item {
	unsigned weight;
	int64_t deficit; /* 1/1024 bytes */
	bool active;	 /* backlogged */
	bool able;	 /* private to share_next() */
	TAILQ_ENTRY(share_item) entry;
};
TAILQ_HEAD(share_list, share_item);

struct share {
	struct share_list active;
	struct share_item *turn; /* whose it is, or NULL */
};

void share_init(struct share *s);
void share_item_init(struct share_item *i, unsigned weight);
/*
 * Backlogged now / no longer. An item keeps its deficit, at most a quantum: one that leaves between
 * two pieces of its turn must find the rest of it. Time away earns nothing.
 */
void share_add(struct share *s, struct share_item *i);
void share_remove(struct share *s, struct share_item *i);
/*
 * Whose turn it is among those that may() go now; NULL: nobody may. turn: bytes of the heaviest
 * one's turn, at most SHARE_TURN_MAX. One look where the turn goes on, a search where it ends.
 */
struct share_item *share_next(struct share *s, uint64_t turn,
			      bool (*may)(void *arg, struct share_item *i), void *arg);
void share_used(struct share_item *i, uint64_t bytes);

#endif
