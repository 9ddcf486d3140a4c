/*
 * indexing.h: one file on its way to a version: a worker clones it where the filesystem can, reads
 * it once and writes its index. The outcome is told on the loop thread; nothing is decided here.
 */
#ifndef SPOKESYNC_SCHEDULER_INDEXING_H
#define SPOKESYNC_SCHEDULER_INDEXING_H

#include "scheduler/hub_state.h"

struct indexing {
	struct work work;
	struct hub_file *file; /* NULL: nobody wants it any more */
	struct hub_group *group;
	uint64_t id; /* of the version that it becomes */
	struct identity identity;
	uint32_t mode;
	bool again; /* the file changed meanwhile */
	unsigned lane;
	/* the worker's */
	int fd, gen_dirfd, index_dirfd;
	bool try_clone;
	volatile bool cancel;
	volatile uint64_t progress;
	/* the outcome */
	int error;
	struct err err;
	struct hash root;
	uint64_t nonzero;
	bool generation;
	void (*done)(struct indexing *x); /* loop thread; frees it by indexing_free() */
};

/* Takes fd. id: the version's row. Refused (-errno, fd closed) where descriptors run out. */
int indexing_start(struct hub_file *f, int fd, uint64_t id,
		   void (*done)(struct indexing *x)) WARN_UNUSED;
/* Ends it soon; done() follows with file NULL. */
void indexing_cancel(struct indexing *x);
struct indexing *indexing_free(struct indexing *x);

#endif
