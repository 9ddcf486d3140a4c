/* frame_private.h: what frame.c, frame_encode.c and frame_decode.c share. */
#ifndef SPOKESYNC_TRANSFER_FRAME_PRIVATE_H
#define SPOKESYNC_TRANSFER_FRAME_PRIVATE_H

#include "transfer/frame.h"

#define FRAME_OP_LEN_MAX   24u /* of one op: code, count, base, source */
#define FRAME_PART_LEN_MAX 16u /* of one part: length, base, source */
#define FRAME_RUN_LEN_MAX  16u /* of one prefix run: base, blocks, first */

#define SAVES_LEAST 3 /* per cent; less is not worth the spoke's time */

/* Bytes of the body before compression. */
uint64_t frame_raw_len(const struct frame_head *h);
/* Those before the literals. */
uint64_t frame_first_len(const struct frame_head *h);
/* The block after the frame's last. */
uint64_t frame_end_block(const struct frame_head *h, uint64_t file_size);

/* The bytes of blocks [block, block + n) that are inside the file. */
uint64_t frame_block_bytes(uint64_t block, uint64_t n, uint64_t file_size);

/* frame_pack.c */
struct bytes {
	const uint8_t *p;
	size_t len;
};
struct room {
	uint8_t *p;
	size_t size, len; /* len of it are used */
};
uint64_t bytes_sum(const struct bytes *parts, unsigned n);
/*
 * Whether it is worth a try: false where a fast look at pieces of it, at a high level at all of it,
 * saves nothing. scratch has room for the last part, which are the literals.
 */
bool frame_may_pack(struct frame_encoder *x, int level, const struct bytes *parts, unsigned n,
		    uint8_t *scratch);
/* One zstd frame out of the parts, appended. prefix may be NULL. -ENOSPC: it does not fit. */
int frame_pack(struct frame_encoder *x, int level, const struct bytes *parts, unsigned n,
	       const struct bytes *prefix, struct room *out) WARN_UNUSED;

#endif
