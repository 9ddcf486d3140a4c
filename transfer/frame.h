/*
 * frame.h: the format of bundles and frames (format 1), encoded and decoded with limits.
 *
 * A bundle is a header and then frames, each a run of whole nodes of the output. Numbers are
 * little endian. E, the bundle's id, is SHA-256 of the header's bytes.
 *
 *   bundle header: magic "SSYNCB01", plan P, new root, new size, effort, number of frames of the
 *     plan, base roots (in order), frames left out (runs), 16-byte nonce
 *   frame: fixed head (magic "SSfr", index, first node, nodes, lengths, SHA-256 of the body), body
 *   body (zstd or raw): ops (varints), node hashes, literals
 *   body with a prefix: ops, node hashes, prefix runs, in one zstd frame; the literals in another,
 *     whose prefix (ZSTD_CCtx_refPrefix) are the blocks of bases that the runs name, in that order;
 *     a base's last block is filled with zeros
 *
 * Ops cover the frame's blocks from its first to its last without gap, in whole blocks:
 *   SAME base n      n blocks (whole nodes) as in the base at the same offset; no node hash
 *   COPY base src n  n blocks from block src of a base
 *   ZERO n           n zero blocks (become holes)
 *   LIT n            n blocks from the literals (the file's last block only up to its size)
 *   PATCH n parts    n blocks, put together byte by byte from its parts, which follow it: runs of
 *                    the literals, and runs of a base from any byte to any byte. The bytes of the
 *                    parts are those of the blocks (of the last one up to the file's size)
 * A decoder refuses codes that it does not know. Every node of the frame that is not SAME has its
 * hash in the frame, in order: so what PATCH gets wrong costs the node and nothing else.
 *
 * Two things for whoever applies ops: the block a COPY names may be its base's last and short, then
 * the rest counts as zeros; and a COPY or ZERO that covers the output's last block ends at its
 * size.
 *
 * A repair bundle has the same form: a plan of its own with no bases, whose frames are numbered
 * from 0 and cover only the nodes to be repaired, ascending, as LIT and ZERO.
 */
#ifndef SPOKESYNC_TRANSFER_FRAME_H
#define SPOKESYNC_TRANSFER_FRAME_H

#include "transfer/digest.h"

#define FRAME_FORMAT	   1
#define FRAME_LITERALS_MAX (16u << 20)
#define FRAME_NODES_MAX	   4096u
#define FRAME_OPS_MAX	   65536u
#define FRAME_PARTS_MAX	   262144u
#define FRAME_BASES_MAX	   8u
#define FRAME_EFFORT_MAX   19
#define FRAME_PREFIX_MAX   8192u /* blocks: 32 MiB */
#define FRAME_HEAD_SIZE	   96u
#define FRAME_BODY_MAX                                                            \
	(FRAME_LITERALS_MAX + FRAME_NODES_MAX * HASH_SIZE + FRAME_OPS_MAX * 24u + \
	 FRAME_PARTS_MAX * 16u + FRAME_PREFIX_MAX * 16u)
#define BUNDLE_HEADER_MAX (1u << 20)
#define BUNDLE_NONCE	  16u

enum op_kind { OP_SAME = 0, OP_COPY = 1, OP_ZERO = 2, OP_LIT = 3, OP_PATCH = 4 };

struct op {
	enum op_kind kind;
	uint32_t base; /* SAME, COPY: which of the bundle's bases; PATCH: how many parts */
	uint64_t src;  /* COPY: first block in the base; PATCH: its first part in the frame's */
	uint32_t n;    /* blocks */
};

/* A run of bytes of a PATCH. */
struct part {
	uint64_t src; /* copied: first byte in the base */
	uint32_t len;
	uint8_t base;
	bool copy; /* else the next len bytes of the literals */
};

/* Blocks of a base, a part of what literals are compressed with. */
struct prefix_run {
	uint64_t first;
	uint32_t n;
	uint32_t base;
};

struct run {
	uint64_t first, n;
};

struct bundle_header {
	struct hash plan, root;
	uint64_t size;
	uint32_t effort;   /* the zstd level asked for */
	uint32_t n_frames; /* of the plan */
	uint32_t n_bases;
	struct hash bases[FRAME_BASES_MAX];
	struct run *left_out; /* frames not in this bundle, ascending */
	size_t n_left_out;
	uint8_t nonce[BUNDLE_NONCE];
};

/* *ret_buf is malloc'ed. E is its SHA-256. */
int bundle_header_encode(const struct bundle_header *h, uint8_t **ret_buf, size_t *ret_len,
			 struct hash *ret_id) WARN_UNUSED;
/*
 * Decodes from the first len bytes of a bundle. 0: *ret and *ret_used; -EAGAIN: more bytes needed;
 * -EBADMSG / -EPROTONOSUPPORT with e.
 */
int bundle_header_decode(const uint8_t *buf, size_t len, struct bundle_header *ret,
			 size_t *ret_used, struct hash *ret_id, struct err *e) WARN_UNUSED;
void bundle_header_done(struct bundle_header *h);

struct frame_head {
	uint32_t index, first_node, n_nodes;
	uint32_t n_ops, ops_len, n_hashes, literals_len; /* uncompressed */
	uint32_t n_parts;				 /* of all PATCHes */
	uint32_t body_len;				 /* as sent */
	bool compressed;
	/* Of the prefix: its runs, their blocks, their bytes; and the body's first part, as sent.
	 */
	uint32_t n_prefix, prefix_blocks, prefix_len, first_len;
	struct hash body_hash; /* of the body as sent */
};

/* Checks every length against the limits and against the file's size. */
int frame_head_decode(const uint8_t buf[FRAME_HEAD_SIZE], uint64_t file_size,
		      struct frame_head *ret, struct err *e) WARN_UNUSED;
void frame_head_encode(const struct frame_head *h, uint8_t buf[FRAME_HEAD_SIZE]);

/* A decoded frame; buffers are reused from frame to frame by the same decoder. */
struct frame {
	struct frame_head head;
	const struct op *ops;
	const struct part *parts;
	const struct hash *hashes;
	const uint8_t *literals;
	const struct prefix_run *prefix;
};

struct frame_decoder;
struct frame_decoder *frame_decoder_new(void) WARN_UNUSED;
struct frame_decoder *frame_decoder_free(struct frame_decoder *d);
/*
 * Where the blocks of a prefix come from: fills run->n whole blocks (within FILE_SIZE_MAX; whether
 * the base is so long, it must see itself). 0, or -errno, which frame_decode() returns then. NULL:
 * frames with a prefix are refused.
 */
typedef int frame_prefix_fn(void *arg, const struct prefix_run *run, uint8_t *to);
void frame_decoder_on_prefix(struct frame_decoder *d, frame_prefix_fn *fn, void *arg);
/*
 * body: head.body_len bytes. Checks the body's hash, lengths, ops (cover the nodes exactly, SAME
 * whole nodes, bases < n_bases, parts as long as their blocks, literals used up exactly, prefix
 * runs). *ret points into d.
 */
int frame_decode(struct frame_decoder *d, const struct frame_head *head, const uint8_t *body,
		 uint64_t file_size, uint32_t n_bases, struct frame *ret,
		 struct err *e) WARN_UNUSED;

/*
 * Encodes one frame: ops, hashes, literals and the blocks of the prefix given whole. level: zstd's.
 * *ret_buf is the encoder's, until its next frame: mapping 16 MiB anew for each was a tenth of what
 * a frame costs. A prefix that does not help in the end is left out.
 */
/* Levels from here on take seconds for a frame; from there on, and so much memory that one at a
 * time is enough. */
#define LEVEL_SLOW  7
#define LEVEL_LARGE 18
struct frame_encoder;
struct frame_encoder *frame_encoder_new(void) WARN_UNUSED;
struct frame_encoder *frame_encoder_free(struct frame_encoder *x);
/* Looked at while it encodes: -ECANCELED. NULL: never. */
/* Of its context, in bytes: at most 36 MiB below LEVEL_LARGE, and 60 MiB from there on. */
size_t frame_encoder_size(const struct frame_encoder *x);
void frame_encoder_on_cancel(struct frame_encoder *x, const atomic_bool *cancel);
/* The encoder's buffer, for so many bytes at least, whose content is lost. NULL: no memory. */
uint8_t *frame_encoder_room(struct frame_encoder *x, size_t size) WARN_UNUSED;
/* Of f's head: index, nodes, and the numbers of ops, parts, hashes, literals and prefix runs. */
int frame_encode(struct frame_encoder *x, const struct frame *f, const uint8_t *prefix, int level,
		 uint8_t **ret_buf, size_t *ret_len) WARN_UNUSED;
/*
 * How many bytes the literals would take with this prefix and without, from a fast look at a part
 * of them. -EINVAL: there are none, or no prefix; -errno.
 */
int frame_estimate(struct frame_encoder *x, const struct frame *f, const uint8_t *prefix,
		   uint64_t *ret_with, uint64_t *ret_without) WARN_UNUSED;

#endif
