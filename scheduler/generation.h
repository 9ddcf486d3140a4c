/*
 * generation.h: the hub's own point-in-time copies, as reflinks in <group>/.spokesync/gen/<id>, and
 * the mark in .spokesync that tells the group's directory from an empty mount point.
 */
#ifndef SPOKESYNC_SCHEDULER_GENERATION_H
#define SPOKESYNC_SCHEDULER_GENERATION_H

#include "scheduler/hub_state.h"

/* Makes .spokesync/gen where needed. 0 and its descriptor. */
int generation_dir(int group_dirfd, int *ret_fd, struct err *e) WARN_UNUSED;
/* The mark that lies there, or "" where none does. */
void generation_mark(int gen_dirfd, char ret[GROUP_MARK + 1]);
int generation_set_mark(int gen_dirfd, const char *mark, struct err *e) WARN_UNUSED;
/* Can this filesystem clone? Tried with a block. */
bool generation_probe(int gen_dirfd);
const char *generation_name(uint64_t id, char buf[24]);
/* Bytes of a version: its generation, or the live file if its identity is still the recorded one.
 * -ESTALE: it is not. */
int generation_open(struct hub_version *hv, int *ret_fd) WARN_UNUSED;
/* Unlinks on a worker: a file of many extents takes its time. */
void generation_drop(struct hub_group *g, uint64_t id);
/* At start: unlinks what no version names. keep(arg, id): still needed? */
void generation_sweep(struct hub_group *g, bool (*keep)(void *arg, uint64_t id), void *arg);

#endif
