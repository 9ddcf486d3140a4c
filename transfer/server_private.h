/*
 * server_private.h: what server.c, server_listen.c, server_tls.c and the sreq*.c share: the
 * server, its connections and its requests. Only these files know libmicrohttpd.
 *
 * Everything happens on the loop thread. A request is either inside a callback of the library, or
 * waits for its peer, or is suspended: then only sreq_wake() brings it back. Waking marks it and
 * feeds the server's watcher; the library itself is entered by server_pump() alone.
 */
#ifndef SPOKESYNC_TRANSFER_SERVER_PRIVATE_H
#define SPOKESYNC_TRANSFER_SERVER_PRIVATE_H

#include <sys/queue.h>

#include <ev.h>
#include <microhttpd.h>

#include "transfer/server.h"

#define SERVER_TARGET_MAX  8192u  /* bytes of a path, and of one header */
#define SERVER_HEADERS_MAX 16384u /* of all of them */
#define SERVER_DISCARD_MAX (1u << 20)
#define SERVER_LINES_MAX   (1u << 20)
#define SERVER_HEAD_S	   30u	 /* seconds for a handshake and the head of a request */
#define SERVER_GUESTS_MAX  4u	 /* connections with an unknown key, while there may be any */
#define SERVER_STALL	   300u	 /* seconds without a byte, if nobody says otherwise */
#define SERVER_IDLE	   1500u /* seconds that a known peer's connection may rest */

struct sconn {
	struct server *server;
	struct MHD_Connection *c;
	int fd;
	bool has_creds, over_limit, has_pin, guest, put_out, requested;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	uint8_t pin[32];
	TAILQ_ENTRY(sconn) entry;
};
TAILQ_HEAD(sconn_list, sconn);

enum sreq_state {
	SREQ_HEAD,    /* the handler has not yet said what to do with the body */
	SREQ_COLLECT, /* the body is gathered */
	SREQ_STREAM,  /* the body is handed on as it comes */
	SREQ_DISCARD, /* answered in the middle of the body: the rest is let pass */
	SREQ_ENDED,   /* the body is over */
};

struct sreq {
	struct server *server;
	struct sconn *conn;
	struct MHD_Connection *c;
	char *method, *path;
	uint64_t body_length;
	enum sreq_state state;
	bool at_head; /* the library has not yet been told to go on to the body */
	bool too_large, suspended, dropped, queued;
	struct MHD_Response *response; /* the answer, once known */
	unsigned status;
	/* collect */
	char *body;
	size_t body_len, body_size, body_max;
	sreq_body_fn *collected;
	void *collected_arg;
	/* stream */
	struct sreq_sink sink;
	size_t discarded;
	/* lines */
	bool lines, lines_ended;
	char *out;
	size_t out_off, out_len, out_size;
	void (*over)(void *arg);
	void *over_arg;
	TAILQ_ENTRY(sreq) entry;
};
TAILQ_HEAD(sreq_list, sreq);

struct server {
	struct server_spec spec;
	char *listen, *unix_path;
	int fd;
	unsigned port;
	struct MHD_Daemon *mhd;
	ev_io io;
	ev_timer timer, sweep;
	bool running;	/* inside MHD_run */
	bool moved;	/* it called us */
	unsigned stall; /* seconds */
	struct sconn_list conns;
	struct sreq_list reqs;
};

/* server_pump.c */
void server_pump_start(struct server *s);
void server_pump_stop(struct server *s);
void server_kick(struct server *s);

/* server_listen.c: a bound, listening, non-blocking socket. */
int server_listen_tcp(const char *listen, int *ret_fd, unsigned *ret_port,
		      struct err *e) WARN_UNUSED;
int server_listen_unix(const char *path, gid_t gid, int *ret_fd, struct err *e) WARN_UNUSED;

/* server_tls.c */
extern const char server_tls_priority[];
void server_tls_started(struct sconn *conn);

/* sreq.c: called by server.c out of the library's callbacks. */
struct sreq *sreq_new(struct sconn *conn, const char *url, const char *method) WARN_UNUSED;
void sreq_over(struct sreq *r);	 /* frees */
void sreq_watch(struct sreq *r); /* its peer has to move, from now on */
enum MHD_Result sreq_step(struct sreq *r);
enum MHD_Result sreq_take(struct sreq *r, const char *data, size_t len);
void sreq_wake(struct sreq *r);
void sreq_suspend(struct sreq *r);
void sreq_answer(struct sreq *r, unsigned status, const char *content_type,
		 struct MHD_Response *response);

#endif
