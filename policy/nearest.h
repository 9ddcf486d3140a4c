/*
 * nearest.h: the valid word that a wrong one was probably meant to be, by edit distance.
 *
 *	struct nearest n = nearest_to("windw");
 *	for each valid word: nearest_try(&n, word);
 *	n.word is "window", or NULL where nothing is near enough.
 */
#ifndef SPOKESYNC_POLICY_NEAREST_H
#define SPOKESYNC_POLICY_NEAREST_H

#include "policy/base.h"

struct nearest {
	const char *wrong;
	const char *word; /* the caller's */
	unsigned distance;
};

struct nearest nearest_to(const char *wrong);
/* True where this one is the best so far. Words of more than 64 bytes never are. */
bool nearest_try(struct nearest *n, const char *word);
/* Insertions, deletions, replacements and swaps of neighbours, letters compared without case. */
unsigned nearest_distance(const char *a, const char *b);
/* "; did you mean \"word\"?" or "". */
const char *nearest_hint(const struct nearest *n, char *buf, size_t size);

#endif
