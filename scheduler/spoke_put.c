/*
 * spoke_put.c: PUT transfers: the bytes of a bundle from the socket into the spool, and from there
 * into the transfer, at the same time: the transfer's lane applies frame after frame of what is
 * there. When the spool is full the socket rests. A newer PUT takes over: the older connection is
 * closed first, and what it brought is committed. The answer is the position after the last commit.
 *
 * Frames that were applied are durable within about a second. The part of a frame is so at the end
 * of the PUT, or when the frame takes longer than PUT_PART_S: only then does it cost a second
 * write.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/spoke_job.h"

#define PUT_ROOM     ((uint64_t)256 << 10) /* the server hands over less than this at a time */
#define PUT_COMMIT_S 1.0
#define PUT_PART_S   10.0

enum put_step { PUT_BEGIN, PUT_APPLY, PUT_END };

struct spoke_put {
	struct spoke_job j; /* in the lane, one at a time */
	enum put_step step;
	struct sreq *r; /* NULL: it is over */
	struct hash bundle;
	uint64_t offset; /* of the bundle: bytes before it came */
	int spool;
	uint64_t spooled, room; /* bytes before it are in the spool, may be in it */
	uint64_t applied;	/* were told to the lane */
	size_t telling;		/* that the lane is being told of now */
	bool busy, streaming, ended, paused, full, more;
	ev_timer timer;
	int error, spool_error;
	struct err e;
	/* what the lane found: looked at when it is done */
	struct timespec committed, taken; /* the last commit, the last frame */
	struct timespec heard;		  /* the loop's: when the hub last gave a sign of life */
	uint64_t new_room;
	int result;
	struct wire_position p;
};

static void put_start(struct spoke_put *x);
static void put_next(struct spoke_put *x);

static void put_free(struct spoke_put *x)
{
	struct spoke_transfer *t = x->j.t;

	ev_timer_stop(t->group->spoke->d->loop, &x->timer);
	if (x->r)
		sreq_on_over(x->r, NULL, NULL);
	if (x->spool >= 0)
		close(x->spool);
	wire_position_done(&x->p);
	free(x);
	spoke_transfer_release(t);
}

static double since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static int put_begin(struct spoke_put *x)
{
	struct staging *st = x->j.t->st;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &x->committed);
	x->taken = x->committed;
	if (staging_is_staged(st))
		return 0;
	r = staging_begin(st, &x->bundle, x->offset, &x->spool);
	if (r == 0)
		x->new_room = staging_room(st);
	return r;
}

static int put_apply(struct spoke_put *x)
{
	struct staging *st = x->j.t->st;
	int r = staging_apply(st, x->telling, &x->e);

	x->telling = 0;
	x->more = r > 0;
	if (x->more)
		clock_gettime(CLOCK_MONOTONIC, &x->taken);
	if (r >= 0 && since(&x->committed) >= PUT_COMMIT_S) {
		r = since(&x->taken) < PUT_PART_S ? staging_commit_group(st) : staging_commit(st);
		clock_gettime(CLOCK_MONOTONIC, &x->committed);
	}
	if (r >= 0)
		x->new_room = staging_room(st);
	return MIN(r, 0);
}

static int put_end_lane(struct spoke_put *x)
{
	struct spoke_transfer *t = x->j.t;
	int r = staging_rest(t->st);

	if (r == 0 && staging_complete(t->st) && !t->finishing_failed)
		r = staging_finish(t->st, x->full, &t->group->spoke->cancel, &x->e);
	if (r == -EBADMSG)
		t->finishing_failed = true;
	return r;
}

static int put_step(struct spoke_put *x)
{
	switch (x->step) {
	case PUT_BEGIN:
		return put_begin(x);
	case PUT_APPLY:
		return put_apply(x);
	default:
		return put_end_lane(x);
	}
}

/* Worker thread. */
static void put_run(struct spoke_job *j)
{
	struct spoke_put *x = container_of(j, struct spoke_put, j);
	struct err e;

	x->result = x->error;
	if (x->result == 0)
		x->result = spoke_transfer_open(j->t, &x->e);
	if (x->result == 0)
		x->result = spoke_transfer_check(j->t, put_step(x));
	if (x->result < 0 || x->step != PUT_APPLY) {
		wire_position_done(&x->p);
		memset(&x->p, 0, sizeof(x->p));
		if (spoke_job_position(j, false, true, &x->p, &e) < 0)
			x->p.refused = x->result == -ENOENT ? REFUSED_NO_BASE : REFUSED_ERROR;
	}
}

/* The answer, and the end of this PUT; the next one that waits begins. */
static void put_finish(struct spoke_put *x)
{
	struct spoke_transfer *t = x->j.t;
	struct spoke_put *next = t->next_put;
	unsigned status = spoke_refusal_put(t, x->error, x->e.text, &x->p);
	struct sreq *r = x->r;

	if (x->p.refused == REFUSED_NO_SPACE)
		spoke_changes_room(t->group, &(struct spoke_need){.disk = x->p.need});
	if (x->error < 0 && x->error != -ERANGE && x->error != -ECANCELED)
		log_warn("group %s: %s: %s", t->group->name, t->path[0] ? t->path : t->hex,
			 x->e.text[0] ? x->e.text : strerror(-x->error));
	if (r) {
		sreq_on_over(r, NULL, NULL);
		x->r = NULL;
		spoke_reply_position(r, status, &x->p);
	}
	t->put = NULL;
	t->next_put = NULL;
	put_free(x);
	if (next)
		put_start(next);
}

static void put_submit(struct spoke_put *x, enum put_step step)
{
	x->busy = true;
	x->step = step;
	x->j.n_bad = x->j.n_changes = 0;
	x->j.more = false;
	spoke_job_submit(&x->j);
}

/* What the lane may do next, if it rests. */
static void put_lane(struct spoke_put *x)
{
	x->telling = (size_t)(x->spooled - x->applied);
	if (x->telling || x->more) {
		x->applied = x->spooled;
		put_submit(x, PUT_APPLY);
	} else if (x->ended) {
		put_submit(x, PUT_END);
	}
}

/* Nothing failed in the lane: whatever can be done next is begun. */
static void put_go_on(struct spoke_put *x)
{
	if (x->spool_error < 0) {
		if (!x->busy) {
			x->error = x->spool_error;
			put_submit(x, PUT_END); /* for the position */
		}
		return;
	}
	if (!x->busy)
		put_lane(x);
	if (x->paused && x->r && x->spooled + PUT_ROOM <= x->room) {
		x->paused = false;
		clock_gettime(CLOCK_MONOTONIC, &x->heard);
		sreq_continue(x->r);
	}
}

/* Looks at all of it. */
static void put_next(struct spoke_put *x)
{
	if (x->error >= 0)
		put_go_on(x);
	else if (!x->busy)
		put_finish(x);
}

static bool put_data(void *arg, const void *buf, size_t len)
{
	struct spoke_put *x = arg;

	clock_gettime(CLOCK_MONOTONIC, &x->heard);
	if (x->error < 0 || x->spool_error < 0)
		return true;
	x->spool_error = staging_spool(x->spool, x->spooled, buf, len);
	if (x->spool_error == 0)
		x->spooled += len;
	x->paused = x->spooled + PUT_ROOM > x->room;
	put_go_on(x);
	return !x->paused;
}

static void put_end(void *arg)
{
	struct spoke_put *x = arg;

	x->ended = true;
	put_next(x);
}

/* The request is over before it was answered: the peer left, or a newer PUT took over. */
static void put_over(void *arg)
{
	struct spoke_put *x = arg;

	x->r = NULL;
	x->ended = true;
	if (x->j.t->next_put == x) {
		x->j.t->next_put = NULL;
		put_free(x);
	} else if (x->streaming) {
		put_next(x);
	}
}

static void put_begin_stream(struct spoke_put *x)
{
	struct sreq_sink sink = {.data = put_data, .end = put_end, .arg = x};

	x->spooled = x->applied = x->offset;
	x->streaming = true;
	clock_gettime(CLOCK_MONOTONIC, &x->heard);
	ev_timer_start(x->j.t->group->spoke->d->loop, &x->timer);
	sreq_stream(x->r, &sink);
}

static void put_done(struct spoke_job *j)
{
	struct spoke_put *x = container_of(j, struct spoke_put, j);

	x->busy = false;
	x->error = x->result;
	x->room = x->new_room;
	if (x->step == PUT_END || (x->step == PUT_BEGIN && (x->error < 0 || x->p.staged || !x->r ||
							    x->p.refused != REFUSED_NOT)))
		put_finish(x);
	else if (x->step == PUT_BEGIN)
		put_begin_stream(x);
	else
		put_next(x);
}

/* A hub that stands still, or one that is gone without a word: what it brought is kept, its
 * connection is not. */
static void put_silent(struct spoke_put *x)
{
	const struct spoke_transfer *t = x->j.t;
	int64_t stall_us = t->group->spoke->d->config->stall_us;
	char span[UNITS_TEXT];

	if (!x->r || x->ended || x->paused || since(&x->heard) * SECOND_US <= (double)stall_us)
		return;
	units_duration(stall_us, span);
	log_warn("group %s: %s: nothing came from the hub for %s: its connection is closed",
		 t->group->name, t->path[0] ? t->path : t->hex, span);
	sreq_drop(x->r);
}

/* What came is made durable in time, also where no more comes. */
static void put_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct spoke_put *x = w->data;

	(void)loop;
	(void)revents;
	put_silent(x);
	if (!x->busy && x->error == 0 && x->spool_error == 0)
		put_submit(x, PUT_APPLY);
}

static void put_start(struct spoke_put *x)
{
	x->j.t->put = x;
	put_submit(x, PUT_BEGIN);
}

void spoke_put_request(struct spoke_transfer *t, struct sreq *r)
{
	const char *e = sreq_query(r, "bundle");
	struct spoke_put *x;

	x = xcalloc(1, sizeof(*x));
	if (!e || hash_parse(e, &x->bundle) < 0 || sreq_number(r, "offset", &x->offset) < 0) {
		sreq_problem(r, 400,
			     "a PUT needs bundle= (64 hex digits) and offset= (0 to 2^63 - 1)");
		free(x);
		return;
	}
	if (sreq_body_length(r) != UINT64_MAX && sreq_body_length(r) > WIRE_PUT_MAX) {
		sreq_problem(r, 413, "one PUT brings at most 4 GiB");
		free(x);
		return;
	}
	x->spool = -1;
	x->r = r;
	x->j.t = t;
	x->j.run = put_run;
	x->j.done = put_done;
	x->full = t->group->cfg->verify == VERIFY_FULL;
	ev_timer_init(&x->timer, put_tick, PUT_COMMIT_S, PUT_COMMIT_S);
	x->timer.data = x;
	spoke_transfer_hold(t);
	sreq_on_over(r, put_over, x);
	if (!t->put) {
		put_start(x);
		return;
	}
	if (t->next_put) {
		struct spoke_put *older = t->next_put;
		struct sreq *old_r = older->r;

		t->next_put = NULL;
		put_free(older);
		sreq_drop(old_r);
	}
	t->next_put = x;
	if (t->put->r)
		sreq_drop(t->put->r);
}

void spoke_put_heard(struct spoke_transfer *t)
{
	if (t->put)
		clock_gettime(CLOCK_MONOTONIC, &t->put->heard);
}

void spoke_put_end_all(struct spoke_transfer *t)
{
	if (t->next_put && t->next_put->r)
		sreq_drop(t->next_put->r);
	if (t->put && t->put->r)
		sreq_drop(t->put->r);
}
