/*
 * drift.h: what was changed, damaged, removed or restored on a spoke without the hub: told in its
 * inventory, kept here until it is repaired, so that it can be shown by name and, where the
 * configuration or the spoke's administrator says so, left alone until a newer version comes.
 */
#ifndef SPOKESYNC_SCHEDULER_DRIFT_H
#define SPOKESYNC_SCHEDULER_DRIFT_H

#include "scheduler/hub_state.h"

struct drift {
	enum wire_local what;
	struct wall since;
	uint64_t version; /* the current one when it was told: what is newer goes there anyway */
	char path[];
};

/* An entry of a spoke's inventory, before it is put there. */
void drift_told(struct inventory *inv, const struct wire_entry *e);
/* What lies there is as the hub wants it again (hv), or nobody wants it any more (NULL). */
void drift_over(struct inventory *inv, const char *path);
const struct drift *drift_of(const struct inventory *inv, const char *path); /* or NULL */
/* Is this version not to be brought there, because of what was done there? */
bool drift_holds(const struct inventory *inv, const struct version *v);
/* "changed there", ... and what becomes of it. */
const char *drift_words(const struct inventory *inv, const struct drift *d);
/* It is to be repaired after all: a path, or with NULL all of the group. Returns how many. */
unsigned drift_repair(struct inventory *inv, const char *path);
/* Files there that the hub does not have; no more than max are told. Returns how many there are. */
typedef void drift_path_fn(void *arg, const char *path);
uint64_t drift_foreign(const struct inventory *inv, uint64_t max, drift_path_fn *fn, void *arg);
/* All was told anew: what does not fit to what lies there is over. */
void drift_sweep(struct inventory *inv);
/* As it was recorded (recover.c); and when the inventory goes. */
void drift_restore(struct inventory *inv, const struct drift_row *r);
void drift_clear(struct inventory *inv);

#endif
