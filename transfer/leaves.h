/*
 * leaves.h: the leaf hashes by which a content differs from its bases: an append-only file, a
 * record for each node that was built, with those leaves only that are neither zero nor the base's
 * at the same place. So a change of 4 KiB costs some hundred bytes of record, and publication does
 * not wait for a whole index: the log is sealed and put beside the base's record as ROOT.delta, and
 * merged into an index afterwards, or at once when somebody wants that index.
 *
 * Nothing in a sealed log is trusted: the root of the merged index is computed, and must be the one
 * that it is named by.
 */
#ifndef SPOKESYNC_TRANSFER_LEAVES_H
#define SPOKESYNC_TRANSFER_LEAVES_H

#include "transfer/index.h"

#define LEAF_BASES_MAX 64u
#define LEAF_NO_BASE   LEAF_BASES_MAX
#define LEAF_LOG_BEGIN 4096u /* records begin there; the head comes last */
#define LEAF_MAGIC     "SSYNCL01"
#define LEAF_DELTA     ".delta"

/* In a record, which of the node's blocks: bit i of word i / 64. */
struct leaf_bits {
	uint64_t w[2];
};

struct leaf_record {
	uint64_t node;
	uint32_t n;    /* leaves given here */
	uint32_t base; /* whose leaves the blocks have that are in neither set; or LEAF_NO_BASE */
	struct leaf_bits given, zero;
	struct hash hash; /* of the node */
	struct hash leaves[];
};
_Static_assert(sizeof(struct leaf_record) == 80, "leaf record");

struct leaf_log {
	int fd;
	uint64_t end;
	bool dirty;
};

/* n leaves of a node; of those not in `own` the base has the same. */
int leaf_log_add(struct leaf_log *l, uint64_t node, unsigned n, const struct hash *leaves,
		 const struct leaf_bits *own, uint32_t base, const struct hash *hash) WARN_UNUSED;
typedef int leaf_record_fn(void *arg, const struct leaf_record *r);
/* Every record before end, in the order in which they came. -EBADMSG: nonsense. */
int leaf_log_each(int fd, uint64_t end, leaf_record_fn *fn, void *arg) WARN_UNUSED;
/* The leaf of block i of the node (NULL: the base has it). */
const struct hash *leaf_record_at(const struct leaf_record *r, unsigned i);

/* A run of nodes that are as in a base. */
struct leaf_run {
	uint64_t first, n, base;
};
struct leaf_head {
	char magic[8];
	uint64_t size;
	struct hash root;
	uint64_t end; /* of the records; the runs follow */
	uint32_t n_bases, n_runs;
	struct hash bases[LEAF_BASES_MAX];
};
_Static_assert(sizeof(struct leaf_head) <= LEAF_LOG_BEGIN, "leaf head");

/* Makes the log whole and durable; magic and end are filled in. */
int leaf_log_seal(struct leaf_log *l, struct leaf_head *head,
		  const struct leaf_run *runs) WARN_UNUSED;
/*
 * Makes dirfd/ROOT out of dirfd/ROOT.delta and the bases' indexes beside it; the delta goes, also
 * where it is good for nothing (-EBADMSG). -ENOENT: there is none.
 */
int leaves_merge(int dirfd, const struct hash *root, const atomic_bool *cancel) WARN_UNUSED;
/* All that wait. The last error, where there was one; what is good for nothing is gone. */
int leaves_merge_all(int dirfd, const atomic_bool *cancel) WARN_UNUSED;
/* index_open(), of a content whose index may have to be merged first. */
int leaves_index(int dirfd, const struct hash *root, struct index **ret) WARN_UNUSED;

#endif
