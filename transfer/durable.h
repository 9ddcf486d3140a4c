/*
 * durable.h: the one helper through which files become durable: temporary in the same
 * directory, write, fdatasync, rename, fsync of the directory. Tests put faults under it.
 */
#ifndef SPOKESYNC_TRANSFER_DURABLE_H
#define SPOKESYNC_TRANSFER_DURABLE_H

#include <sys/types.h>

#include "policy/base.h"

/* All return 0 or -errno. */
int durable_pwrite(int fd, const void *data, size_t len, uint64_t offset) WARN_UNUSED;
int durable_datasync(int fd) WARN_UNUSED;
int durable_rename(int dir_from, const char *from, int dir_to, const char *to) WARN_UNUSED;
int durable_dirsync(int dirfd) WARN_UNUSED;
/* Whole small file at once, atomically replaced. */
int durable_write_file(int dirfd, const char *name, const void *data, size_t len,
		       mode_t mode) WARN_UNUSED;

#endif
