/*
 * tree.h: one step of the descent through a content that the hub does not know: which hashes of it
 * are asked for, what they are computed from, and both bodies of POST /v1/groups/G/tree, encoded
 * and decoded with limits. Both ends use it; none of it decides what to ask.
 *
 *   level  piece of the content     hash
 *   0      (by path)                which content lies at this path: its root and size
 *   1      256 blocks, 1 MiB        8 bytes of the SHA-256 of its two node hashes
 *   2      16 blocks, 64 KiB        8 bytes of the SHA-256 of its leaf hashes
 *   3      a block                  8 bytes of its leaf hash
 *   4      256 nodes, as asked for  SHA-256 of their node hashes, whole
 *   5      a node                   its node hash, whole
 *
 * Eight bytes propose; levels 4 and 5 say for certain what may be taken over without looking at it
 * again. A piece at the end of a content has fewer blocks, and so another hash.
 *
 * Question: magic "SSYNCT01", level (1 byte), root (32), number of runs (varint), runs of pieces
 * (gap after the run before, count: varints). Level 0: magic, 0, length (varint), path.
 * Answer: magic, level (1), size of the content (8), number of hashes (varint), hashes; of level 0
 * one, the root.
 */
#ifndef SPOKESYNC_TRANSFER_TREE_H
#define SPOKESYNC_TRANSFER_TREE_H

#include "transfer/index.h"
#include "transfer/wire.h"

#define TREE_TYPE	"application/octet-stream"
#define TREE_HASHES_MAX 65536u /* pieces of one question */
#define TREE_RUNS_MAX	4096u  /* of one question */
#define TREE_ASK_MAX	(64u << 10)
#define TREE_ANSWER_MAX (TREE_HASHES_MAX * HASH_SIZE + 64)
#define TREE_GROUP	256u /* nodes behind one hash of level 4 */

enum tree_level {
	TREE_PATH,
	TREE_COARSE,
	TREE_MIDDLE,
	TREE_BLOCK,
	TREE_GROUPS,
	TREE_NODES,
};

struct tree_ask {
	enum tree_level level;
	char path[WIRE_PATH_MAX + 1]; /* level 0 */
	struct hash root;	      /* the others */
	struct run *runs;	      /* of pieces, ascending, apart */
	size_t n_runs;
	uint64_t n; /* pieces in all */
};

struct tree_answer {
	enum tree_level level;
	uint64_t size;
	const uint8_t *hashes; /* in the body that was decoded */
	size_t n;
};

/* Pieces that a content of this size has at a level from 1 on. */
uint64_t tree_pieces(enum tree_level level, uint64_t size);
/* Blocks of a whole piece. */
uint64_t tree_blocks(enum tree_level level);
unsigned tree_hash_size(enum tree_level level);
/* How many hashes answer a question for n pieces. */
uint64_t tree_hashes(enum tree_level level, uint64_t n);
/* The hash of one piece (levels 1, 2, 3, 5). */
void tree_hash(const struct index *x, enum tree_level level, uint64_t piece, uint8_t *ret);
/* All that answer the runs, of any level from 1 on; pieces that x does not have must not be among
 * them. ret: tree_hashes() of tree_hash_size() bytes. -ECANCELED. */
int tree_hash_runs(const struct index *x, enum tree_level level, const struct run *runs, size_t n,
		   const atomic_bool *cancel, uint8_t *ret) WARN_UNUSED;

/* ret: room for TREE_ASK_MAX; the length. */
size_t tree_ask_encode(const struct tree_ask *a, uint8_t *ret) WARN_UNUSED;
/* -EBADMSG, -E2BIG with e. Allocates runs. */
int tree_ask_decode(const void *body, size_t len, struct tree_ask *ret, struct err *e) WARN_UNUSED;
void tree_ask_done(struct tree_ask *a);
/* The bytes before the hashes; ret: room for 32. */
size_t tree_answer_head(enum tree_level level, uint64_t size, uint64_t n, uint8_t *ret) WARN_UNUSED;
int tree_answer_decode(const void *body, size_t len, struct tree_answer *ret,
		       struct err *e) WARN_UNUSED;

/* What a 202 says: bytes hashed and to be hashed. malloc'ed JSON. */
char *tree_wait_encode(uint64_t done, uint64_t total) WARN_UNUSED;
int tree_wait_decode(const char *json, size_t len, uint64_t *ret_done, uint64_t *ret_total,
		     struct err *e) WARN_UNUSED;

#endif
