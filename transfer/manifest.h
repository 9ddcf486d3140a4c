/*
 * manifest.h: which images an XML manifest lists, so that it is not published before them. Image
 * servers write one when they export a disk with its versions (Citrix PVS: a <diskFileName> for
 * each of them). No element is known: what counts is a text or an attribute, in any element but a
 * description, that is as a whole a name that the caller wants; of a path the last part. Whatever
 * else the file is, it lists nothing.
 *
 * The file is a stranger's: it is bounded in length and in names, nothing that it says is opened,
 * and where it declares entities of its own it is not read on.
 */
#ifndef SPOKESYNC_TRANSFER_MANIFEST_H
#define SPOKESYNC_TRANSFER_MANIFEST_H

#include "policy/base.h"

#define MANIFEST_MOST	    MIB
#define MANIFEST_NAMES_MOST 1024u

typedef bool manifest_wanted_fn(const char *name);

/* *ret: the names that are wanted, sorted, each once, a line each;
 * "": none. -EFBIG, -E2BIG: longer, or with more names, than is looked at; -EBADMSG: it is no XML
 * from some place on, and *ret has what it lists up to there. */
int manifest_scan(const void *data, size_t len, manifest_wanted_fn *wanted, char **ret) WARN_UNUSED;
/* The same of a file. */
int manifest_names(int fd, manifest_wanted_fn *wanted, char **ret) WARN_UNUSED;

#endif
