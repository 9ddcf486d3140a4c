/* frame_private.h: what frame.c, frame_encode.c and frame_decode.c share. */
#ifndef SPOKESYNC_TRANSFER_FRAME_PRIVATE_H
#define SPOKESYNC_TRANSFER_FRAME_PRIVATE_H

#include "transfer/frame.h"

#define FRAME_OP_LEN_MAX   24u /* of one op: code, count, base, source */
#define FRAME_PART_LEN_MAX 16u /* of one part: length, base, source */

/* Bytes of the body before compression. */
uint64_t frame_raw_len(const struct frame_head *h);
/* The block after the frame's last. */
uint64_t frame_end_block(const struct frame_head *h, uint64_t file_size);

/* The bytes of blocks [block, block + n) that are inside the file. */
uint64_t frame_block_bytes(uint64_t block, uint64_t n, uint64_t file_size);

#endif
