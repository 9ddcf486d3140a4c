/* value_private.h: what value.c and value_time.c share: the place of one value, and its setters. */
#ifndef SPOKESYNC_POLICY_VALUE_PRIVATE_H
#define SPOKESYNC_POLICY_VALUE_PRIVATE_H

#include "policy/build.h"

/* What a value goes into: bundled, because every type needs most of it. */
struct slot {
	struct build *b;
	const struct section *section;
	const struct key *key;
	struct origin at;
	void *field, *aux;
};

/* Each: the text into its field, and *ret: its canonical form, malloc'ed. 0, or -errno with e. */
int value_set_zone(struct slot *v, const char *text, char **ret, struct err *e) WARN_UNUSED;
int value_set_deadline(struct slot *v, const char *text, char **ret, struct err *e) WARN_UNUSED;
int value_add_line(struct slot *v, const char *text, char **ret, struct err *e) WARN_UNUSED;
int value_add_dfsr(struct slot *v, const char *text, char **ret, struct err *e) WARN_UNUSED;

#endif
