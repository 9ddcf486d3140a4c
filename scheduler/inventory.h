/*
 * inventory.h: what a spoke holds of one group (a inv), as it told, in memory and on disk.
 */
#ifndef SPOKESYNC_SCHEDULER_INVENTORY_H
#define SPOKESYNC_SCHEDULER_INVENTORY_H

#include "scheduler/hub_state.h"

struct inventory *inventory_get(struct hub_spoke *s, const char *group);  /* or NULL */
struct inventory *inventory_make(struct hub_spoke *s, const char *group); /* found or new */
struct inventory *inventory_free(struct inventory *s);
const struct inventory_item *inventory_item(const struct inventory *s,
					    const char *path); /* or NULL */
/* What the hub has under that path, or NULL. */
const struct version *inventory_current(const struct inventory *s, const char *path);
/* One entry (or that it is gone), here and on disk. told: see db_inventory_put(). */
void inventory_put(struct inventory *s, const struct wire_entry *e, uint64_t told);
/* As inventory_put() while the database is read: in memory only. */
void inventory_restore(struct inventory *s, const struct wire_entry *e, uint64_t told);
/* Has it more than is remembered of one group? Honest ones list what lies in a directory. */
bool inventory_too_large(const struct inventory *s);
void inventory_clear(struct inventory *s);
void inventory_position(struct inventory *s, const char *epoch, uint64_t seq);
/* What it has in preserved/: all of it, in any order; one more, as one that was just published
 * over; and as that while the database is read, in memory only. Beyond WIRE_PRESERVED_MAX: nothing.
 */
void inventory_preserved(struct inventory *s, const struct hash *roots, unsigned n);
void inventory_preserved_add(struct inventory *s, const struct hash *root);
bool inventory_preserved_restore(struct inventory *s, const struct hash *root);
/* Is what is known of it what the spoke told in its greeting? */
bool inventory_preserved_told(const struct inventory *s, const struct wire_group *w);
/* Holds it this very version: content, mtime and mode? */
bool inventory_has(const struct inventory *s, const struct version *v);
bool inventory_has_content(const struct inventory *s,
			   const struct version *v); /* under this path */
/* A path that holds this content, or NULL. */
const char *inventory_path_of(const struct inventory *s, const struct hash *root);
/* Every distinct root, of what lies there and in preserved/; malloc'ed, with room for one more. */
struct hash *inventory_roots(const struct inventory *s, size_t *ret_n) WARN_UNUSED;

#endif
