/*
 * patch_private.h: shared by patch.c, patch_far.c (what its anchors find, at any distance) and
 * patch_near.c (what lies at the same place), patch_sectors.c (the same without the bytes).
 */
#ifndef SPOKESYNC_TRANSFER_PATCH_PRIVATE_H
#define SPOKESYNC_TRANSFER_PATCH_PRIVATE_H

#include "transfer/patch.h"

#define PATCH_UNIT 32u

struct match {
	size_t at, len; /* in the run */
	uint64_t src;
	uint8_t base;
};

struct matches {
	struct match *m;
	size_t n, room;
};

/* A run of literals. */
struct run_state {
	const uint8_t *data;
	size_t len;
	uint64_t out; /* its first byte's place in the output */
};

struct patching {
	struct patch_base *bases;
	unsigned n_bases;
	const atomic_bool *cancel;
	struct anchor_scan scan, rescan;
	unsigned bits; /* the least of the bases' */
	unsigned misses;
	struct matches far, all; /* of the run: by anchors; and all */
	struct part *parts;
	uint32_t n_parts, parts_room;
};

/* Adds to the list, which ascends; what goes on where the last one ends becomes part of it. */
void patch_add(struct matches *l, const struct match *m);
/* Old bytes, up to len of them; within one block, all or none. A base that fails is let go of. */
size_t patch_look(struct patching *p, unsigned base, uint64_t at, size_t len, size_t wanted,
		  const uint8_t **ret);
/* The run's matches by anchors, ascending, into p->far. 0 or -ECANCELED. */
int patch_far(struct patching *p, const struct run_state *r) WARN_UNUSED;
/* The piece (within one block), compared by sums: true if anything was added to p->all. */
bool patch_sectors(struct patching *p, const struct match *piece, const uint8_t *data);
/*
 * A match of whole sectors around the anchor that ends at `end` of the run, in this base, of which
 * there are sums and anchors, and no bytes. False: none.
 */
bool patch_sectors_far(struct patching *p, const struct run_state *r, size_t end, uint32_t print,
		       size_t floor, unsigned base, struct match *ret);
/* The gap [at, end) of the run, block by block: matches at the same place go to p->all. */
void patch_near(struct patching *p, const struct run_state *r, size_t at, size_t end);

#endif
