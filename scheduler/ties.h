/*
 * ties.h: what one file says of others, by which files belong together (policy/sets.h): an image
 * its parent, by name and by identifier, and a manifest what it lists. All of it is claims.
 */
#ifndef SPOKESYNC_SCHEDULER_TIES_H
#define SPOKESYNC_SCHEDULER_TIES_H

#include "transfer/container.h"

/* No file has this name: so it is looked for, and missing, as one that is not there. */
#define TIES_UNTOLD "/"

struct ties {
	char *parent; /* the file name of the image that it holds the differences from; "": of none;
		       * TIES_UNTOLD: of one that it does not name; NULL: not known */
	char *names;  /* manifest.h: of a manifest; "": of anything else; NULL: not known */
	struct container_ids ids;
};

/* Looked for in an open file, by the extension of path. What cannot be said is none: of a manifest
 * that is too long, -EFBIG or -E2BIG; of one that is no XML, -EBADMSG. Ends with ties_done()
 * anyway. */
int ties_read(int fd, const char *path, struct ties *ret);
void ties_copy(struct ties *to, const struct ties *from);
void ties_done(struct ties *t);
bool ties_known(const struct ties *t);
/* Do they bind the same files? */
bool ties_same(const struct ties *a, const struct ties *b);
/* "it is longer than 1 MiB"; static. Of what ties_read() returned. */
const char *ties_error(int error);

#endif
