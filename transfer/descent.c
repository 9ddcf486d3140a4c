/*
 * descent.c: see descent.h. A turn is: a worker takes the last answer and makes the next question;
 * the question goes out when the shaper has paid for it; a 202 is asked again after a while.
 */
#include "transfer/descent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>

#include "transfer/peer_private.h"
#include "transfer/shaper.h"
#include "transfer/worker.h"

/* Heads and TLS of a request on a kept connection, roughly. */
#define REQUEST_COST 500u
#define POLL_FIRST_S 0.5
#define POLL_MOST_S  10.0
#define BUSY_MOST    100u /* answers in a row that it is busy */

struct descent {
	struct descent_spec spec;
	descent_ended_fn *ended;
	void *arg;
	struct ev_loop *loop;
	unsigned weight;
	bool running, orphan;
	/* The worker's while `working`. */
	struct work work;
	bool working;
	atomic_bool cancel;
	struct learn *learn;
	uint8_t *answer; /* to be taken */
	size_t answer_len;
	int error;
	struct err e;
	/* The question at hand; len 0: none yet, or none more. */
	uint8_t question[TREE_ASK_MAX];
	size_t question_len;
	bool all_asked;

	struct shaper_node *leaf;
	uint64_t granted;
	struct word *word;
	ev_timer poll;
	double poll_s;
	unsigned busy;
	struct descent_stats stats;
};

static void turn(struct descent *d);

static void end(struct descent *d, struct descent_result *r)
{
	descent_stop(d);
	d->ended(d->arg, r);
}

static void end_bad(struct descent *d, const char *text)
{
	struct descent_result r = {.end = DESCENT_BAD};

	snprintf(r.text, sizeof(r.text), "%s", text);
	end(d, &r);
}

/* ---- the worker's part ---- */

static int open_new(struct descent *d)
{
	char name[HASH_HEX + 1];
	struct index *x;
	int r = index_open(d->spec.index_dirfd, hash_hex(&d->spec.root, name), &x, &d->e);

	if (r < 0)
		return r;
	r = learn_new(x, &d->spec.base, d->spec.base_size, &d->learn);
	index_unref(x);
	return r;
}

static int take_answer(struct descent *d)
{
	struct tree_answer a;
	int r = tree_answer_decode(d->answer, d->answer_len, &a, &d->e);

	if (r == 0)
		r = learn_answer(d->learn, &a, &d->cancel, &d->e);
	return r;
}

static void work_run(struct work *w)
{
	struct descent *d = container_of(w, struct descent, work);
	struct tree_ask ask;
	int r = d->learn == NULL ? open_new(d) : 0;

	if (r == 0 && d->answer != NULL)
		r = take_answer(d);
	d->question_len = 0;
	if (r == 0 && learn_next(d->learn, &ask)) {
		d->question_len = tree_ask_encode(&ask, d->question);
	} else if (r == 0) {
		r = learn_write(d->learn, d->spec.index_dirfd, &d->cancel);
		d->all_asked = r == 0;
	}
	d->error = r;
}

static void destroy(struct descent *d)
{
	learn_free(d->learn);
	close(d->spec.index_dirfd);
	free((char *)d->spec.group);
	free((char *)d->spec.path);
	free(d->answer);
	free(d);
}

static void work_done(struct work *w)
{
	struct descent *d = container_of(w, struct descent, work);

	d->working = false;
	free(d->answer);
	d->answer = NULL;
	if (d->orphan) {
		destroy(d);
		return;
	}
	if (d->learn != NULL)
		learn_stats(d->learn, &d->stats.learn);
	if (d->running)
		turn(d);
}

static void submit(struct descent *d)
{
	d->working = true;
	d->work = (struct work){.run = work_run, .done = work_done};
	pool_submit(d->spec.pool, NULL, &d->work);
}

/* ---- the wire ---- */

static void poll_later(struct descent *d)
{
	d->poll_s = MIN(MAX(d->poll_s * 1.5, POLL_FIRST_S), POLL_MOST_S);
	ev_now_update(d->loop);
	ev_timer_set(&d->poll, d->poll_s, 0.);
	ev_timer_start(d->loop, &d->poll);
}

static void on_poll(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	turn(container_of(w, struct descent, poll));
}

/* 202: it hashes; 503: it is busy. */
static void wait_for_spoke(struct descent *d, const struct request_result *r)
{
	struct err e = {""};

	d->stats.waiting = r->status == 202;
	if (r->status == 202 &&
	    tree_wait_decode(r->body, r->body_len, &d->stats.hashed, &d->stats.to_hash, &e) < 0) {
		end_bad(d, e.text);
		return;
	}
	if (r->status == 503 && ++d->busy > BUSY_MOST) {
		end_bad(d, "the spoke is busy all the time");
		return;
	}
	poll_later(d);
}

static void found(struct descent *d, const struct request_result *r)
{
	struct descent_result result = {.end = DESCENT_FOUND};
	struct tree_answer a;
	struct err e = {""};

	if (tree_answer_decode(r->body, r->body_len, &a, &e) < 0 || a.level != TREE_PATH) {
		end_bad(d, e.text[0] ? e.text : "the spoke answered something else than was asked");
		return;
	}
	memcpy(result.root.b, a.hashes, HASH_SIZE);
	result.size = a.size;
	end(d, &result);
}

static void answered(struct descent *d, const struct request_result *r)
{
	d->busy = 0;
	d->poll_s = 0;
	d->stats.waiting = false;
	if (d->spec.path != NULL) {
		found(d, r);
		return;
	}
	d->answer = xcalloc(1, r->body_len + 1);
	memcpy(d->answer, r->body, r->body_len);
	d->answer_len = r->body_len;
	submit(d);
}

static void word_done(void *arg, const struct peer_answer *a, const struct request_result *r)
{
	struct descent_result result = {.end = DESCENT_PEER, .answer = *a};
	struct descent *d = arg;

	d->word = NULL;
	d->stats.wire_out += a->wire_out;
	d->stats.wire_in += a->wire_in;
	if (r->error == 0 && (r->status == 202 || r->status == 503)) {
		wait_for_spoke(d, r);
	} else if (a->error == PEER_OK) {
		answered(d, r);
	} else {
		if (a->error == PEER_REFUSED)
			result.end = r->status == 404 ? DESCENT_GONE : DESCENT_BAD;
		snprintf(result.text, sizeof(result.text), "%s", a->text);
		end(d, &result);
	}
}

static void send_question(struct descent *d)
{
	struct word_spec spec = {.method = "POST",
				 .body_len = d->question_len,
				 .charge = d->leaf,
				 .prepaid = d->granted,
				 .done = word_done,
				 .arg = d};
	char *path = xasprintf("/v1/groups/%s/tree", d->spec.group);

	spec.path = path;
	spec.body = xcalloc(1, d->question_len);
	memcpy(spec.body, d->question, d->question_len);
	d->granted = 0;
	shaper_want(d->leaf, false);
	d->word = peer_call(d->spec.peer, &spec);
	free(path);
}

/* The question goes once all of it was granted: on a slow line bit by bit. */
static void pay(void *arg)
{
	struct descent *d = arg;
	uint64_t need = REQUEST_COST + d->question_len;

	if (d->word != NULL || d->working || d->question_len == 0 || ev_is_active(&d->poll))
		return;
	while (d->granted < need) {
		size_t n = shaper_grant(d->leaf, need - d->granted);

		if (n == 0) {
			shaper_want(d->leaf, true);
			return;
		}
		d->granted += n;
	}
	send_question(d);
}

/* Whatever comes next, now that nothing is under way. */
static void turn(struct descent *d)
{
	struct descent_result r = {.end = DESCENT_KNOWN};

	if (d->error < 0)
		end_bad(d, d->e.text[0] ? d->e.text : strerror(-d->error));
	else if (d->all_asked)
		end(d, &r);
	else if (d->question_len == 0)
		submit(d);
	else
		pay(d);
}

/* ---- its life ---- */

struct descent *descent_new(const struct descent_spec *spec, descent_ended_fn *ended, void *arg)
{
	struct tree_ask ask = {.level = TREE_PATH};
	int fd = fcntl(spec->index_dirfd, F_DUPFD_CLOEXEC, 0);
	struct descent *d;

	if (fd < 0)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->spec = *spec;
	d->spec.index_dirfd = fd;
	d->spec.group = xstrdup(spec->group);
	d->ended = ended;
	d->arg = arg;
	d->loop = http_loop(spec->peer->http);
	ev_timer_init(&d->poll, on_poll, 0., 0.);
	if (spec->path == NULL)
		return d;
	d->spec.path = xstrdup(spec->path);
	snprintf(ask.path, sizeof(ask.path), "%s", spec->path);
	d->question_len = tree_ask_encode(&ask, d->question);
	return d;
}

void descent_start(struct descent *d, struct shaper_node *parent, unsigned weight)
{
	if (d->running)
		return;
	d->running = true;
	d->weight = weight;
	d->leaf = shaper_node_new(parent, weight, pay, d);
	d->poll_s = 0;
	/* ended() is never called from in here. */
	if (!d->working) {
		ev_now_update(d->loop);
		ev_timer_set(&d->poll, 0., 0.);
		ev_timer_start(d->loop, &d->poll);
	}
}

void descent_stop(struct descent *d)
{
	uint64_t out = 0, in = 0;

	if (!d->running)
		return;
	d->running = false;
	if (d->word != NULL) {
		peer_call_counts(d->word, &out, &in);
		d->stats.wire_out += out;
		d->stats.wire_in += in;
	}
	d->stats.waiting = false;
	peer_call_cancel(d->word);
	d->word = NULL;
	ev_timer_stop(d->loop, &d->poll);
	if (d->granted > 0)
		shaper_refund(d->leaf, d->granted);
	d->granted = 0;
	d->leaf = shaper_node_free(d->leaf);
}

void descent_reparent(struct descent *d, struct shaper_node *parent)
{
	struct shaper_node *old = d->leaf;

	if (!d->running)
		return;
	d->leaf = shaper_node_new(parent, d->weight, pay, d);
	peer_call_charge(d->word, d->leaf);
	if (d->granted > 0)
		shaper_refund(old, d->granted);
	d->granted = 0;
	shaper_node_free(old);
	pay(d);
}

struct descent *descent_free(struct descent *d)
{
	if (d == NULL)
		return NULL;
	descent_stop(d);
	d->cancel = d->orphan = true;
	if (!d->working)
		destroy(d);
	return NULL;
}

void descent_stats(const struct descent *d, struct descent_stats *ret)
{
	*ret = d->stats;
}
