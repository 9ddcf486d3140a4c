/*
 * staging.h: one content on its way into a spoke's store: a directory staging/ROOT with the image
 * under construction, the leaves of proven nodes, the spooled bytes of the frame that is not yet
 * whole, pins of the bases, and a journal. All of it survives a crash: staging_open() finds what
 * was committed.
 *
 * Model. Bundle bytes go to the spool, in memory; a frame that is whole is decoded, its nodes are
 * built in memory from literals and pins, their hashes compared with the frame's, and only then
 * written. A part of a frame is written only where staging_commit() finds it. So the image holds
 * proven nodes, nodes as in the basis (reflink), and holes. SAME nodes are proven at once where
 * they are shared blocks, else filled in the background from the pin. staging_commit() makes it
 * durable in this order: image, leaves, spool, journal. Staged = all nodes proven and the root,
 * computed from all of them, equals.
 *
 * Every call but staging_position() and staging_spool() belongs to one thread at a time (the
 * transfer's lane). After an error other than -EBADMSG and -ESTALE the object must be closed and
 * opened again: what was not committed is not to be trusted.
 */
#ifndef SPOKESYNC_TRANSFER_STAGING_H
#define SPOKESYNC_TRANSFER_STAGING_H

#include "transfer/store.h"
#include "transfer/wire.h"

struct assembler;
struct staging;

/* Decoder and buffers, shared by all transfers of a daemon: one frame is decoded at a time. */
/* cancel (or NULL): what ends long reads early; it outlives the assembler. */
struct assembler *assembler_new(const atomic_bool *cancel) WARN_UNUSED;
struct assembler *assembler_free(struct assembler *a);

/* -ENOENT: there is no such transfer. -EBADMSG: what is there makes no sense (discard it). */
int staging_open(struct store *s, struct assembler *a, const struct hash *root,
		 struct staging **ret, struct err *e) WARN_UNUSED;
int staging_create(struct store *s, struct assembler *a, const struct hash *root, uint64_t size,
		   struct staging **ret, struct err *e) WARN_UNUSED;
struct staging *staging_close(struct staging *st);
/* Removes a transfer that is not open. Unpin first. */
int staging_discard(struct store *s, const struct hash *root) WARN_UNUSED;

/* A file whose stat our own linking changed: whoever keeps its identity must take the new one. */
struct identity_change {
	struct identity was, now;
};
/*
 * Pins a base (open for reading, identity as recorded): reflink, else hard link. -ESTALE: it is not
 * what was recorded. Nothing happens where a good pin of this root exists.
 */
int staging_pin(struct staging *st, const struct hash *root, int fd,
		const struct identity *recorded, struct identity_change *ret,
		struct err *e) WARN_UNUSED;
/* An offer was accepted: bad bases that it does not name are no longer told in positions. */
void staging_accept(struct staging *st);
bool staging_has_pin(const struct staging *st, const struct hash *root);
/* Lets go of all pins. ret: room for STAGING_PINS_MAX. */
#define STAGING_PINS_MAX 64u
/* In a transfer's directory; the journal's time is the last commit's. */
#define STAGING_JOURNAL "journal"
#define STAGING_IMAGE	"image"
#define STAGING_LEAVES	"leaves"
#define STAGING_SPOOL	"spool"
unsigned staging_unpin(struct staging *st, struct identity_change *ret);
/* Any thread: the roots that a transfer on disk, open or not, has pinned. -ENOENT: it has none. */
int staging_each_pin(const struct store *s, const struct hash *root,
		     int (*fn)(void *arg, const struct hash *base), void *arg) WARN_UNUSED;
/* Roots of bases that turned out not to hold what they were recorded to hold. Returns the count. */
unsigned staging_bad_bases(const struct staging *st, struct hash *ret, unsigned max);
/*
 * Nodes that another transfer (open, of the same store) has proven and that the hub says are equal
 * here: taken over. Up to max_bytes a call; *next (0 at first) goes on; 1: there is more.
 */
int staging_adopt(struct staging *st, struct staging *old, const struct run *same, size_t n,
		  uint64_t max_bytes, uint64_t *next) WARN_UNUSED;

/* Any thread. map: with the runs of nodes that need no frame any more (lane only). */
void staging_position(struct staging *st, bool map, struct wire_position *ret);
/*
 * Bytes of bundle E from this offset are to come. -ERANGE: they do not fit the position, ask for
 * it. Another E starts at 0 and drops what was spooled of the former. *ret_spool: for
 * staging_spool(); the caller closes it.
 */
int staging_begin(struct staging *st, const struct hash *bundle, uint64_t offset,
		  int *ret_spool) WARN_UNUSED;
/*
 * Any thread, also while the lane works: puts bundle bytes, of this offset, where they wait. Not
 * beyond staging_room() (lane), which grows as frames are applied and always has room for one more.
 */
int staging_spool(int spool, uint64_t offset, const void *buf, size_t len) WARN_UNUSED;
uint64_t staging_room(const struct staging *st);
/*
 * len more bytes were spooled. Applies one frame; 1: call again (with 0), there may be another, 0:
 * more bytes are needed. -EBADMSG: nonsense; the bundle is given up. -ESTALE: a base is missing or
 * bad; see the position.
 */
int staging_apply(struct staging *st, uint64_t len, struct err *e) WARN_UNUSED;
int staging_commit(struct staging *st) WARN_UNUSED;
/* The same, but for what was spooled of a frame since the last time. */
int staging_commit_group(struct staging *st) WARN_UNUSED;
/* No more bytes come for now: commits, and gives the memory back in which they wait. */
int staging_rest(struct staging *st) WARN_UNUSED;
/* Bytes of the bundle that came so far: applied, spooled, durable or not. */
uint64_t staging_received(const struct staging *st);
bool staging_uncommitted(const struct staging *st);
/* Nodes wait to be copied from pins. */
bool staging_filling(const struct staging *st);
/* Copies up to max bytes of them; 1: there is more, 0: no more, -ESTALE, -errno. */
int staging_fill(struct staging *st, uint64_t max) WARN_UNUSED;
/* All nodes are proven, but the root was not yet computed: staging_finish() has work. */
bool staging_complete(const struct staging *st);
bool staging_is_staged(const struct staging *st);
/* full: reads all of the image once more. -EBADMSG: the root is another; the transfer is void. */
int staging_finish(struct staging *st, bool full, const atomic_bool *cancel,
		   struct err *e) WARN_UNUSED;

/* Staged: puts its leaves beside the index of the store, to be merged (leaves.h). Repeatable. */
int staging_keep_leaves(struct staging *st) WARN_UNUSED;

/* Somebody deleted it under us: what is written to it is lost, and it must be closed. */
bool staging_deleted(const struct staging *st);
/* Bases whose record could not be used and that were read once more; since the last call. */
unsigned staging_indexed_again(struct staging *st);

uint64_t staging_size(const struct staging *st);
uint64_t staging_disk_bytes(const struct staging *st); /* allocated by the image now */

#endif
