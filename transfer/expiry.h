/*
 * expiry.h: what stays behind in a store when a word was lost: transfers that nobody goes on with,
 * and leaf records of contents that nobody lists. What is wanted the caller knows; this looks at
 * the files, and keeps its hands off what is young: it may be in the making.
 */
#ifndef SPOKESYNC_TRANSFER_EXPIRY_H
#define SPOKESYNC_TRANSFER_EXPIRY_H

#include "transfer/store.h"

struct expiry_transfer {
	struct hash root;
	int64_t at;	/* it was last written to, in seconds since 1970 */
	uint64_t bytes; /* on disk, its bases left out; 0 where they are not asked for */
};
/* What lies in staging/, the oldest first: count, and a list to be freed. No file is read; sizes
 * are a worker's. */
size_t expiry_transfers(const struct store *s, bool sizes, struct expiry_transfer **ret);
/*
 * Worker thread. Removes the leaf records, last written at or before this time, of contents that
 * are neither among wanted (sorted) nor pinned or built by any transfer; up to max. None, while
 * records of changes wait to be merged: theirs may be the base. Their count, -ECANCELED, -errno.
 */
int expiry_leaves(const struct store *s, int64_t before, const struct hash *wanted, size_t n_wanted,
		  unsigned max, const atomic_bool *cancel) WARN_UNUSED;

#endif
