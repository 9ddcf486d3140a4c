/*
 * capable.h: what a filesystem can do, found out by doing it with small files that have no name, so
 * nothing stays behind, not even after a crash. Blocks; some milliseconds.
 */
#ifndef SPOKESYNC_TRANSFER_CAPABLE_H
#define SPOKESYNC_TRANSFER_CAPABLE_H

#include "policy/base.h"

struct capable {
	char filesystem[24]; /* "xfs", or the magic number in hex */
	bool reflink;	     /* files can share blocks */
	bool extents;	     /* and tell which (extents.h) */
	bool direct;	     /* reads past the page cache */
	bool holes;	     /* a hole can be punched */
	bool verity;	     /* fs-verity can be switched on, and its digest is our root */
};

/* In a directory where files may be made. */
int capable_find(int dirfd, struct capable *ret, struct err *e) WARN_UNUSED;

#endif
