/*
 * digest_private.h: for digest.c and digest_many.c.
 */
#ifndef SPOKESYNC_TRANSFER_DIGEST_PRIVATE_H
#define SPOKESYNC_TRANSFER_DIGEST_PRIVATE_H

#include "transfer/digest.h"

#define DIGEST_LANES 16u /* blocks that are hashed side by side */

/* n up to DIGEST_LANES whole blocks -> their hashes. Any thread. */
void digest_many(const uint8_t *const blocks[], struct hash *const to[], unsigned n);

#endif
