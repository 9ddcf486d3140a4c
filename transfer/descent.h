/*
 * descent.h: a hub asks a spoke what a content of it holds that the hub does not know: the requests
 * of learn.h's questions, one after the other, and at the end what was learned as an index in part
 * beside the others. Or it asks only which content lies at a path, of a spoke that still hashes it.
 *
 * Every request is paid for beforehand at the shaper, so none begins where nothing is granted; the
 * answers, which are most of it, come from the spoke. Hashing and comparing is a worker's. Stopped
 * and started again it goes on with the question that it was at.
 */
#ifndef SPOKESYNC_TRANSFER_DESCENT_H
#define SPOKESYNC_TRANSFER_DESCENT_H

#include "transfer/learn.h"
#include "transfer/push.h"

struct descent;
struct pool;

struct descent_spec {
	struct peer *peer;
	struct pool *pool;
	int index_dirfd;   /* dup'ed */
	const char *group; /* copied */
	const char *path;  /* copied; not NULL: which content lies there? */
	struct hash base;  /* else: this one of the spoke's */
	uint64_t base_size;
	struct hash root; /* of the new content, whose index is in the directory */
};

enum descent_end {
	DESCENT_KNOWN, /* all was asked; an index in part is there if anything is equal */
	DESCENT_FOUND, /* by path: root and size */
	DESCENT_GONE,  /* the spoke does not have it, or does not know this request */
	DESCENT_BAD,   /* its answers make no sense, or something of ours failed: text */
	DESCENT_PEER,  /* the spoke could not be asked: answer; it may be started again */
};

struct descent_stats {
	struct learn_stats learn;
	uint64_t wire_out, wire_in;
	uint64_t hashed, to_hash; /* the spoke is still hashing: so much of so much, else 0 */
	bool waiting;		  /* that is so */
};

struct descent_result {
	enum descent_end end;
	struct hash root;
	uint64_t size;
	struct peer_answer answer;
	char text[256];
};

/* ended() comes later, on the loop thread, once after each descent_start() that is not stopped. */
typedef void descent_ended_fn(void *arg, const struct descent_result *r);
/* NULL: no descriptor is left. */
struct descent *descent_new(const struct descent_spec *spec, descent_ended_fn *ended,
			    void *arg) WARN_UNUSED;
void descent_start(struct descent *d, struct shaper_node *parent, unsigned weight);
/* No byte from now on; ended() is not called. */
void descent_stop(struct descent *d);
void descent_reparent(struct descent *d, struct shaper_node *parent);
struct descent *descent_free(struct descent *d); /* stops it */
void descent_stats(const struct descent *d, struct descent_stats *ret);

#endif
