/*
 * shaper.c: the shaper on the loop: its clock and its one timer. The tree is in shaper_tree.c.
 */
#include <stdlib.h>
#include <time.h>

#include <ev.h>

#include "transfer/shaper_private.h"

/* Below this the timer would cost more than it smooths. Depth (40 ms) leaves room for it. */
#define TICK_MIN_US 10000

struct loop_shaper {
	struct shaper tree;
	struct ev_loop *loop;
	ev_timer timer;
	struct mono due;
};

static struct mono clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){(int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000};
}

/* The timer only ever comes nearer: who finds nothing to do sets it anew. */
static void arm(struct shaper *s, int64_t after_us)
{
	struct loop_shaper *ls = container_of(s, struct loop_shaper, tree);
	struct mono now, due;

	if (after_us == INT64_MAX)
		return;
	now = clock_now();
	if (after_us > 0)
		after_us = MIN(MAX(after_us, TICK_MIN_US), 3600 * SECOND_US);
	due = (struct mono){now.us + after_us};
	if (ev_is_active(&ls->timer) && ls->due.us <= due.us)
		return;
	ls->due = due;
	ev_timer_stop(ls->loop, &ls->timer);
	/* Timers count from the start of the loop's turn, which may be long past. */
	ev_now_update(ls->loop);
	ev_timer_set(&ls->timer, (double)(due.us - now.us) / 1e6, 0.);
	ev_timer_start(ls->loop, &ls->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct loop_shaper *ls = container_of(w, struct loop_shaper, timer);

	(void)loop;
	(void)revents;
	arm(&ls->tree, shaper_pass(&ls->tree, clock_now()));
}

struct shaper *shaper_new(struct ev_loop *loop)
{
	struct loop_shaper *ls = xcalloc(1, sizeof(*ls));

	ls->loop = loop;
	ls->tree.clock = clock_now;
	ls->tree.arm = arm;
	ev_timer_init(&ls->timer, on_timer, 0., 0.);
	shaper_init(&ls->tree);
	return &ls->tree;
}

struct shaper *shaper_free(struct shaper *s)
{
	struct loop_shaper *ls;

	if (!s)
		return NULL;
	ls = container_of(s, struct loop_shaper, tree);
	ev_timer_stop(ls->loop, &ls->timer);
	shaper_done(s);
	free(ls);
	return NULL;
}
