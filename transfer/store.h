/*
 * store.h: a spoke's store of one group: the `.spokesync` directory under the group's path, in the
 * same filesystem, with staging/ (transfers under way), preserved/ (what was replaced) and index/
 * (leaf records of the contents listed, named by root). The database beside them is the
 * scheduler's.
 */
#ifndef SPOKESYNC_TRANSFER_STORE_H
#define SPOKESYNC_TRANSFER_STORE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "transfer/digest.h"
#include "transfer/source.h"

#define STORE_DIR	 ".spokesync"
#define STORE_STAGED_MAX 16384u /* transfers begun and not published or discarded */

struct store {
	char *path;
	int root_fd; /* of the group's directory */
	int meta_fd, staging_fd, preserved_fd, index_fd;
	dev_t dev;
	bool reflink;	    /* tried, not guessed */
	atomic_uint staged; /* transfers in staging/, kept by staging.c; may be too high */
};

/* Makes what is missing below path; path itself must be a directory. */
int store_open(const char *path, struct store **ret, struct err *e) WARN_UNUSED;
struct store *store_close(struct store *s);
/* Directories of it that somebody deleted are made again. 1: there were some. */
int store_mend(struct store *s) WARN_UNUSED;
/* May one more transfer begin? Any thread; two at once may both be the last. */
bool store_has_room(struct store *s) WARN_UNUSED;
/* Bytes that a file may still grow by. */
int store_free_bytes(const struct store *s, uint64_t *ret) WARN_UNUSED;
/* Removes a directory below dirfd with the plain files in it (no deeper). */
int store_remove_dir(int dirfd, const char *name) WARN_UNUSED;

#endif
