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
/* The same without any sync, mode 0600: for what a power cut may take, since it can be made again.
 */
int durable_replace(int dirfd, const char *name, const void *data, size_t len) WARN_UNUSED;

/* A file that is made piece by piece under a name of its own. */
struct durable_temp {
	int dirfd, fd; /* fd: for reading and writing */
	char name[48]; /* "": it has its final name, or there is none */
};
/* prefix: up to 24 characters; dirfd is duplicated. On failure too, durable_temp_done() is right.
 */
int durable_temp_new(int dirfd, const char *prefix, struct durable_temp *t) WARN_UNUSED;
/*
 * Its first len bytes, zeros where nothing was written yet, to be read and written, mapped as in
 * mapped.h. The space is allocated first: a full disk is told here, and not under the mapping.
 */
int durable_temp_map(const struct durable_temp *t, size_t len, void **ret) WARN_UNUSED;
/* Gives it its final name. Nothing is synced. */
int durable_temp_rename(struct durable_temp *t, const char *name) WARN_UNUSED;
void durable_temp_done(struct durable_temp *t); /* unlinks what has no final name */

/*
 * At start, before anything writes there: removes the files whose names begin so: temporaries of a
 * process that was killed. Returns how many.
 */
#define DURABLE_TEMP ".tmp-"
unsigned durable_sweep(int dirfd, const char *prefix);

#endif
