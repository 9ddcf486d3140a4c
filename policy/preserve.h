/*
 * preserve.h: which of the files that were replaced or deleted are kept, by age, count and bytes.
 * Pure: a list and limits in, a mark on each entry out.
 *
 * Age and count come first. What alone is larger than the quota cannot be kept and does not make
 * others go. If what is left is more than the high mark (a part of the quota), the oldest go until
 * it is not more than the low one.
 */
#ifndef SPOKESYNC_POLICY_PRESERVE_H
#define SPOKESYNC_POLICY_PRESERVE_H

#include "policy/base.h"

struct preserve_limits {
	uint64_t quota;	    /* bytes; UINT64_MAX: none */
	unsigned high, low; /* percent of it; low <= high */
	int64_t age_s;	    /* 0: any */
	uint64_t count;	    /* of one path; 0: any */
};

enum preserve_verdict { PRESERVE_KEEP, PRESERVE_OLD, PRESERVE_MANY, PRESERVE_QUOTA };
const char *preserve_word(enum preserve_verdict v); /* the key by which it goes, or "" */

struct preserve_entry {
	const char *path; /* what it was */
	uint64_t bytes;
	int64_t at; /* seconds since 1970 */
	enum preserve_verdict verdict;
};

/* entries: newest first. Returns how many are to go. */
size_t preserve_choose(struct preserve_entry *entries, size_t n, const struct preserve_limits *l,
		       int64_t now_s);
/* Bytes at which a mark of a quota is; UINT64_MAX where there is no quota. */
uint64_t preserve_mark(uint64_t quota, unsigned percent);

#endif
