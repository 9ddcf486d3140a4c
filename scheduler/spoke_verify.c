/*
 * spoke_verify.c: POST and GET verify: the hub asks for a content, or all of a group, to be read
 * again, and how far that is. One at a time in a group; what differed is hashed before it is told,
 * so the answer says what lies there, and the hub repairs it like any drift.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"
#include "scheduler/spoke_local.h"
#include "scheduler/spoke_read.h"
#include "transfer/key.h"
#include "transfer/server.h"

#define STEP	(64 * MIB)
#define LOOK_S	0.1
#define BAD_MAX 10000u /* files whose count of bad blocks is remembered */

struct bad_file {
	char *path;
	uint64_t bad;
};

struct spoke_verify {
	struct spoke_group *g;
	char only[WIRE_PATH_MAX + 1];
	struct spoke_read *read;
	struct wire_verified v;
	struct bad_file *bad;
	size_t n_bad;
	ev_timer timer; /* waits for what is hashed */
};

static double no_pause(void *arg, uint64_t read)
{
	(void)arg;
	(void)read;
	return 0;
}

static void found(void *arg, const char *path, enum wire_local what, uint64_t bad)
{
	struct spoke_verify *x = arg;

	(void)what; /* its row says so in the end */
	if (bad == 0 || x->n_bad == BAD_MAX)
		return;
	x->bad = xrealloc(x->bad, (x->n_bad + 1) * sizeof(*x->bad));
	x->bad[x->n_bad++] = (struct bad_file){xstrdup(path), bad};
}

static int add_found(void *arg, const struct spoke_file *f)
{
	struct spoke_verify *x = arg;
	struct wire_verify_found *w;

	if (x->only[0] && strcmp(x->only, f->path) != 0)
		return 0;
	if (x->v.found_total++ >= WIRE_FOUND_MAX)
		return 0;
	x->v.found = xrealloc(x->v.found, (x->v.n_found + 1) * sizeof(*x->v.found));
	w = &x->v.found[x->v.n_found++];
	memset(w, 0, sizeof(*w));
	memcpy(w->path, f->path, sizeof(w->path));
	w->what = f->local;
	for (size_t i = 0; i < x->n_bad; i++)
		if (strcmp(x->bad[i].path, f->path) == 0)
			w->bad = x->bad[i].bad;
	return 0;
}

/* All was read, and what differed is hashed. */
static void settle(struct spoke_verify *x)
{
	struct spoke_group *g = x->g;
	const struct spoke_read_at *at = spoke_read_at(x->read);

	x->v.files = at->files;
	x->v.bytes = at->bytes;
	x->v.read = at->read;
	x->v.failed = x->v.failed || spoke_db_locals(g->db, add_found, x) < 0;
	x->v.done = true;
	x->read = spoke_read_free(x->read);
	log_info("group %s: %s was read again: %llu files, %llu not as published", g->name,
		 x->only[0] ? x->only : "all of it", (unsigned long long)x->v.files,
		 (unsigned long long)x->v.found_total);
}

static void look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct spoke_verify *x = t->data;
	struct spoke_group *g = x->g;

	(void)revents;
	if (g->spoke->stopping || g->kept ||
	    (!g->scan && !g->indexing && TAILQ_EMPTY(&g->to_index))) {
		ev_timer_stop(loop, t);
		settle(x);
	}
}

static void done(void *arg, int error)
{
	struct spoke_verify *x = arg;

	x->v.failed = error < 0;
	ev_timer_start(x->g->spoke->d->loop, &x->timer);
}

static void verify_free(struct spoke_verify *x)
{
	ev_timer_stop(x->g->spoke->d->loop, &x->timer);
	spoke_read_free(x->read);
	for (size_t i = 0; i < x->n_bad; i++)
		free(x->bad[i].path);
	free(x->bad);
	wire_verified_done(&x->v);
	free(x);
}

void spoke_verify_free(struct spoke_group *g)
{
	if (g->verify)
		verify_free(g->verify);
	g->verify = NULL;
}

static void start(struct spoke_group *g, const char *only)
{
	struct spoke_verify *x = xcalloc(1, sizeof(*x));
	struct spoke_read_events ev = {.pause = no_pause, .found = found, .done = done, .arg = x};
	struct spoke_file f;
	uint64_t files;

	spoke_verify_free(g);
	x->g = g;
	g->verify = x;
	snprintf(x->only, sizeof(x->only), "%s", only);
	key_random((uint8_t *)&x->v.id, sizeof(x->v.id));
	x->v.id &= INT64_MAX;
	if (!only[0])
		x->v.failed = spoke_db_totals(g->db, &files, &x->v.bytes_total) < 0;
	else if (spoke_db_file(g->db, only, &f) == 0)
		x->v.bytes_total = f.identity.size;
	ev_timer_init(&x->timer, look, LOOK_S, LOOK_S);
	x->timer.data = x;
	x->read = spoke_read_new(g, only[0] ? only : NULL, STEP, &ev);
	log_info("group %s: the hub asks for %s to be read again", g->name,
		 only[0] ? only : "all of it");
	spoke_scan_start(g); /* what is gone, or new */
	spoke_read_go(x->read);
}

static void verify_body(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct spoke_group *g = arg;
	struct wire_verify v;
	struct err e = {""};

	if (wire_verify_decode(body, len, &v, &e) < 0) {
		sreq_problem(r, 400, "%s", e.text);
		return;
	}
	if (g->verify && !g->verify->v.done && strcmp(g->verify->only, v.path) != 0) {
		sreq_problem(r, 503, "another verification of the group is under way");
		return;
	}
	if (!g->verify || g->verify->v.done)
		start(g, v.path);
	spoke_verify_tell(g, r);
}

void spoke_verify_begin(struct spoke_group *g, struct sreq *r)
{
	sreq_collect(r, 2 * WIRE_PATH_MAX + 100, verify_body, g);
}

void spoke_verify_tell(struct spoke_group *g, struct sreq *r)
{
	struct spoke_verify *x = g->verify;
	char *json;

	if (!x) {
		sreq_problem(r, 404, "nothing was verified since the spoke was started");
		return;
	}
	if (x->read) {
		const struct spoke_read_at *at = spoke_read_at(x->read);

		x->v.files = at->files;
		x->v.bytes = at->bytes + (x->v.done ? 0 : at->part.next);
		x->v.read = at->read;
	}
	json = wire_verified_encode(&x->v);
	sreq_reply_json(r, 200, json);
	free(json);
}
