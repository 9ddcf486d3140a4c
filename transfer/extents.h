/*
 * extents.h: what two files have in common on disk, from their extents (FIEMAP) and without reading
 * them. Equal bytes are claimed only for blocks that both files have in the very same place on the
 * same disk; for the rest nothing is claimed, and holes are not looked at (SEEK_DATA finds those).
 *
 * The rules, each checked on XFS and btrfs; without any one of them the answer may be wrong:
 *   - XFS or btrfs, both files on one of them, and not on an XFS realtime device (its addresses
 *     are another disk's)
 *   - both files are still: clones of our own, which nobody writes to. What is dirty is written
 *     first (FIEMAP_FLAG_SYNC): before that a map tells of the bytes before last
 *   - an extent counts only if it has no flag but LAST and SHARED. That leaves out what has no
 * place yet (DELALLOC, UNKNOWN), what is not stored as it is read (ENCODED: compressed or
 * encrypted), what lies inside metadata (DATA_INLINE, DATA_TAIL, NOT_ALIGNED), what reads as zeros
 *     (UNWRITTEN), and every flag that is yet to be invented
 *   - a place can be given to others as soon as the last file leaves it. While the base is there
 * and does not move, its places are its own: so its map is read again at the end
 *   - the block in which either file ends counts only where both end in the same byte
 */
#ifndef SPOKESYNC_TRANSFER_EXTENTS_H
#define SPOKESYNC_TRANSFER_EXTENTS_H

#include "transfer/digest.h"

/* Blocks, a bit each: bit b % 8 of byte b / 8. */
struct extents_common {
	uint8_t *same;	  /* malloc'ed, extents_done(): the block is in both in the same place */
	uint64_t n_same;  /* how many */
	uint64_t n_other; /* blocks of the new file's data that are not */
};

/* Can files of this filesystem be compared? */
bool extents_usable(int fd);
/*
 * Worker thread. size, base_size: of the files. -EOPNOTSUPP where these files cannot be compared,
 * -EAGAIN: the base moved meanwhile; -ECANCELED; -errno. cancel may be NULL.
 */
int extents_compare(int fd, uint64_t size, int base_fd, uint64_t base_size,
		    const atomic_bool *cancel, struct extents_common *ret) WARN_UNUSED;
void extents_done(struct extents_common *c);
/* Worker thread. Bytes on disk that no other file shares. -EOPNOTSUPP, -errno. */
int extents_own(int fd, uint64_t *ret) WARN_UNUSED;
static inline bool extents_same(const uint8_t *same, uint64_t block)
{
	return same[block / 8] >> (block % 8) & 1;
}

/*
 * A few places of a file, spread over it: enough to tell from which of many files it was cloned, by
 * a few microseconds for each.
 */
#define EXTENTS_PROBES 16u
struct extents_probe {
	unsigned n;
	struct {
		uint64_t at, place;
	} probes[EXTENTS_PROBES];
};
int extents_probe(int fd, uint64_t size, struct extents_probe *ret) WARN_UNUSED;
/* How many of them this file has in the same place. */
unsigned extents_alike(const struct extents_probe *p, int fd);

#endif
