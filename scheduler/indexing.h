/*
 * indexing.h: one file on its way to a version: a worker clones it where the filesystem can, and
 * compares the clone's extents with those of the version that it is a copy of; what is left is read
 * and hashed by all workers, each a piece at a time and in turn with other files; its index is
 * written. The outcome is told on the loop thread; nothing is decided here.
 */
#ifndef SPOKESYNC_SCHEDULER_INDEXING_H
#define SPOKESYNC_SCHEDULER_INDEXING_H

#include "scheduler/hub_state.h"
#include "scheduler/kin.h"
#include "transfer/extents.h"
#include "transfer/index_build.h"
#include "scheduler/ties.h"

#define INDEXING_SLICES 16u /* threads at one file, at most */

struct indexing_slice {
	struct work work;
	struct indexing *indexing; /* NULL: not under way */
	int result;
};

struct indexing {
	struct work work; /* of the begin and of the end */
	struct indexing_slice slices[INDEXING_SLICES];
	unsigned n_slices;	     /* under way */
	bool hashing;		     /* the builder is there */
	bool drained;		     /* nothing is left to be begun */
	TAILQ_ENTRY(indexing) entry; /* hub->hashing */
	struct hub_file *file;	     /* NULL: nobody wants it any more */
	char *path;
	struct hub_group *group;
	uint64_t id; /* of the version that it becomes */
	struct identity identity;
	uint32_t mode;
	bool again; /* the file changed meanwhile */
	/* the workers' */
	int fd, gen_dirfd, index_dirfd, source_fd; /* source_fd: what is read; fd or its clone */
	bool try_clone;
	struct kin *kin; /* candidates; none: extents are not asked */
	size_t n_kin;
	atomic_bool cancel;
	struct index_builder *builder;
	struct index_trust trust; /* base NULL: all is read */
	struct extents_common common;
	/* the outcome */
	int error;
	struct err err;
	struct hash root;
	uint64_t nonzero;
	bool generation;
	struct kept kept;
	struct wall read; /* trust.h */
	bool has_origin;
	struct hash origin;
	struct ties ties;
	int ties_error; /* why it is not known which files a manifest lists, or 0 */
	struct index_facts facts;
	char lie[160];			  /* what an audit found, or "" */
	void (*done)(struct indexing *x); /* loop thread; frees it by indexing_free() */
};

/* Takes fd. id: the version's row. Refused (-errno, fd closed) where descriptors run out. */
int indexing_start(struct hub_file *f, int fd, uint64_t id,
		   void (*done)(struct indexing *x)) WARN_UNUSED;
/* Ends it soon; done() follows with file NULL. */
void indexing_cancel(struct indexing *x);
/* What nobody waits for is still written; then it goes. */
struct indexing *indexing_free(struct indexing *x);
uint64_t indexing_progress(const struct indexing *x); /* bytes done, of its size */

/* indexing_work.c, on a worker: before the pieces (0: x->builder has work), and after them; and
 * when the outcome was told. */
void indexing_begin(struct indexing *x);
void indexing_end(struct indexing *x);
void indexing_anchors(struct indexing *x);

#endif
