/*
 * prepare.h: what a push needs to know before it starts, found out by a worker: the bases worth
 * building on, and which nodes of a superseded transfer are the same in the new content.
 */
#ifndef SPOKESYNC_SCHEDULER_PREPARE_H
#define SPOKESYNC_SCHEDULER_PREPARE_H

#include "transfer/bases.h"
#include "transfer/frame.h"
#include "transfer/worker.h"

struct prepare;

struct prepare_spec {
	int index_dirfd; /* dup'ed */
	struct hash root;
	bool has_lineage, has_partial;
	struct hash lineage, partial;
	struct hash *held; /* taken */
	size_t n_held;
	void *arg;
};

struct prepare_result {
	int error;
	struct hash bases[BASES_CHOSEN_MAX];
	unsigned n_bases;
	unsigned covered; /* percent of the content that they contain, about */
	struct run *same; /* nodes; lives until done() returned */
	size_t n_same;
};

typedef void prepare_done_fn(void *arg, const struct prepare_result *r);
struct prepare *prepare_start(struct pool *pool, const struct prepare_spec *spec,
			      prepare_done_fn *done) WARN_UNUSED;
void prepare_cancel(struct prepare *p); /* done() is not called */

#endif
