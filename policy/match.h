/*
 * match.h: one PCRE2 pattern with limits. match.c is the only file that knows PCRE2.
 *
 * Patterns come from the configuration and subjects from disks and peers, so a match may cost a
 * bounded number of steps and no more. Patterns are UTF-8; a subject that is not simply does not
 * match where it is broken.
 */
#ifndef SPOKESYNC_POLICY_MATCH_H
#define SPOKESYNC_POLICY_MATCH_H

#include "policy/base.h"

struct match;

enum match_how {
	MATCH_ANYWHERE,
	MATCH_WHOLE, /* the pattern must cover the subject from end to end */
};

/* 0, or -EINVAL with e saying what is wrong at which character. */
int match_new(const char *pattern, enum match_how how, struct match **ret,
	      struct err *e) WARN_UNUSED;
struct match *match_free(struct match *m);
/* 1: matches, 0: does not, -E2BIG: needed more than the limits allow. Safe from any thread. */
int match_test(const struct match *m, const char *subject) WARN_UNUSED;
/* The pattern has a group that captures. */
bool match_captures(const struct match *m);
/* As match_test(); of a match, *ret is what the first group captured, malloc'ed ("" where the group
 * took no part). */
int match_first(const struct match *m, const char *subject, char **ret) WARN_UNUSED;

#endif
