/*
 * index.h: what is kept of a content: its SHA-256 tree, on disk as one immutable flat file named
 * by the root, mapped into memory when it is used. Zero blocks are not stored. Format in index.c:
 * header (magic, version, size, root, counts, SHA-256 of the header), node hashes, bitmap of
 * non-zero blocks with ranks, leaf hashes. The hub keeps one for every version, the spoke for every
 * content it lists; an index whose header or lengths are wrong is refused, never trusted.
 */
#ifndef SPOKESYNC_TRANSFER_INDEX_H
#define SPOKESYNC_TRANSFER_INDEX_H

#include "transfer/digest.h"

#define INDEX_TEMP ".tmp-index-"
/* After the root in a file's name: what is known of a content of which no index is at hand. */
#define INDEX_PART     ".part"
#define INDEX_NAME_MAX 80 /* of any of these names, with its end */

struct index;	     /* mapped, read-only; may be shared by threads */
struct index_writer; /* being built, nodes in any order; bounded memory: leaves go to the file */

int index_open(int dirfd, const char *name, struct index **ret, struct err *e) WARN_UNUSED;
/*
 * The index of this root; where there is none, what is known of it in part: an index like any other
 * in which the blocks that are not known have the leaf hash_unknown_block, which no content has.
 * Leaves of a part may be wrong (they were learned by short hashes, learn.h), so whoever copies
 * blocks by them must prove the node; its node hashes are certain, or hash_unknown_block.
 */
int index_open_any(int dirfd, const struct hash *root, struct index **ret,
		   struct err *e) WARN_UNUSED;
extern const struct hash hash_unknown_block;
/* What stands for it in the id of a plan (delta.h): its root, or a hash of all that is known. */
const struct hash *index_plan_name(const struct index *x);
/* The same by its root, from the file's header; *ret is the root where there is no file. */
void index_plan_name_of(int dirfd, const struct hash *root, struct hash *ret);
bool index_exists(int dirfd, const struct hash *root); /* a whole one */
/* False: a part of it could not be read since; all of it is zeros now, and what was made of it may
 * be wrong. */
bool index_sound(const struct index *x);
bool index_is_part(const struct index *x);

struct index *index_ref(struct index *x);
struct index *index_unref(struct index *x);

const struct hash *index_root(const struct index *x);
uint64_t index_size(const struct index *x);
uint64_t index_nonzero_blocks(const struct index *x);
bool index_block_is_zero(const struct index *x, uint64_t block);
/* The block with so many (< index_nonzero_blocks) non-zero blocks before it. */
uint64_t index_nonzero_at(const struct index *x, uint64_t rank);
/* Non-zero blocks before this one. */
uint64_t index_rank(const struct index *x, uint64_t block);
/* The leaf hash (hash_zero_block for zero blocks). block < blocks_of(size). */
const struct hash *index_leaf(const struct index *x, uint64_t block);
const struct hash *index_node(const struct index *x, uint64_t node);
/* How many non-zero blocks of x are not at the same place in y. Reads the leaves of both where
 * their nodes differ. */
uint64_t index_blocks_unlike(const struct index *x, const struct index *y);

/* The sampled leaf hashes by which contents are found alike (sketch.h): ascending. */
const uint64_t *index_hooks(const struct index *x, size_t *ret_n, unsigned *ret_bits);

/* Written to a temporary (INDEX_TEMP*; a crash may leave one) under dirfd; nodes may come in any
 * order, each exactly once. */
int index_writer_new(int dirfd, uint64_t size, struct index_writer **ret) WARN_UNUSED;
/* leaves: the node's 1..128 leaf hashes. Thread-safe for different nodes. */
int index_writer_node(struct index_writer *w, uint64_t node, const struct hash *leaves) WARN_UNUSED;
/* The node as in another index (its leaves are copied). */
int index_writer_same(struct index_writer *w, uint64_t node, const struct index *base) WARN_UNUSED;
/* A node of a part, of which not every leaf is certain: no content has its node hash. */
int index_writer_unsure(struct index_writer *w, uint64_t node,
			const struct hash *leaves) WARN_UNUSED;
/* Computes the root, makes the file durable under its final name (root in hex). */
int index_writer_finish(struct index_writer *w, struct hash *ret_root) WARN_UNUSED;
/* The same in part: of a content that is said to have this root. */
int index_writer_finish_part(struct index_writer *w, const struct hash *root) WARN_UNUSED;
struct index_writer *
index_writer_free(struct index_writer *w); /* drops the temporary if unfinished */

/*
 * Reads fd whole (holes skipped, page cache left as it was) and writes its index. Blocks; worker
 * thread. *cancel is looked at between reads. progress (bytes) may be NULL. -ESTALE: the file's
 * identity changed while it was read.
 */
int index_build(int fd, int dirfd, const atomic_bool *cancel, _Atomic uint64_t *progress,
		struct hash *ret_root, struct err *e) WARN_UNUSED;

#endif
