/*
 * server.h: HTTP server on libmicrohttpd inside the libev loop; server.c is the only file that
 * knows it. Two uses: the spoke's HTTPS (TLS 1.3, only pinned keys get past the handshake) and the
 * control API on a Unix socket (peer credentials).
 *
 * A request's handler is called once with its head. It answers at once (server_reply), or takes the
 * body (collected up to a limit, or streamed) and answers then or later from the loop thread. An
 * answer before the body is taken costs the client no body byte (Expect: 100-continue).
 */
#ifndef SPOKESYNC_TRANSFER_SERVER_H
#define SPOKESYNC_TRANSFER_SERVER_H

#include <sys/types.h>

#include "policy/base.h"
#include "policy/config.h"

struct ev_loop;
struct node_key;
struct server;
struct sreq; /* one request being served */

typedef void server_handler_fn(void *arg, struct sreq *r);

struct server_spec {
	struct ev_loop *loop;
	const char *listen; /* TLS: "host:port"; port 0 allowed */
	const struct node_key *key;
	/* Asked in the handshake, loop thread: is this key known? */
	bool (*pin_known)(void *arg, const uint8_t pin[32]);
	/* Asked there too, of a key that is not: may it make one request all the same? That goes to
	 * guest_handler, and its connection is closed behind the answer. NULL: never. */
	bool (*guest_welcome)(void *arg);
	void (*guest_handler)(void *arg, struct sreq *r);
	const char *unix_path; /* instead of listen: a Unix socket, mode 0660 */
	gid_t unix_gid;	       /* -1: unchanged */
	unsigned max_connections;
	unsigned max_per_peer; /* per uid (Unix) or address */
	server_handler_fn *handler;
	void *arg;
};

int server_new(const struct server_spec *spec, struct server **ret, struct err *e) WARN_UNUSED;
struct server *server_free(struct server *s); /* ends every request */
unsigned server_port(const struct server *s);
/* TLS: a request or an answer in which nothing moves for so long is ended, and its connection; of
 * those that begin from now on. A streamed body is its taker's to watch. */
void server_set_stall(struct server *s, int64_t us);
/* Closes the connections whose key pin_known() no longer knows. */
void server_recheck_pins(struct server *s);

/* The head; strings live as long as the request. */
const char *sreq_method(const struct sreq *r);
const char *sreq_path(const struct sreq *r);			/* decoded, without query */
const char *sreq_query(const struct sreq *r, const char *name); /* NULL: absent */
/* A plain decimal number: 0; -ENOENT: absent; -EINVAL: something else, or above INT64_MAX, which
 * is as far as positions and sequences are kept. */
int sreq_number(const struct sreq *r, const char *name, uint64_t *ret) WARN_UNUSED;
/* Unix socket: credentials of the peer. */
bool sreq_creds(const struct sreq *r, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid);
uint64_t sreq_body_length(const struct sreq *r); /* UINT64_MAX: chunked */
const uint8_t *sreq_pin(const struct sreq *r);	 /* TLS: the peer's key, 32 bytes */

/* Collects the body; done(arg, r, body, len) once it is whole. Over max: 413 is answered. */
typedef void sreq_body_fn(void *arg, struct sreq *r, const char *body, size_t len);
void sreq_collect(struct sreq *r, size_t max, sreq_body_fn *done, void *arg);
/*
 * Streams the body: data() takes all bytes it is given. Return false from it to be given no more
 * until sreq_continue(). end() at the body's end. closed() instead, if the peer went away.
 */
struct sreq_sink {
	bool (*data)(void *arg, const void *buf, size_t len);
	void (*end)(void *arg);
	void (*closed)(void *arg);
	void *arg;
};
void sreq_stream(struct sreq *r, const struct sreq_sink *sink);
void sreq_continue(struct sreq *r);
/* Told once when the request is over, however it ended. For late answerers. */
void sreq_on_over(struct sreq *r, void (*over)(void *arg), void *arg);

/* Answers. body is copied. After it r may not be used. */
void sreq_reply(struct sreq *r, unsigned status, const char *content_type, const char *body,
		size_t len);
void sreq_reply_json(struct sreq *r, unsigned status, const char *json);
/* RFC 9457: {"title":..., "status":..., "detail":...} */
void sreq_problem(struct sreq *r, unsigned status, const char *fmt, ...) PRINTF(3, 4);
/* An endless answer of lines (application/x-ndjson): push lines until sreq_lines_end(). A reader
 * that lets more than a megabyte wait is cut off. */
void sreq_lines_begin(struct sreq *r);
int sreq_lines_push(struct sreq *r, const char *line) WARN_UNUSED; /* -ENOBUFS: it was cut off */
void sreq_lines_end(struct sreq *r);
/* Ends the connection of this request now, without an answer. */
void sreq_drop(struct sreq *r);

#endif
