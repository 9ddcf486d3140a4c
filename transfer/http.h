/*
 * http.h: HTTPS requests by libcurl's multi interface on the libev loop. Together with curl_loop.c
 * the only code that knows curl. TLS 1.3 only, https (or a Unix socket for the command line) only,
 * no proxy, no redirects, no content decoding, HTTP/1.1; answers are bounded; pins are enforced.
 */
#ifndef SPOKESYNC_TRANSFER_HTTP_H
#define SPOKESYNC_TRANSFER_HTTP_H

#include "policy/base.h"
#include "policy/config.h"

struct ev_loop;
struct http;
struct node_key;
struct request;
struct shaper_node;

struct http *http_new(struct ev_loop *loop) WARN_UNUSED;
struct ev_loop *http_loop(const struct http *h);
struct http *http_free(struct http *h); /* cancels what runs; done() is not called */

/* Closes the connections that were made with exactly these pins, the running ones, too. */
void http_close_pinned(struct http *h, const struct pin *pins, size_t n_pins);

/* Connections that rest now, to whomever, are closed by the next request: nobody will ever use some
 * of them again, and curl (7.88 with GnuTLS) takes every one of them for alive. */
void http_close_resting(struct http *h);

struct request_result {
	int error; /* 0: there is an answer; else -ECONNREFUSED, -ETIMEDOUT, -ECONNRESET, ... */
	bool unknown_key; /* closed right after the handshake: the peer does not know our key */
	bool wrong_key;	  /* the peer's key is none of the pins */
	long status;	  /* HTTP status */
	const char *body; /* NUL-terminated; valid during done() */
	size_t body_len;
	uint64_t wire_out,
		wire_in; /* TCP stream bytes of this request, TLS and handshake included */
	bool reused;	 /* no new handshake */
	char text[256];	 /* error in words */
};

struct request_spec {
	const char *method; /* "GET", "POST", "PUT", "DELETE" */
	const char *url;
	const struct pin *pins; /* of the peer */
	size_t n_pins;
	const struct node_key *key; /* ours */
	const char *body;	    /* copied; NULL: none, or read() */
	size_t body_len;
	const char *type; /* header line, static; NULL: JSON */
	/* Streaming body (chunked): count > 0, 0 = end, -EAGAIN = wait for request_resume(). */
	int64_t (*read)(void *arg, void *buf, size_t len);
	/* Socket bytes sent beyond what read() handed out are charged here as they go; may be NULL.
	 */
	struct shaper_node *charge;
	uint64_t prepaid; /* bytes that were granted for this request beforehand */
	/* Sent bytes kept in the kernel: about this many at most (TCP_NOTSENT_LOWAT); 0: default.
	 */
	uint64_t notsent_lowat;
	bool fresh;		      /* a connection of its own, closed afterwards */
	size_t answer_max;	      /* more ends the request with -E2BIG */
	int64_t connect_us, stall_us; /* limits: to connect; without any progress */
	void (*done)(void *arg, const struct request_result *r);
	void *arg;
};

struct request *request_start(struct http *h, const struct request_spec *spec) WARN_UNUSED;
void request_resume(struct request *r); /* read() has bytes again */
/* The same, and what it has is written before this returns; done() may be called, of any request.
 */
void request_write(struct request *r);
/* Ends it now: the connection is reset and what the kernel still holds is discarded. done() is not
 * called. */
void request_abort(struct request *r);
/* Has read() handed out bytes that are not in the socket yet? Unless aborted, they will be. */
bool request_holds_body(const struct request *r);
/* Live counts of the TCP stream so far. */
void request_counts(const struct request *r, uint64_t *ret_out, uint64_t *ret_in);
/* As of a fifth of a second ago at most, and without asking the kernel. */
void request_counts_lately(const struct request *r, uint64_t *ret_out, uint64_t *ret_in);
void request_set_lowat(struct request *r, uint64_t bytes);
void request_set_charge(struct request *r, struct shaper_node *charge);

#endif
