/*
 * index_build.h: the index of a file, made in pieces that any number of threads take side by side.
 * The result does not depend on who took what. With trust, blocks that are known to be those of
 * another content (extents.h) are taken from that one's index and not read.
 *
 * index_build() of index.h does so with a thread for each core where the file is large.
 */
#ifndef SPOKESYNC_TRANSFER_INDEX_BUILD_H
#define SPOKESYNC_TRANSFER_INDEX_BUILD_H

#include "transfer/index.h"

struct index_trust {
	struct index *base;
	const uint8_t *same; /* a bit a block of the new file: as in the base at the same place */
	/* What is read stays in the page cache for whoever sends it: bulk_take(). Of files that are
	 * ours alone. */
	bool leave;
};

struct index_facts {
	uint64_t read;	  /* bytes read from the file */
	uint64_t trusted; /* bytes taken from the base's index */
};

struct index_builder;

/* trust: NULL, or its parts must outlive the builder. fd as well. */
int index_builder_new(int fd, int dirfd, const struct index_trust *trust,
		      struct index_builder **ret, struct err *e) WARN_UNUSED;
/* Before any work: sector sums are kept as well (index_sectors.h). Without trust only. */
int index_builder_sectors(struct index_builder *b, int dirfd) WARN_UNUSED;
/*
 * Before any work and after that: anchors are collected as well (anchors.h), so that a content that
 * becomes a base need not be read once more for them, at the cost of half its hash. Not of files
 * below ANCHORS_LEAST, which are read again in milliseconds should that ever be asked for; and with
 * trust only where the base has its own.
 */
#define ANCHORS_LEAST (4u << 20)
int index_builder_anchors(struct index_builder *b, int dirfd) WARN_UNUSED;
/*
 * Takes pieces until about 32 MiB were read. Any number of threads at a time. 1: there is more to
 * be taken; 0: all is taken (others may still be at work); -errno: it failed, now or before.
 * *cancel is looked at between pieces.
 */
int index_builder_work(struct index_builder *b, const atomic_bool *cancel) WARN_UNUSED;
uint64_t index_builder_progress(const struct index_builder *b); /* bytes done, of the size */
/* After all threads have left it. -ESTALE: the file's identity changed since index_builder_new().
 */
int index_builder_finish(struct index_builder *b, struct hash *ret_root,
			 struct index_facts *ret_facts, struct err *e) WARN_UNUSED;
/* After that; x: the index that was made. */
int index_builder_finish_sectors(struct index_builder *b, const struct index *x) WARN_UNUSED;
/*
 * After index_builder_finish(), by the root that it gave; once. -E2BIG: they are
 * too many to be taken from the base. They are not made then: anchors_get() does, if it is asked.
 */
int index_builder_finish_anchors(struct index_builder *b, const struct hash *root) WARN_UNUSED;
struct index_builder *index_builder_free(struct index_builder *b);

/*
 * Reads about so many bytes of what trust would take unread, at random places, and compares them
 * with the base's index. 0, or -EBADE: at *ret_block (a block) they are others; -errno. *ret_read
 * is always set.
 */
int index_audit(int fd, uint64_t size, const struct index_trust *trust, uint64_t bytes,
		const atomic_bool *cancel, uint64_t *ret_read, uint64_t *ret_block) WARN_UNUSED;

#endif
