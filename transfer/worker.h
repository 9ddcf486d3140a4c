/*
 * worker.h: threads for what must not run in the loop: reading, hashing, encoding, fsync.
 *
 * A struct work is embedded in the caller's object. run() is called on a worker thread and may
 * touch only what the caller gave up to it; done() is called later on the loop thread. Work of
 * one lane (a struct lane) runs one at a time, in order of submission; lanes run side by side.
 */
#ifndef SPOKESYNC_TRANSFER_WORKER_H
#define SPOKESYNC_TRANSFER_WORKER_H

#include <sys/queue.h>

#include "policy/base.h"

struct ev_loop;
struct pool;
struct lane;

struct work {
	void (*run)(struct work *w);  /* worker thread */
	void (*done)(struct work *w); /* loop thread; may free the object that embeds w */
	struct lane *lane;
	TAILQ_ENTRY(work) entry;
};
TAILQ_HEAD(work_list, work);

/* Embedded: a serial queue. */
struct lane {
	struct work_list waiting;
	bool running;
};

struct pool *pool_new(struct ev_loop *loop, unsigned threads) WARN_UNUSED;
/* Waits for what runs, drops what waits (done() is not called for it). */
struct pool *pool_free(struct pool *p);
void lane_init(struct lane *l);
/* lane NULL: no order. Loop thread only. */
void pool_submit(struct pool *p, struct lane *lane, struct work *w);
/*
 * Takes back a work that was submitted and whose done() was not called: dropped if it waits,
 * waited for if it runs. done() will not be called and w may be freed.
 */
void pool_cancel(struct pool *p, struct work *w);
unsigned pool_threads(const struct pool *p);
/* Works that were submitted and whose done() was not called yet. */
unsigned pool_busy(const struct pool *p);

#endif
