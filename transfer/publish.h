/*
 * publish.h: the steps by which a proven file takes its place in a group's directory, each of them
 * repeatable. Between prepare and commit the caller records its intent; after it, that it is done.
 * At any instant a reader sees the whole old file or the whole new one. Worker threads; nothing of
 * this knows the database. Paths are resolved beneath the group's directory, never through a link.
 */
#ifndef SPOKESYNC_TRANSFER_PUBLISH_H
#define SPOKESYNC_TRANSFER_PUBLISH_H

#include "transfer/store.h"
#include "transfer/wire.h"

struct publish_attr {
	struct wire_time mtime;
	mode_t mode;
	uid_t uid; /* -1: as the directory that the file lands in */
	gid_t gid;
};

/* What lies at a path now. */
struct publish_look {
	bool present;	/* a regular file */
	bool directory; /* that is what lies there: see publish_commit() */
	struct identity identity;
	mode_t mode;
	uint64_t bytes; /* allocated */
};
/* -EEXIST: neither a regular file nor a directory; -ENOTDIR: a file lies where a directory of the
 * path should; -ELOOP, -EXDEV: the path leads outside. */
int publish_look(struct store *s, const char *path, struct publish_look *ret,
		 struct err *e) WARN_UNUSED;

/* A file of the store, to be given attributes and renamed: "<hex>/image" or "copy.<hex>" in
 * staging. */
int publish_prepare(struct store *s, const char *staged, const char *path,
		    const struct publish_attr *a, struct identity *ret, struct err *e) WARN_UNUSED;
/*
 * Worker: bytes of disk that what lies at path will hold by itself when this has replaced it: where
 * files share blocks, those that are not in the new file in the same place. allocated: elsewhere.
 */
uint64_t publish_differs(struct store *s, const char *path, const char *staged, uint64_t allocated,
			 const atomic_bool *cancel);
/*
 * Renames it to path. What was there is kept as preserved/<keep> (NULL: it is lost). ret_old: the
 * kept file's new identity, size 0 where there was none. A directory that lies there goes if there
 * is no file in it, else -EISDIR.
 */
int publish_commit(struct store *s, const char *staged, const char *path, const char *keep,
		   struct identity *ret, struct identity *ret_old, struct err *e) WARN_UNUSED;
/* Moves path away to preserved/<keep>, or removes it. 0 also where nothing is there. */
int publish_remove(struct store *s, const char *path, const char *keep, struct identity *ret_old,
		   struct err *e) WARN_UNUSED;
/* from -> path; what was at path is kept as in publish_commit(). */
int publish_rename(struct store *s, const char *from, const char *path, const char *keep,
		   struct identity *ret, struct identity *ret_old, struct err *e) WARN_UNUSED;
/* New mtime, mode and owner for what is there. */
int publish_attr(struct store *s, const char *path, const struct publish_attr *a,
		 struct identity *ret, struct err *e) WARN_UNUSED;
/*
 * Makes staging/<name> out of a content that the store has under `from` (path below the group, or
 * with in_preserved a name in preserved/): reflink between two looks at its identity, else a copy
 * whose root is computed and compared. -ESTALE: it is not what was recorded.
 */
int publish_copy(struct store *s, const char *from, bool in_preserved,
		 const struct identity *recorded, const struct hash *root, const char *name,
		 const atomic_bool *cancel, struct err *e) WARN_UNUSED;
/* Makes staging/<name> out of staging/<from>, which was proven and which nobody else writes to. */
int publish_copy_staged(struct store *s, const char *from, const char *name,
			const atomic_bool *cancel, struct err *e) WARN_UNUSED;

#endif
