/*
 * filter.h: include and exclude patterns (PCRE2, with match limits) on a path below the group.
 * Excludes win. Without include lines everything is included.
 */
#ifndef SPOKESYNC_POLICY_FILTER_H
#define SPOKESYNC_POLICY_FILTER_H

#include "policy/config.h"

struct filter_verdict {
	bool in;
	const char *pattern;  /* the deciding pattern; NULL: no line decided */
	struct origin origin; /* of the deciding line */
	bool limit_hit;	      /* a pattern needed more than the match limit: treated as excluded */
};

struct filter *filter_new(void) WARN_UNUSED;
struct filter *filter_free(struct filter *f);
int filter_add(struct filter *f, bool include, const char *pattern, struct origin at,
	       struct err *e) WARN_UNUSED;
/* f may be NULL: everything in. */
void filter_path(const struct filter *f, const char *path, struct filter_verdict *ret);
/* True if any pattern matches (protect_local lists only includes; empty matches nothing). */
bool filter_any(const struct filter *f, const char *path);

#endif
