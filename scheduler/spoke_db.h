/*
 * spoke_db.h: what a spoke remembers of a group: the contents that lie there (path, root,
 * identity), what is preserved, and intents that a crash left open. Its sequence and epoch are the
 * inventory's.
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_DB_H
#define SPOKESYNC_SCHEDULER_SPOKE_DB_H

#include "scheduler/db.h"
#include "transfer/source.h"
#include "transfer/staging.h"
#include "transfer/wire.h"

struct spoke_file {
	char path[WIRE_PATH_MAX + 1];
	struct hash root;
	struct identity identity;
	uint32_t mode;
	uint64_t seq;
	bool gone;
	bool sure;	   /* the identity was recorded by us after the bytes were known */
	bool in_preserved; /* path is a name in preserved/ */
	/* What became of it without the hub; and the content that the hub put there last. */
	enum wire_local local;
	bool was_published;
	struct hash published;
};

struct spoke_intent {
	int64_t id;
	int64_t set; /* those of a set have one in common; 0: it stands alone */
	char path[WIRE_PATH_MAX + 1];
	char source[WIRE_PATH_MAX + 1]; /* in staging; "": nothing comes from there */
	char keep[256];			/* name in preserved/ for what is replaced; "" none */
	struct hash root;
	struct identity identity; /* of the source: inode, size, mtime */
	uint32_t mode;
};

int spoke_db_open(const char *path, struct db **ret, struct err *e) WARN_UNUSED;
/* Epoch and sequence; made where the database is new. */
/* *ret_fresh: there was no epoch yet. */
int spoke_db_position(struct db *db, char epoch[33], uint64_t *ret_seq,
		      bool *ret_fresh) WARN_UNUSED;
int spoke_db_new_epoch(struct db *db) WARN_UNUSED; /* made by the next spoke_db_position() */
/* Small texts by name; "": there is none. */
int spoke_db_note(struct db *db, const char *name, char *ret, size_t size) WARN_UNUSED;
int spoke_db_set_note(struct db *db, const char *name,
		      const char *text) WARN_UNUSED; /* NULL: none */

/* -ENOENT: not known (gone entries are known). */
int spoke_db_file(struct db *db, const char *path, struct spoke_file *ret) WARN_UNUSED;
/* The first whose content is known with a path after this one; -ENOENT. */
int spoke_db_after(struct db *db, const char *path, struct spoke_file *ret) WARN_UNUSED;
/* A file or preserved file with this root whose identity is sure; -ENOENT. */
int spoke_db_holds(struct db *db, const struct hash *root, struct spoke_file *ret) WARN_UNUSED;
/* Writes the row; seq is the caller's new sequence. */
int spoke_db_put(struct db *db, const struct spoke_file *f) WARN_UNUSED;
/* The hub took it away. */
int spoke_db_gone(struct db *db, const char *path, uint64_t seq) WARN_UNUSED;
/* It went by itself, or cannot be read: why, where the hub had put something there. */
int spoke_db_lost(struct db *db, const char *path, uint64_t seq, enum wire_local why) WARN_UNUSED;
int spoke_db_unsure(struct db *db, const struct hash *root) WARN_UNUSED;
/* Our own linking changed a ctime: rows with the old identity get the new one. */
int spoke_db_identity(struct db *db, const struct identity_change *c) WARN_UNUSED;
/* Entries after since, in order, at most WIRE_ENTRIES_MAX; more is set in ret. */
int spoke_db_inventory(struct db *db, uint64_t since, struct wire_inventory *ret) WARN_UNUSED;
int spoke_db_each(struct db *db, int (*fn)(void *arg, const struct spoke_file *f),
		  void *arg) WARN_UNUSED;
/* Those with which something happened without the hub, gone ones among them. */
int spoke_db_locals(struct db *db, int (*fn)(void *arg, const struct spoke_file *f),
		    void *arg) WARN_UNUSED;
/* Every root of a file or a preserved file, sorted; free() it. */
int spoke_db_roots(struct db *db, struct hash **ret, size_t *ret_n) WARN_UNUSED;
int spoke_db_two(struct db *db, const char *sql, uint64_t *ret_n,
		 uint64_t *ret_bytes) WARN_UNUSED; /* of one row: a count and a sum */
int spoke_db_totals(struct db *db, uint64_t *ret_files, uint64_t *ret_bytes) WARN_UNUSED;

int spoke_db_intent(struct db *db, const struct spoke_intent *i, int64_t *ret_id) WARN_UNUSED;
int spoke_db_intent_done(struct db *db, int64_t id) WARN_UNUSED;
/* In the transaction in which its intents are recorded: a number for a new set. */
int spoke_db_intent_set(struct db *db, int64_t *ret) WARN_UNUSED;
/* Those of a set from this one on; db_changes() says how many there were. */
int spoke_db_intents_drop(struct db *db, int64_t set, int64_t from) WARN_UNUSED;
/* In the order in which they were recorded. */
int spoke_db_intents(struct db *db, int (*fn)(void *arg, const struct spoke_intent *i),
		     void *arg) WARN_UNUSED;

/* ---- spoke_db_preserved.c ---- */

/* A file in preserved/. */
struct spoke_preserved {
	int64_t id;
	const char *name; /* there */
	const char *path; /* what it was */
	const char *why;  /* a word: "replaced", "deleted", "drift", "found" */
	struct hash root; /* where sure */
	bool sure;	  /* the content, of this identity, is known */
	struct identity identity;
	uint64_t bytes;
	int64_t at;
};
/* p->id is given here; p->sure false: its content is not known yet. */
int spoke_db_preserve(struct db *db, const struct spoke_preserved *p) WARN_UNUSED;
int spoke_db_preserved_drop(struct db *db, int64_t id) WARN_UNUSED;
int spoke_db_preserved_known(struct db *db, int64_t id, const struct hash *root,
			     const struct identity *identity) WARN_UNUSED;
/* Contents of preserved/ that are known, sorted: the newest, at most max. free() it. */
int spoke_db_preserved_roots(struct db *db, unsigned max, struct hash **ret,
			     unsigned *ret_n) WARN_UNUSED;
/* Newest first; strings live during the call only. fn must not write. */
typedef int spoke_preserved_fn(void *arg, const struct spoke_preserved *p);
int spoke_db_preserved_each(struct db *db, spoke_preserved_fn *fn, void *arg) WARN_UNUSED;
int spoke_db_preserved_totals(struct db *db, uint64_t *ret_n, uint64_t *ret_bytes) WARN_UNUSED;

/* spoke_db.c: columns of a row. */
void spoke_row_root(const struct db_row *r, unsigned col, struct hash *ret);
void spoke_row_identity(const struct db_row *r, unsigned col, struct identity *ret);

#endif
