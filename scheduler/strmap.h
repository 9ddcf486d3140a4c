/*
 * strmap.h: names to pointers: a growing hash table with chains. The seed is random, because paths
 * may come from people who would like them to collide. Keys are not copied: they belong to the
 * value.
 */
#ifndef SPOKESYNC_SCHEDULER_STRMAP_H
#define SPOKESYNC_SCHEDULER_STRMAP_H

#include "policy/base.h"

struct strmap_entry; /* one a value, made by the map */

/* Embedded; all zeros is an empty map. */
struct strmap {
	struct strmap_entry **buckets;
	size_t n_buckets, n;
	uint64_t seed;
};

void strmap_done(struct strmap *m);	 /* values stay the caller's */
void strmap_done_free(struct strmap *m); /* values are free()d */
/* Replaces what was there under this key. key must live as long as it is in the map. */
void strmap_put(struct strmap *m, const char *key, void *value);
void *strmap_get(const struct strmap *m, const char *key); /* or NULL */
void *strmap_remove(struct strmap *m, const char *key);	   /* the value, or NULL */
/* Each value, in no order. fn may remove the value it was given, and no other. */
void strmap_each(struct strmap *m, void (*fn)(void *arg, void *value), void *arg);

#endif
