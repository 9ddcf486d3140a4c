/*
 * hub_verify.c: see hub_verify.h.
 */
#include "scheduler/hub_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/drift.h"
#include "scheduler/hub_state.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "scheduler/peers.h"
#include "scheduler/reconcile.h"

#define FIRST_S	  0.2
#define LONGEST_S 30.0
#define GREET_S	  0.1

struct hub_verify {
	struct hub *hub;
	char *spoke, *group;
	struct wire_verify what;
	const struct peer *peer; /* that was asked: another one of that name is not it */
	bool asking;		 /* an answer is to come */
	bool left;		 /* nobody waits for it */
	bool greeted;
	bool begun;
	uint64_t id;
	struct wire_verified v; /* once done */
	double wait;
	ev_timer timer;
	struct mono began;   /* as its first answer came, */
	uint64_t bytes_then; /* with so many behind it */
	hub_verify_progress_fn *progress;
	hub_verify_fn *done;
	void *arg;
};

static void verify_free(struct hub_verify *x)
{
	ev_timer_stop(x->hub->d->loop, &x->timer);
	wire_verified_done(&x->v);
	free(x->spoke);
	free(x->group);
	free(x);
}

static void finish(struct hub_verify *x, const char *text)
{
	if (!x->left && x->done)
		x->done(x->arg, text ? NULL : &x->v, text);
	verify_free(x);
}

static void again(struct hub_verify *x, double after)
{
	ev_timer_stop(x->hub->d->loop, &x->timer);
	ev_timer_set(&x->timer, after, 0.0);
	ev_timer_start(x->hub->d->loop, &x->timer);
}

/* Its figures are ours now; the decoded value is the call's. */
static void take(struct hub_verify *x, const struct wire_verified *v)
{
	x->v = *v;
	x->v.found = xcalloc(v->n_found + 1, sizeof(*v->found));
	if (v->n_found)
		memcpy(x->v.found, v->found, v->n_found * sizeof(*v->found));
}

static void tell_progress(const struct hub_verify *x, const struct wire_verified *v)
{
	int64_t us = daemon_now().mono.us - x->began.us;
	uint64_t read = v->bytes - MIN(v->bytes, x->bytes_then);

	if (x->progress)
		x->progress(x->arg, v, us > 0 ? (uint64_t)((double)read * 1e6 / (double)us) : 0);
}

static void answered(void *arg, const struct peer_answer *a, const struct wire_verified *v,
		     bool unknown)
{
	struct hub_verify *x = arg;
	char text[400];

	x->asking = false;
	if (x->left) {
		verify_free(x);
		return;
	}
	if (unknown) {
		snprintf(text, sizeof(text),
			 "%s runs a version of spokesync that cannot verify: update it", x->spoke);
		finish(x, text);
		return;
	}
	if (a->error != PEER_OK) {
		finish(x, a->text);
		return;
	}
	if (!x->begun) {
		x->begun = true;
		x->id = v->id;
		x->began = daemon_now().mono;
		x->bytes_then = v->bytes;
	} else if (x->id != v->id) {
		finish(x, "the spoke was started anew meanwhile: ask again");
		return;
	}
	tell_progress(x, v);
	if (!v->done) {
		again(x, x->wait);
		x->wait = MIN(x->wait * 1.5, LONGEST_S);
		return;
	}
	take(x, v);
	again(x, 0.0);
}

static void ask(struct hub_verify *x, struct hub_spoke *s)
{
	x->asking = true;
	if (x->begun)
		peer_verify_look(s->peer, x->group, answered, x);
	else
		peer_verify_begin(s->peer, x->group, &x->what, answered, x);
}

/* What it found is in its inventory: that is read before anybody is told. */
static void greet(struct hub_verify *x, struct hub_spoke *s)
{
	if (!x->greeted && !s->greeting) {
		x->greeted = true;
		peers_greet(s);
	}
	if (!x->greeted || s->greeting)
		again(x, GREET_S);
	else
		finish(x,
		       x->v.failed ? "the spoke could not read it to the end: see its log" : NULL);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub_verify *x = t->data;
	struct hub_spoke *s = hub_spoke(x->hub, x->spoke);

	(void)loop;
	(void)revents;
	/* With its peer the requests ended, without an answer. */
	if (!s || s->peer != x->peer)
		finish(x, "the spoke was taken out of the configuration");
	else if (x->v.done)
		greet(x, s);
	else if (x->asking)
		again(x, 1.0);
	else
		ask(x, s);
}

struct hub_verify *hub_verify_start(struct hub *h, const char *spoke, const char *group,
				    const char *path)
{
	struct hub_spoke *s = hub_spoke(h, spoke);
	struct hub_verify *x;

	if (!s || !s->peer)
		return NULL;
	x = xcalloc(1, sizeof(*x));
	x->hub = h;
	x->spoke = xstrdup(spoke);
	x->group = xstrdup(group);
	x->peer = s->peer;
	x->wait = FIRST_S;
	if (path)
		snprintf(x->what.path, sizeof(x->what.path), "%s", path);
	ev_timer_init(&x->timer, on_timer, 0.0, 0.0);
	x->timer.data = x;
	again(x, 0.0);
	return x;
}

void hub_verify_on_done(struct hub_verify *x, hub_verify_fn *done, void *arg)
{
	x->done = done;
	x->arg = arg;
}

void hub_verify_on_progress(struct hub_verify *x, hub_verify_progress_fn *progress)
{
	x->progress = progress;
}

void hub_verify_leave(struct hub_verify *x)
{
	struct hub_spoke *s = hub_spoke(x->hub, x->spoke);

	x->left = true;
	if (!x->asking || !s || s->peer != x->peer)
		verify_free(x);
}

unsigned hub_drift_repair(struct hub *h, const char *spoke, const char *group, const char *path)
{
	struct hub_spoke *s = hub_spoke(h, spoke);
	struct inventory *inv = s ? inventory_get(s, group) : NULL;
	unsigned n = inv ? drift_repair(inv, path) : 0;

	if (n)
		reconcile_inventory(inv);
	return n;
}
