/*
 * diff.h: what a new configuration changes in an old one, by meaning: moved lines, other spellings
 * of the same value, and a default written out are no change.
 */
#ifndef SPOKESYNC_POLICY_DIFF_H
#define SPOKESYNC_POLICY_DIFF_H

#include "policy/config.h"

enum diff_kind { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };

struct diff_change {
	enum diff_kind kind;
	const char *section;	    /* "daemon", "group", ... */
	const char *name;	    /* of the section, "" for [daemon] */
	const char *key;	    /* NULL: the whole section was added or removed */
	const char *before, *after; /* canonical; lists a line each; NULL: not there */
	bool restart;		    /* the running daemon cannot take this over */
};

/* Valid in the call only. */
typedef void diff_fn(void *arg, const struct diff_change *change);
void diff_config(const struct config *before, const struct config *after, diff_fn *fn, void *arg);
/* "[daemon] state_dir, [group vdisks] path": what needs a restart. Returns their number. */
size_t diff_restart(const struct config *before, const struct config *after, char *buf,
		    size_t size);

#endif
