/*
 * spoke_read.h: contents of a group read again, file by file in the order of their paths, and
 * compared with what was recorded of them: for a verification that somebody asked for, and for the
 * scrub in its window. What differs is hashed whole, and then told as what it is (spoke_local.h).
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_READ_H
#define SPOKESYNC_SCHEDULER_SPOKE_READ_H

#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"
#include "transfer/scrub.h"

struct spoke_read;

struct spoke_read_events {
	/* A step has read so many bytes: how long to wait before the next, in seconds; below 0: not
	 * now (spoke_read_go() goes on). */
	double (*pause)(void *arg, uint64_t read);
	/* Something is not as recorded. what: LOCAL_NOT where that will show when it was hashed. */
	void (*found)(void *arg, const char *path, enum wire_local what, uint64_t bad);
	void (*done)(void *arg, int error); /* -ECANCELED: the spoke stops */
	void *arg;
};

/* Where it stands; also where to begin. Zeros: at the first file. */
struct spoke_read_at {
	char path[WIRE_PATH_MAX + 1]; /* read up to and with this one, or up to .part.next of it */
	struct scrub part;	      /* .next > 0: that file is not done */
	uint64_t files, bytes, read;  /* so far */
};

/* only: one path, or NULL: all. step: bytes at a time. */
struct spoke_read *spoke_read_new(struct spoke_group *g, const char *only, uint64_t step,
				  const struct spoke_read_events *ev) WARN_UNUSED;
struct spoke_read *spoke_read_free(struct spoke_read *r); /* not while it works */
struct spoke_read_at *spoke_read_at(struct spoke_read *r);
void spoke_read_go(struct spoke_read *r); /* begins, or goes on after a pause below 0 */
bool spoke_read_works(const struct spoke_read *r);

#endif
