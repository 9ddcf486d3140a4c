/*
 * lockfile.h: the names of the files that whoever uses an image puts beside it while he does, as
 * image servers make NAME.lok. The configuration says them as templates: {name} stands for the
 * name of the image, {stem} for that without its extension. Small and capital letters of ASCII are
 * the same in them, as on the machines whose images these are. Pure: nothing is looked for here.
 */
#ifndef SPOKESYNC_POLICY_LOCKFILE_H
#define SPOKESYNC_POLICY_LOCKFILE_H

#include "policy/base.h"

#define LOCKFILES_MAX	 4
#define LOCKFILE_TEXT	 48
#define LOCKFILE_DEFAULT "{name}.lok, {stem}.lok"

struct lockfiles {
	char text[LOCKFILES_MAX][LOCKFILE_TEXT];
	unsigned n; /* 0: none */
};

/* Templates with commas, or none. 0, or -EINVAL with e. */
int lockfile_parse(const char *text, struct lockfiles *ret, struct err *e) WARN_UNUSED;
/* The canonical form; LOCKFILES_MAX * (LOCKFILE_TEXT + 2) bytes are enough. Returns buf. */
const char *lockfile_print(const struct lockfiles *l, char *buf, size_t size);
/*
 * The i-th lock file of a file with this name (no directories), in some letters: strcasecmp() it.
 * False where there is none: the name
 * would be too long, or is the file itself.
 */
bool lockfile_name(const struct lockfiles *l, unsigned i, const char *name, char *ret, size_t size);
/* Could this path be the lock file of some other file? */
bool lockfile_is(const struct lockfiles *l, const char *path);

#endif
