/*
 * http.c: the requests that run: started, looked at five times a second (is anything moving, what
 * is to be charged), ended, told. Callers are told once and never from inside curl.
 */
#include "transfer/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "transfer/http_private.h"

#define TICK_S	0.2
#define TICK_US 200000
/* An answer may take so many times as long as nothing may move: a peer that sends a byte now and
 * then moves something for ever. */
#define ANSWER_STALLS 30

int64_t http_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

static void request_free(struct request *r)
{
	if (r->easy)
		curl_easy_cleanup(r->easy);
	http_socket_leave(r);
	curl_slist_free_all(r->headers);
	free(r->pins);
	free(r->answer);
	free((char *)r->spec.method);
	free((char *)r->spec.url);
	free(r);
}

void http_writes(struct request *r, bool writes)
{
	if (writes == r->writes)
		return;
	r->writes = writes;
	r->uploaded = -1;
	if (writes)
		TAILQ_INSERT_TAIL(&r->http->writing, r, write_entry);
	else
		TAILQ_REMOVE(&r->http->writing, r, write_entry);
}

static void forget(struct request *r)
{
	http_writes(r, false);
	if (r->resume)
		TAILQ_REMOVE(&r->http->resumed, r, resume_entry);
	r->resume = false;
}

/* The handle is out of the multi; curl is not on the stack. */
static void finish(struct request *r, CURLcode code)
{
	struct request_result res = {.body = r->answer ? r->answer : "", .body_len = r->answer_len};
	struct http *h = r->http;
	long connects = 0;

	TAILQ_REMOVE(&h->running, r, entry);
	forget(r);
	http_socket_settle(r);
	http_socket_counts(r, &res.wire_out, &res.wire_in);
	http_error_words(r, code, &res);
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &res.status);
	curl_easy_getinfo(r->easy, CURLINFO_NUM_CONNECTS, &connects);
	res.reused = connects == 0;
	r->ended = true;
	r->spec.done(r->spec.arg, &res);
	request_free(r);
	if (TAILQ_EMPTY(&h->running))
		ev_timer_stop(h->loop, &h->tick);
}

static void on_finished(void *arg, CURL *easy, CURLcode code)
{
	struct request *r = NULL;

	(void)arg;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&r);
	if (r->ended) /* aborted while curl was at it: on_settle() frees it */
		return;
	finish(r, code);
}

static void on_uses(void *arg, CURL *easy, int fd)
{
	struct request *r = NULL;

	(void)arg;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&r);
	if (r)
		http_socket_used(r, fd);
}

static void resume_now(struct request *r)
{
	if (!r->paused)
		return;
	r->paused = false;
	r->progress_us = http_now_us();
	curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

static void reap(struct request *r)
{
	http_socket_settle(r);
	http_socket_discard(r);
	curl_loop_remove(r->http->curl, r->easy);
	request_free(r);
}

static void on_settle(void *arg)
{
	struct http *h = arg;
	struct request *r;

	while ((r = TAILQ_FIRST(&h->ended))) {
		TAILQ_REMOVE(&h->ended, r, entry);
		reap(r);
	}
	while ((r = TAILQ_FIRST(&h->resumed))) {
		TAILQ_REMOVE(&h->resumed, r, resume_entry);
		r->resume = false;
		resume_now(r);
	}
}

/*
 * Curl writes one TLS record a call. Whose socket took all of the last one is let write the next
 * at once: asking the loop each time whether it may was most of what a shaped upload cost.
 */
static int on_more(void *arg)
{
	struct http *h = arg;
	struct request *r;

	while ((r = TAILQ_FIRST(&h->writing))) {
		curl_off_t was = r->uploaded;

		curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &r->uploaded);
		if (r->uploaded != was && !r->paused && r->conn && r->conn->fd >= 0)
			return r->conn->fd;
		http_writes(r, false);
	}
	return -1;
}

static bool stalled(struct request *r, int64_t now)
{
	uint64_t out, in;

	http_socket_known(r, &out, &in);
	/* A body that waits for the shaper is our own doing. */
	if (out + in != r->moved || r->paused) {
		r->moved = out + in;
		r->progress_us = now;
		return false;
	}
	return r->spec.stall_us > 0 && now - r->progress_us > r->spec.stall_us;
}

/* The peer has had all there is for it, and does not come to an end with its answer. */
static bool overdue(struct request *r, int64_t now)
{
	if (r->paused || r->handed != r->handed_then) {
		r->handed_then = r->handed;
		r->handed_us = now;
		return false;
	}
	return r->spec.stall_us > 0 && now - r->handed_us > ANSWER_STALLS * r->spec.stall_us;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct http *h = container_of(w, struct http, tick);
	int64_t now = http_now_us();
	struct request *r;

	(void)loop;
	(void)revents;
	TAILQ_FOREACH (r, &h->running, entry) {
		if (now - r->settled_us >= TICK_US)
			http_socket_charge(r);
	}
again:
	/* done() may end other requests: begin anew after each. */
	TAILQ_FOREACH (r, &h->running, entry) {
		if (!r->error && stalled(r, now))
			r->error = -ETIMEDOUT;
		if (!r->error && overdue(r, now))
			r->error = -ETIME;
		if (!r->error)
			continue;
		http_socket_discard(r);
		curl_loop_remove(h->curl, r->easy);
		finish(r, CURLE_OPERATION_TIMEDOUT);
		goto again;
	}
}

struct http *http_new(struct ev_loop *loop)
{
	struct http *h = xcalloc(1, sizeof(*h));
	struct curl_loop_calls calls = {.finished = on_finished,
					.settle = on_settle,
					.uses = on_uses,
					.more = on_more,
					.arg = h};

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort(); /* out of memory */
	h->loop = loop;
	TAILQ_INIT(&h->running);
	TAILQ_INIT(&h->ended);
	TAILQ_INIT(&h->resumed);
	TAILQ_INIT(&h->writing);
	TAILQ_INIT(&h->conns);
	ev_timer_init(&h->tick, on_tick, TICK_S, TICK_S);
	h->curl = curl_loop_new(loop, &calls);
	return h;
}

struct http *http_free(struct http *h)
{
	struct request *r;

	if (!h)
		return NULL;
	while ((r = TAILQ_FIRST(&h->running)))
		request_abort(r);
	curl_loop_free(h->curl); /* closes what was kept */
	http_conns_drop(h);
	ev_timer_stop(h->loop, &h->tick);
	free(h);
	curl_global_cleanup();
	return NULL;
}

struct request *request_start(struct http *h, const struct request_spec *spec)
{
	struct request *r = xcalloc(1, sizeof(*r));

	r->http = h;
	r->spec = *spec;
	r->spec.method = xstrdup(spec->method);
	r->spec.url = xstrdup(spec->url);
	r->pins = http_request_pins(spec->pins, spec->n_pins);
	r->progress_us = r->handed_us = http_now_us();
	r->charged = spec->prepaid;
	r->easy = http_request_easy(r);
	if (!r->easy || curl_loop_add(h->curl, r->easy) < 0)
		abort();     /* out of memory */
	r->spec.pins = NULL; /* the caller's, and no longer needed */
	r->spec.body = NULL;
	if (TAILQ_EMPTY(&h->running))
		ev_timer_again(h->loop, &h->tick);
	TAILQ_INSERT_TAIL(&h->running, r, entry);
	return r;
}

void request_resume(struct request *r)
{
	if (r->ended || r->resume)
		return;
	if (!curl_loop_inside(r->http->curl)) {
		resume_now(r);
		return;
	}
	r->resume = true;
	TAILQ_INSERT_TAIL(&r->http->resumed, r, resume_entry);
}

void request_write(struct request *r)
{
	bool waits = r->paused;
	struct http *h = r->http;

	request_resume(r);
	if (!waits || r->paused)
		return;
	http_writes(r, true);
	curl_loop_write(h->curl);
}

void request_abort(struct request *r)
{
	struct http *h;

	if (!r || r->ended)
		return;
	h = r->http;
	r->ended = true;
	TAILQ_REMOVE(&h->running, r, entry);
	forget(r);
	if (TAILQ_EMPTY(&h->running))
		ev_timer_stop(h->loop, &h->tick);
	if (curl_loop_inside(h->curl))
		TAILQ_INSERT_TAIL(&h->ended, r, entry);
	else
		reap(r);
}

bool request_holds_body(const struct request *r)
{
	return r->holds_body;
}

void request_counts(const struct request *r, uint64_t *ret_out, uint64_t *ret_in)
{
	http_socket_counts(r, ret_out, ret_in);
}

void request_counts_lately(const struct request *r, uint64_t *ret_out, uint64_t *ret_in)
{
	http_socket_known(r, ret_out, ret_in);
}

void request_set_lowat(struct request *r, uint64_t bytes)
{
	r->spec.notsent_lowat = bytes;
	if (r->conn)
		http_socket_lowat(r->conn, bytes);
}

void request_set_charge(struct request *r, struct shaper_node *charge)
{
	http_socket_charge(r); /* what went so far is the former's */
	r->spec.charge = charge;
}

struct ev_loop *http_loop(const struct http *h)
{
	return h->loop;
}

void http_close_resting(struct http *h)
{
	h->resting_us = http_now_us();
}

void http_close_pinned(struct http *h, const struct pin *pins, size_t n_pins)
{
	char *text = http_request_pins(pins, n_pins);
	struct http_conn *c;
	struct request *r;

	/* Told at the next tick: the caller is in the middle of something of its own. */
	TAILQ_FOREACH (r, &h->running, entry)
		if (strcmp(r->pins, text) == 0)
			r->error = -EKEYREVOKED;
	/* Kept ones: curl finds them closed, as if by the peer. */
	TAILQ_FOREACH (c, &h->conns, entry)
		if (strcmp(c->pins, text) == 0 && http_conn_open(c))
			shutdown(c->fd, SHUT_RDWR);
	free(text);
}
