/*
 * wire.h: the words of the protocol: names, versions, limits, and the JSON bodies, encoded and
 * decoded for both ends. Decoders check types, ranges and lengths of everything and refuse unknown
 * versions; unknown members are ignored (a peer of version N speaks with N-1: what a version adds
 * is not asked of a peer that does not speak it).
 */
#ifndef SPOKESYNC_TRANSFER_WIRE_H
#define SPOKESYNC_TRANSFER_WIRE_H

#include "transfer/digest.h"
#include "transfer/frame.h"

#ifndef WIRE_VERSION /* tests/sys/spokesyncd_before is of the version before */
#define WIRE_VERSION 2
#endif
#define WIRE_PATH_MAX	   1024	      /* bytes of a path below the group */
#define WIRE_NAME_MAX	   64	      /* group */
#define WIRE_BODY_MAX	   (4u << 20) /* JSON body, either way */
#define WIRE_ENTRIES_MAX   10000      /* of one inventory answer; more come by since */
#define WIRE_BASES_MAX	   FRAME_BASES_MAX
#define WIRE_OPS_MAX	   4096 /* of one publish */
#define WIRE_IDLE_MAX	   16
#define WIRE_PRESERVED_MAX 512u /* contents of preserved/ that are told, the newest */
#define WIRE_GROUPS_MAX	   1024u
#define WIRE_RUNS_MAX	   80000u	       /* of one list: two full lists still fit in a body */
#define WIRE_PUT_MAX	   ((uint64_t)4 << 30) /* bytes of one PUT */

/* Paths (printf with the group's name, and the root in hex):
 *   GET    /v1/hello?version=VERSION                  of the hub; version 1: none
 *   GET    /v1/groups/%s/inventory?since=SEQ
 *   POST   /v1/groups/%s/offers
 *   GET    /v1/transfers/%s/%s[?map=1]
 *   PUT    /v1/transfers/%s/%s?bundle=E&offset=O      application/octet-stream
 *   DELETE /v1/transfers/%s/%s
 *   GET    /v1/changes?since=SEQ&wait=SECONDS        since: absent at first
 *   POST   /v1/groups/%s/publish
 *   POST   /v1/groups/%s/verify
 *   GET    /v1/groups/%s/verify
 *   POST   /v1/groups/%s/tree                         application/octet-stream (tree.h)
 */

struct wire_time {
	int64_t sec;
	uint32_t nsec;
};

struct wire_group {
	char name[WIRE_NAME_MAX + 1];
	char epoch[33]; /* random hex; a new one says that `since` no longer counts */
	uint64_t seq;
	uint64_t free_bytes;
	bool reflink;
	bool hashing;			 /* files lie there that the inventory does not have yet */
	struct hash idle[WIRE_IDLE_MAX]; /* transfers that nobody went on with for a day: some */
	unsigned n_idle;
	bool has_preserved; /* and it is another list than the one with another tag */
	struct hash preserved_tag;
};

struct wire_hello {
	uint32_t version;
	char software[64];
	char zone[64]; /* IANA name */
	struct wire_group *groups;
	size_t n_groups;
};

/*
 * What happened to a file on the spoke without the hub: another content than the one published is
 * there, put there by somebody (its times show it) or not (they do not: damage); it was brought
 * back from preserved/, to stay until a newer version comes; it was removed, or cannot be read.
 * The last two with an entry that is gone.
 */
enum wire_local {
	LOCAL_NOT,
	LOCAL_CHANGED,
	LOCAL_DAMAGED,
	LOCAL_RESTORED,
	LOCAL_REMOVED,
	LOCAL_UNREADABLE,
	LOCALS_N
};
enum wire_local wire_local_stored(int64_t stored); /* of a database, that may hold anything */
const char *wire_local_word(enum wire_local l);	   /* "changed", ...; "" for LOCAL_NOT */
enum wire_local wire_local_of(const char *word);   /* LOCALS_N: no such word */

/* One content that the spoke holds, or that is gone since. */
struct wire_entry {
	char path[WIRE_PATH_MAX + 1];
	bool gone;
	struct hash root;
	uint64_t size;
	struct wire_time mtime;
	uint32_t mode;
	uint64_t seq;
	enum wire_local local;
};

struct wire_inventory {
	char epoch[33];
	uint64_t seq; /* of the last entry; ask again with since=seq while more */
	bool more;
	struct wire_entry *entries;
	size_t n_entries;
	struct hash *preserved; /* sorted; with the last page */
	unsigned n_preserved;
};
/* Of a list that is sorted and has none twice. */
void wire_preserved_tag(const struct hash *roots, size_t n, struct hash *ret);

/*
 * What jobs wait for at a spoke, room and files in use, is counted there each time that some of it
 * is free again. The answer comes when the count is another than `since`, or after `wait`.
 */
#define WIRE_CHANGES_WAIT 600u					      /* seconds, at most */
char *wire_changes_path(uint64_t since, unsigned wait_s) WARN_UNUSED; /* since 0: not known */
char *wire_changes_encode(uint64_t seq) WARN_UNUSED;
int wire_changes_decode(const char *json, size_t len, uint64_t *ret_seq, struct err *e) WARN_UNUSED;

struct wire_offer {
	char path[WIRE_PATH_MAX + 1];
	struct hash root;
	uint64_t size, nonzero_bytes;
	struct wire_time mtime;
	uint32_t mode;
	struct hash bases[WIRE_BASES_MAX]; /* in the plan's order */
	unsigned n_bases;
	uint64_t literal_bytes; /* what the plan will bring, uncompressed */
	uint64_t moved_bytes;	/* what it copies and cannot share */
	bool has_partial;
	struct hash partial;	  /* root of the transfer that this one supersedes */
	struct run *partial_same; /* nodes that are equal in both, at the same place */
	size_t n_partial_same;
};

enum wire_refusal {
	REFUSED_NOT,
	REFUSED_NO_BASE,    /* have[]: the bases of the offer that it does hold */
	REFUSED_NO_SPACE,   /* need, available */
	REFUSED_OVER_QUOTA, /* need, available */
	REFUSED_IN_USE,
	REFUSED_BAD_PATH,
	REFUSED_BAD_GROUP,
	REFUSED_BUSY,  /* too many transfers, or what lies there is being read: come back */
	REFUSED_ERROR, /* text */
};
const char *wire_refusal_word(enum wire_refusal r); /* "no_base", ... */

/* The durable position of a transfer; the answer to an offer, to GET, to PUT and to 409. */
struct wire_position {
	enum wire_refusal refused;
	char text[256];
	uint64_t need, available;
	bool never; /* it is more than the quota, whatever else goes */
	struct hash have[WIRE_BASES_MAX];
	unsigned n_have;
	bool have_it; /* the spoke already holds this content (somewhere): publish copies it */
	bool has_bundle;
	struct hash bundle; /* E */
	uint64_t offset;    /* O */
	uint64_t received;  /* bytes of E that came so far, at least O: may be lost yet */
	bool complete;	    /* every frame of E was consumed */
	bool staged;	    /* every node proven and the root equals */
	bool read_again;    /* staged, and all of it was read once more (verify = full) */
	bool filling;	    /* SAME ranges are being copied in the background */
	uint64_t proven_bytes;
	struct run *proven; /* nodes, those being copied too; only with map=1 and for offers */
	size_t n_proven;
	struct run *failed; /* nodes that did not prove */
	size_t n_failed;
};

/* keep: nothing is done, but this content has to be there, or nothing of the set is. */
enum wire_op_kind { WIRE_PUT, WIRE_RENAME, WIRE_COPY_OF, WIRE_META, WIRE_DELETE, WIRE_KEEP };

struct wire_op {
	enum wire_op_kind kind;
	char path[WIRE_PATH_MAX + 1];
	char from[WIRE_PATH_MAX + 1]; /* rename, copy-of */
	struct hash root;	      /* put, copy-of, keep */
	bool was_absent, was_known;
	struct hash was; /* the root expected there now */
	uint64_t size;
	struct wire_time mtime;
	uint32_t mode;
};

/*
 * set "": each operation by itself. Else all of them or none: each is made ready before the first
 * changes anything, and they are done in their order. A path that was deleted in it may be put
 * after that, also out of what lay there.
 */
struct wire_publish {
	char set[WIRE_PATH_MAX + 1];
	struct wire_op *ops;
	size_t n_ops;
};

/* Per op, in order. */
struct wire_op_result {
	bool done;
	bool drift;	/* what was there was not `was`: it went to preserved/ */
	bool preserved; /* what was there went to preserved/, and its content is known */
	enum wire_refusal refused;
	bool never; /* with REFUSED_OVER_QUOTA: it is more than the quota, whatever else goes */
	char text[256];
};

struct wire_published {
	struct wire_op_result *results;
	size_t n_results;
	uint64_t seq; /* the inventory's after it */
};

/* Contents that the spoke shall read again; "": all of the group. */
struct wire_verify {
	char path[WIRE_PATH_MAX + 1];
};

/* What was found at a path. */
struct wire_verify_found {
	char path[WIRE_PATH_MAX + 1];
	enum wire_local what;
	uint64_t bad; /* blocks that differ from what was recorded */
};

/* How far that is, and what was found so far; once it is done, all of it. */
struct wire_verified {
	uint64_t id; /* of this reading; random */
	bool done;
	bool failed; /* it ended before its end: the spoke stopped, or its database failed */
	uint64_t files, bytes, bytes_total, read;
	struct wire_verify_found *found; /* at most WIRE_FOUND_MAX of them */
	size_t n_found;
	uint64_t found_total;
};
#define WIRE_FOUND_MAX 1000u

/* A hub that is not known yet shows the secret of a join code. */
#define WIRE_SECRET   16
#define WIRE_PAIR_MAX 1024u /* bytes of that body */
struct wire_pair {
	uint8_t secret[WIRE_SECRET];
};

unsigned wire_version(void);		 /* that is spoken here */
char *wire_hello_path(void) WARN_UNUSED; /* malloc'ed */
bool wire_version_ok(uint64_t peer, struct err *e) WARN_UNUSED;

/* Encoders return a malloc'ed NUL-terminated JSON text. Decoders: 0 or -EBADMSG / -E2BIG with e. */
char *wire_hello_encode(const struct wire_hello *h) WARN_UNUSED;
int wire_hello_decode(const char *json, size_t len, struct wire_hello *ret,
		      struct err *e) WARN_UNUSED;
void wire_hello_done(struct wire_hello *h);
char *wire_inventory_encode(const struct wire_inventory *i) WARN_UNUSED;
int wire_inventory_decode(const char *json, size_t len, struct wire_inventory *ret,
			  struct err *e) WARN_UNUSED;
void wire_inventory_done(struct wire_inventory *i);
char *wire_offer_encode(const struct wire_offer *o) WARN_UNUSED;
int wire_offer_decode(const char *json, size_t len, struct wire_offer *ret,
		      struct err *e) WARN_UNUSED;
void wire_offer_done(struct wire_offer *o);
char *wire_position_encode(const struct wire_position *p) WARN_UNUSED;
int wire_position_decode(const char *json, size_t len, struct wire_position *ret,
			 struct err *e) WARN_UNUSED;
void wire_position_done(struct wire_position *p);
char *wire_publish_encode(const struct wire_publish *p) WARN_UNUSED;
int wire_publish_decode(const char *json, size_t len, struct wire_publish *ret,
			struct err *e) WARN_UNUSED;
/* Has a later operation the path of this one? */
bool wire_publish_again(const struct wire_publish *p, size_t op);
void wire_publish_done(struct wire_publish *p);
char *wire_published_encode(const struct wire_published *p) WARN_UNUSED;
int wire_published_decode(const char *json, size_t len, struct wire_published *ret,
			  struct err *e) WARN_UNUSED;
void wire_published_done(struct wire_published *p);
char *wire_verify_encode(const struct wire_verify *v) WARN_UNUSED;
int wire_verify_decode(const char *json, size_t len, struct wire_verify *ret,
		       struct err *e) WARN_UNUSED;
char *wire_verified_encode(const struct wire_verified *v) WARN_UNUSED;
int wire_verified_decode(const char *json, size_t len, struct wire_verified *ret,
			 struct err *e) WARN_UNUSED;
void wire_verified_done(struct wire_verified *v);
char *wire_pair_encode(const struct wire_pair *p) WARN_UNUSED;
int wire_pair_decode(const char *json, size_t len, struct wire_pair *ret,
		     struct err *e) WARN_UNUSED;
void wire_pair_done(struct wire_pair *p);

/*
 * Is this a name that may come from the wire: relative, 1..WIRE_PATH_MAX bytes, parts of at most
 * 255 bytes, UTF-8, no control characters, no empty, "." or ".." part, no ".spokesync" part.
 */
bool wire_path_ok(const char *path, struct err *e) WARN_UNUSED;
bool wire_name_ok(const char *group);

#endif
