/*
 * http_private.h: private to http*.c: a request, and a connection as far as we look into it.
 *
 * Connections are curl's, but their sockets are made and closed by http_socket.c, so that each
 * connection's TCP counts can be read while it lives and once more before it is closed.
 */
#ifndef SPOKESYNC_TRANSFER_HTTP_PRIVATE_H
#define SPOKESYNC_TRANSFER_HTTP_PRIVATE_H

#include <sys/queue.h>

#include <curl/curl.h>
#include <ev.h>

#include "transfer/curl_loop.h"
#include "transfer/http.h"

/* One socket. Lives until it is closed and no request looks at it any more. */
struct http_conn {
	struct http *http;
	uint64_t ino;	  /* of the socket: tells it from a later one of the same number */
	int fd;		  /* -1: closed */
	char *pins;	  /* those that its peer was checked against */
	uint64_t out, in; /* TCP stream bytes: as last read, or at the end */
	uint64_t written; /* out, and what the kernel holds and has not sent yet */
	/* These when its last request ended. Curl tells that it uses a kept connection when it
	 * has written the request already. */
	uint64_t seen_out, seen_in, seen_written;
	bool small_buffer;
	unsigned refs;
	TAILQ_ENTRY(http_conn) entry;
};
TAILQ_HEAD(http_conns, http_conn);

struct request {
	struct http *http;
	struct request_spec spec;
	CURL *easy;
	struct curl_slist *headers;
	char *pins; /* curl's "sha256//...;sha256//..." */
	struct http_conn *conn;
	uint64_t out_before, in_before,
		written_before;	    /* the connection's, when this request came */
	uint64_t out_done, in_done; /* of connections that this request used before this one */
	uint64_t handed;	    /* by read() */
	uint64_t charged;	    /* beyond that */
	int64_t progress_us;	    /* when anything last moved */
	uint64_t moved;		    /* out + in then */
	int64_t handed_us;	    /* when read() last handed out anything; else its beginning */
	uint64_t handed_then;	    /* handed at that time */
	char *answer;
	size_t answer_len;
	uint64_t answer_bytes; /* of heads, too: 0 = the peer said nothing */
	int error;	       /* of our own making: too large, read() failed, stalled */
	bool paused;
	bool resume;	 /* in the list of those */
	bool holds_body; /* curl has bytes of read() that it has not written yet */
	bool writes;	 /* in the list of those that got bytes from read() just now */
	curl_off_t uploaded;
	int64_t settled_us;
	bool ended; /* no callback any more; freed when curl has returned */
	char errbuf[CURL_ERROR_SIZE];
	TAILQ_ENTRY(request) entry, resume_entry, write_entry;
};
TAILQ_HEAD(requests, request);

struct http {
	struct ev_loop *loop;
	struct curl_loop *curl;
	ev_timer tick;
	struct requests running;
	struct requests ended, resumed, writing;
	struct http_conns conns;
	int64_t resting_us; /* those that rested then are to go; 0: none */
};

int64_t http_now_us(void);
void http_writes(struct request *r, bool writes); /* it has more to write now */

/* http_request.c */
/* No redirect, no proxy, no passwords of files: nothing goes where nobody meant it. */
void http_strict(CURL *easy);
CURL *http_request_easy(struct request *r) WARN_UNUSED; /* NULL: out of memory */
char *http_request_pins(const struct pin *pins, size_t n) WARN_UNUSED;

/* http_socket.c */
void http_socket_options(struct request *r, CURL *easy);
void http_socket_used(struct request *r, int fd); /* the request uses this connection now */
void http_socket_read_counts(struct http_conn *c);
void http_socket_counts(const struct request *r, uint64_t *ret_out, uint64_t *ret_in);
/* The same as of the last time that anybody looked. */
void http_socket_known(const struct request *r, uint64_t *ret_out, uint64_t *ret_in);
void http_socket_charge(struct request *r);
/* A charge when nothing is under way: what was prepaid in vain comes back. */
void http_socket_settle(struct request *r);
void http_socket_lowat(struct http_conn *c, uint64_t bytes);
void http_socket_discard(struct request *r); /* closing resets, nothing more is sent */
void http_socket_leave(struct request *r);
bool http_conn_open(const struct http_conn *c);
void http_conns_drop(struct http *h); /* those that curl closed without a word */

/* http_error.c */
void http_error_words(struct request *r, CURLcode code, struct request_result *ret);

#endif
