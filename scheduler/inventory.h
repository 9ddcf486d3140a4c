/*
 * inventory.h: what a spoke holds of one group (a share), as it told, in memory and on disk.
 */
#ifndef SPOKESYNC_SCHEDULER_INVENTORY_H
#define SPOKESYNC_SCHEDULER_INVENTORY_H

#include "scheduler/hub_state.h"

struct share *share_get(struct hub_spoke *s, const char *group);  /* or NULL */
struct share *share_make(struct hub_spoke *s, const char *group); /* found or new */
struct share *share_free(struct share *s);
const struct share_item *share_item(const struct share *s, const char *path); /* or NULL */
/* One entry (or that it is gone), here and on disk. told: see db_inventory_put(). */
void share_put(struct share *s, const struct wire_entry *e, uint64_t told);
/* As share_put() while the database is read: in memory only. */
void share_restore(struct share *s, const struct wire_entry *e, uint64_t told);
void share_clear(struct share *s);
void share_position(struct share *s, const char *epoch, uint64_t seq);
/* Holds it this very version: content, mtime and mode? */
bool share_has(const struct share *s, const struct version *v);
bool share_has_content(const struct share *s, const struct version *v); /* under this path */
/* A path that holds this content, or NULL. */
const char *share_path_of(const struct share *s, const struct hash *root);
/* Every distinct root; malloc'ed. */
struct hash *share_roots(const struct share *s, size_t *ret_n) WARN_UNUSED;

#endif
