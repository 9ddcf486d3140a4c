/*
 * parse.h: an INI file as a stream of events, each with its file and line. parse.c is the only file
 * that knows inih, and guards it: what inih would cut, merge or skip without a word is an error.
 *
 * The format: [KIND] or [KIND NAME]; key = value; a line that begins with ; or # is a comment, and
 * so is what follows a blank and a ; behind a value. Lines may be indented and are never continued.
 */
#ifndef SPOKESYNC_POLICY_PARSE_H
#define SPOKESYNC_POLICY_PARSE_H

#include <stdio.h>

#include "policy/base.h"
#include "policy/config.h"

#define PARSE_NAME_MOST 49	  /* bytes of a section's or key's name: inih keeps no more */
#define PARSE_FILE_MOST (4 * MIB) /* of one file */

struct parse_events {
	/* name: "" where there is none */
	void (*section)(void *arg, const char *kind, const char *name, struct origin at);
	/* doubt: NULL, or why the value of a free text may not be what was meant */
	void (*value)(void *arg, const char *key, const char *value, const char *doubt,
		      struct origin at);
	void (*error)(void *arg, const char *text, struct origin at);
};

void parse_stream(FILE *f, const char *file, const struct parse_events *events, void *arg);

#endif
