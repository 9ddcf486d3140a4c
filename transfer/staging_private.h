/*
 * staging_private.h: a transfer's object, shared by staging*.c. See staging.h for the model.
 */
#ifndef SPOKESYNC_TRANSFER_STAGING_PRIVATE_H
#define SPOKESYNC_TRANSFER_STAGING_PRIVATE_H

#include <pthread.h>

#include "transfer/bulkio.h"
#include "transfer/index.h"
#include "transfer/journal.h"
#include "transfer/leaves.h"
#include "transfer/nodes.h"
#include "transfer/old.h"
#include "transfer/spool.h"
#include "transfer/staging.h"

#define STAGING_FORMAT 3 /* of the journal and what it speaks of */

/* Types of journal records, in the order in which a transfer writes them first. */
enum {
	J_HEAD = 1,   /* format, root, size */
	J_PIN = 2,    /* link?, root, identity of the pin */
	J_BASIS = 3,  /* the image began as a clone of this pin */
	J_BUNDLE = 4, /* E */
	J_HEADER = 5, /* the bundle's header */
	J_COMMIT = 6, /* struct spool_pos, end of the leaves, node changes */
	J_STAGED = 7,
	J_BAD_PIN = 8,
	J_GIVEN_UP = 9, /* the bundle */
};

struct pin {
	struct hash root;
	bool link, bad;
	bool lost; /* bad, but nothing is known against the base: it may be pinned again */
	struct identity identity;
	int fd;
	struct bulk *bulk;
	struct index *index;
	struct old *old;
};

struct spool_pos {
	uint64_t consumed; /* bundle bytes of the header and of whole frames */
	uint64_t len;	   /* bytes after them that lie in the spool */
	uint64_t frames;   /* consumed */
};

struct staging {
	struct store *store;
	struct assembler *as;
	struct hash root;
	uint64_t size;
	int dir_fd, image_fd;
	struct leaf_log leaves;
	struct spool *spool;
	struct journal *journal;
	struct pin pins[STAGING_PINS_MAX];
	unsigned n_pins;
	int basis; /* pin, or -1 */
	struct nodes nodes;
	bool has_bundle, has_header, staged, read_again, base_bad;
	bool receiving; /* a bundle was begun, and the spool is in memory */
	struct hash bundle;
	struct bundle_header header;
	uint8_t base_pin[FRAME_BASES_MAX];
	struct spool_pos pos, kept; /* now; as of the last commit */
	unsigned indexed_again;	    /* bases, since staging_indexed_again() */
	uint64_t since_commit;
	bool image_dirty, journal_dirty;
	uint64_t fill_next;
	struct hash *own;    /* see staging_own_hashes(); NULL: not made yet */
	uint64_t punch_from; /* nothing was ever written at or after it but by touching nodes */
	pthread_mutex_t lock;
	struct wire_position shot; /* as of the last commit */
};

struct assembler {
	pthread_mutex_t lock;
	const atomic_bool *cancel; /* long reads end early */
	struct frame_decoder *decoder;
	uint8_t *node; /* NODE_SIZE bytes, aligned */
};

/* A node being built in memory. */
enum { BUILD_KEEP, BUILD_HOLE, BUILD_DATA };
struct build {
	uint64_t node;
	unsigned n; /* blocks */
	struct hash leaves[NODE_BLOCKS];
	uint8_t how[NODE_BLOCKS];
	const uint8_t *data[NODE_BLOCKS];
};

/* staging.c */
int staging_begin_files(struct staging *st, bool create) WARN_UNUSED;
int staging_load_header(struct staging *st, const uint8_t *buf, size_t len, size_t *ret_used,
			struct err *e) WARN_UNUSED;
/* staging_replay.c */
int staging_replay(void *arg, uint32_t type, const uint8_t *data, size_t len);
/* staging_commit.c */
int staging_note(struct staging *st, uint32_t type, const void *data, size_t len) WARN_UNUSED;
void staging_take_shot(struct staging *st);
int staging_give_up(struct staging *st, int error) WARN_UNUSED;
/* staging_pin.c */
int pin_ready(struct staging *st, unsigned k, struct pin **ret) WARN_UNUSED;
int pin_find(const struct staging *st, const struct hash *root);
int pin_is_bad(struct staging *st, unsigned k) WARN_UNUSED; /* returns -ESTALE */
/* What a read of a base came to: where its bytes are not those recorded (-EBADE), or the disk does
 * not give them (-EIO), it is bad, and the hub plans with what is left; else r. */
int pin_read(struct staging *st, unsigned k, int r) WARN_UNUSED;
void pin_close(struct pin *p);
/* staging_build.c */
void build_begin(struct build *b, const struct staging *st, uint64_t node);
/* Blocks i .. i + n of the node are blocks src .. of the pin; read into the assembler's buffer. */
int build_copy(struct staging *st, struct build *b, unsigned i, unsigned n, unsigned pin,
	       uint64_t src) WARN_UNUSED;
/* len bytes of the pin, from byte src on, into the assembler's buffer at byte `at` of the node. */
int build_bytes(struct staging *st, unsigned pin, uint64_t src, size_t len, size_t at) WARN_UNUSED;
/* n whole blocks of the pin from block src on, each compared with the pin's record, to `to`. */
int build_blocks(struct staging *st, unsigned pin, uint64_t src, uint64_t n,
		 uint8_t *to) WARN_UNUSED;
void build_data(struct staging *st, struct build *b, unsigned i, unsigned n, const uint8_t *data);
void build_zero(struct build *b, unsigned i, unsigned n);
/* Blocks of a whole node, got elsewhere, that the image has by its basis as well: left shared,
 * where that can be done. */
void build_keep(struct staging *st, struct build *b);
int build_write(struct staging *st, const struct build *b) WARN_UNUSED;
/* The leaves that the image does not have by its basis, and the node's hash. */
int build_leaves(struct staging *st, const struct build *b, const struct hash *node) WARN_UNUSED;
/* Makes a node of the image share the blocks of a file. */
int build_clone(struct staging *st, uint64_t node, int fd) WARN_UNUSED;
/* The same of a pin that is ready; nothing to do where the node is as in the basis. */
int build_share(struct staging *st, uint64_t node, unsigned pin) WARN_UNUSED;
/* prove.c: the hashes of the nodes that have leaves of their own; free() it. */
int staging_own_hashes(struct staging *st, struct hash **ret) WARN_UNUSED;
/* assemble.c */
int assemble_frame(struct staging *st, const struct frame *f) WARN_UNUSED;

#endif
