/*
 * spoke_publish.h: a publication under way, shared by spoke_publish.c (its steps) and
 * spoke_publish_record.c (what of it is remembered, and who is told).
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_PUBLISH_H
#define SPOKESYNC_SCHEDULER_SPOKE_PUBLISH_H

#include "scheduler/spoke_db.h"
#include "scheduler/spoke_job.h"

struct publication;
/* An operation that somebody asked for here, instead of the hub. */
struct publish_local {
	const char *why; /* what it replaces is preserved as */
	bool quiet;	 /* nobody is told: the mode is all that changes */
	bool stays;	 /* it is told as restored: not repaired until a newer version comes */
	void (*done)(void *arg, const struct wire_op_result *result);
	void *arg;
};

struct publishing {
	struct publication *set; /* that this is one operation of (spoke_publish_set.c), or NULL */
	struct spoke_group *g;
	struct sreq *r;		    /* NULL: the hub left; the operations go on */
	struct publish_local local; /* .done NULL: the hub asked */
	struct wire_publish ops;
	struct wire_op_result *results;
	size_t i;
	struct work w;
	/* the operation under way */
	struct spoke_transfer *t; /* PUT: held */
	struct spoke_file row, source;
	bool has_row, has_source, hashing, in_place, ready, absent, undone;
	struct publish_look look;
	struct publish_attr attr;
	struct lockfiles lock; /* as the operation began */
	const char *locked;    /* with -ETXTBSY: the path beside which one lies */
	char staged[HASH_HEX + 16];
	char keep[256];
	int64_t intent;
	uint64_t quota;	 /* of staging; as the operation began */
	uint64_t copied; /* of it, what the copy that was made ready is charged */
	/* There is not so much room for a copy, with those of its set that were made before it. */
	struct spoke_need need;
	enum wire_refusal refused;
	bool never;
	struct identity made, now, old;
	struct identity_change changes[STAGING_PINS_MAX];
	unsigned n_changes;
	int error;
	struct err e;
	bool waits;		       /* for one before it (spoke_publish_turn.c) */
	TAILQ_ENTRY(publishing) entry; /* group->publishing */
};

static inline const struct wire_op *publishing_op(const struct publishing *x)
{
	return &x->ops.ops[x->i];
}

/* What lies there is what was recorded of it. */
bool publishing_is_recorded(const struct publishing *x);
/* In a transaction: the new state, what was preserved and what gave way for it, the intent's end.
 */
int publishing_record(struct publishing *x) WARN_UNUSED;
void publishing_notice(struct publishing *x); /* before that: who is to be told */
void spoke_publish_local(struct spoke_group *g, const struct wire_op *op,
			 const struct publish_local *local);

/* The only one of its names and contents that is under way, or it waits for its turn. */
void publishing_enter(struct publishing *x);
void publishing_left(struct spoke_group *g); /* one has left the list: whose turn is it? */
void publishing_start(struct publishing *x); /* its first operation */

/* Of one operation, each step once; spoke_publish_set.c is told of the ends of the first and last.
 */
void publishing_begin(struct publishing *x); /* makes it ready */
/* spoke_rests.c, worker: an image beside path that rests on it, and not on the content that
 * preserved/ has as `kept`; "" where there is none. */
void spoke_rests_on(const struct store *s, const char *path, const char *kept,
		    char ret[NAME_MAX + 1]);
int publishing_in_use(struct publishing *x) WARN_UNUSED; /* worker: may it be changed? */
void publishing_ready_run(struct work *w);		 /* spoke_publish_work.c */
void publishing_change_run(struct work *w);
/* Where it needs one; set: spoke_db.h. */
int publishing_intent(struct publishing *x, int64_t set) WARN_UNUSED;
void publishing_change(struct publishing *x);
void publishing_result(struct publishing *x);	 /* what became of it, for the hub */
void publishing_give_back(struct publishing *x); /* of the quota: its copy no longer waits there */
void publishing_ended(struct spoke_group *g, struct sreq *r, struct wire_publish *ops,
		      struct wire_op_result *results);

/* spoke_publish_set.c: all operations or none. Takes ops. */
void publication_start(struct spoke_group *g, struct sreq *r, struct wire_publish *ops);
void publication_ready(struct publishing *x);
void publication_changed(struct publishing *x);
/* Did an operation before this one take away what lies at its path? */
bool publication_withdraws(const struct publishing *x);
/* Worker, before the first change of all: has anybody come to use any of it since it was ready? */
int publication_in_use(struct publishing *x) WARN_UNUSED;
uint64_t publication_copied(const struct publishing *x); /* bytes, by those before this one */
/* Was what is staged taken by one before this one? */
bool publication_takes(const struct publishing *x);

#endif
