/*
 * flat.h: a file that is used as it lies on disk, mapped for reading: what is kept beside an index.
 * What its bytes mean, and whether they are sound, its caller finds out.
 */
#ifndef SPOKESYNC_TRANSFER_FLAT_H
#define SPOKESYNC_TRANSFER_FLAT_H

#include "policy/base.h"

struct flat {
	const void *data;
	size_t len;
};

/* -EBADMSG: no regular file, or shorter than `least` (> 0) bytes; -errno. flat_unmap() it. */
int flat_map(int dirfd, const char *name, size_t least, struct flat *ret) WARN_UNUSED;
void flat_unmap(struct flat *f);

#endif
