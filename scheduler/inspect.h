/*
 * inspect.h: one file of a group looked at closely: what its headers say, what keeps it from being
 * taken, the images it builds on, and which contents of the group have blocks of it. Reads headers
 * and indexes, no image. A worker's; nothing here knows the hub.
 */
#ifndef SPOKESYNC_SCHEDULER_INSPECT_H
#define SPOKESYNC_SCHEDULER_INSPECT_H

#include "scheduler/guard.h"
#include "transfer/digest.h"

#define INSPECT_CHAIN	 64   /* images in a chain, at most */
#define INSPECT_COMPARED 4096 /* contents that are compared, at most */

/* An image of the chain: the file itself, its parent, that one's parent, ... */
struct inspect_link {
	char *path; /* below the group */
	bool present;
	struct container container;
	enum container_match match; /* is it the content that the image above was made from? */
};

/* Another content of the group. */
struct inspect_other {
	char *path;
	struct hash root;
	unsigned percent; /* of the file's data that it has as well, about */
	bool compared;	  /* its index could be read */
};

struct inspect {
	/* the caller's, before it runs */
	char *dir, *path; /* the group's directory; the file below it */
	struct lockfiles lock;
	int index_dirfd; /* its own */
	bool has_root;
	struct hash root;
	struct inspect_other *others;
	size_t n_others;
	/* what was found */
	int error; /* -errno of opening it */
	uint64_t size, allocated;
	int64_t mtime_s;
	const struct guard *guard; /* in use; what its headers say is in its container */
	char lock_name[NAME_MAX + 1];
	bool blind; /* guard_blind_text */
	struct inspect_link links[INSPECT_CHAIN];
	unsigned n_links;
	char *names;		/* of a manifest: what it lists (transfer/manifest.h); else NULL */
	int manifest_error;	/* why that is not known, or 0 */
	bool circular, endless; /* it comes back to itself; it is longer than this */
	atomic_bool cancel;
};

struct inspect *inspect_new(const char *dir, const char *path) WARN_UNUSED;
struct inspect *inspect_free(struct inspect *x);
void inspect_add(struct inspect *x, const char *path, const struct hash *root);
void inspect_run(struct inspect *x); /* blocks; others come sorted, those with most first */

#endif
