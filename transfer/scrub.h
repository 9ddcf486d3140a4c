/*
 * scrub.h: a published file read again, piece by piece, and compared with the record of its leaf
 * hashes: finds bytes that changed though nothing that a writer leaves shows it. Reads pass the
 * page cache, so what is found is what the disk holds. Worker threads.
 */
#ifndef SPOKESYNC_TRANSFER_SCRUB_H
#define SPOKESYNC_TRANSFER_SCRUB_H

#include "transfer/store.h"

/* How far a file was read. All zeros: not yet. */
struct scrub {
	uint64_t next;	    /* byte; whole blocks */
	uint64_t read;	    /* bytes, holes not counted */
	uint64_t bad;	    /* blocks that are not what was recorded */
	uint64_t first_bad; /* the first of them */
};

/*
 * Goes on from x->next, for about max bytes. 1: there is more; 0: that was all. -ESTALE: it is not
 * the file that was recorded (see identity); -ENODATA: there is no record to compare with; -ENOENT;
 * -EIO: it cannot be read; -ECANCELED.
 */
int scrub_part(const struct store *s, const char *path, const struct identity *recorded,
	       const struct hash *root, struct scrub *x, uint64_t max,
	       const atomic_bool *cancel) WARN_UNUSED;

#endif
