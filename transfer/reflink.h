/*
 * reflink.h: files that share blocks. Apart because <linux/fs.h>, which has the two ioctls, has a
 * BLOCK_SIZE of its own (1 KiB) that must never meet ours.
 */
#ifndef SPOKESYNC_TRANSFER_REFLINK_H
#define SPOKESYNC_TRANSFER_REFLINK_H

#include "policy/base.h"

/* All of `from`; `to` becomes as long. -EOPNOTSUPP and others where the filesystem cannot. */
int reflink_file(int to, int from) WARN_UNUSED;
/* The same range of both; whole blocks but at the end of `from`. */
int reflink_range(int to, int from, uint64_t offset, uint64_t len) WARN_UNUSED;

#endif
