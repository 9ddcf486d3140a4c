/*
 * catalog.h: the files of a group and their versions, in memory and on disk. It records; intake.c
 * decides. Counts of the group (files, bytes, unsettled, skipped) are kept here and nowhere else.
 */
#ifndef SPOKESYNC_SCHEDULER_CATALOG_H
#define SPOKESYNC_SCHEDULER_CATALOG_H

#include "scheduler/hub_state.h"

struct hub_file *catalog_get(struct hub_group *g, const char *path); /* or NULL */
struct hub_file *catalog_make(struct hub_group *g,
			      const char *path); /* found, or new: FILE_SETTLING */
/* Forgets the path. Its version lives on while jobs need it; the row is retired. */
void catalog_drop(struct hub_file *f);
/* The only setter of a file's state; keeps lists and counts. words may be NULL; copied. */
void catalog_state(struct hub_file *f, enum file_state state, const char *words);
/* Settles at `due`, in the order of due times. */
void catalog_settling(struct hub_file *f, struct mono due);
/* Takes a reference of hv: it is the current version of f from now on. In memory only. */
void catalog_current(struct hub_file *f, struct hub_version *hv);

struct hub_version *hub_version_new(struct hub_group *g, const struct version_row *r) WARN_UNUSED;
struct hub_version *hub_version_ref(struct hub_version *hv);
/* The last one takes the generation and the row with it, unless it is the current version. */
struct hub_version *hub_version_unref(struct hub_version *hv);

#endif
