/*
 * server.c: the HTTP server: libmicrohttpd without threads. Starts and stops it, counts
 * connections, hands requests to sreq.c. What a request means is the handler's business.
 *
 * Rules that were measured with 0.9.75: the library is entered from the loop thread only; all bytes
 * of a body are taken as they are offered; a suspended connection notices nothing, so a sweep looks
 * for peers that left.
 */
#include "transfer/server_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transfer/key.h"

#define SWEEP_S	    1.0 /* how often departed peers of resting requests are looked for */
#define TLS_MEMORY  (128u << 10)
#define UNIX_MEMORY (64u << 10)

/* A resting request does not notice that its peer left: look, and end it. */
static void on_sweep(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct server *s = w->data;
	struct sreq *r;

	(void)revents;
	if (TAILQ_EMPTY(&s->reqs)) /* an idle server sleeps: a request starts it again */
		ev_timer_stop(loop, w);
	TAILQ_FOREACH (r, &s->reqs, entry) {
		struct pollfd p = {.fd = r->conn->fd, .events = r->lines ? POLLRDHUP : 0};

		if (r->suspended && poll(&p, 1, 0) == 1 &&
		    (p.revents & (POLLHUP | POLLERR | POLLRDHUP)))
			sreq_drop(r);
	}
}

static unsigned conns_of_uid(const struct server *s, uid_t uid)
{
	const struct sconn *c;
	unsigned n = 0;

	TAILQ_FOREACH (c, &s->conns, entry)
		n += c->has_creds && c->uid == uid;
	return n;
}

static void conn_creds(struct sconn *conn)
{
	struct ucred u;
	socklen_t len = sizeof(u);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &u, &len) < 0)
		return;
	conn->over_limit = conns_of_uid(conn->server, u.uid) >= conn->server->spec.max_per_peer;
	conn->has_creds = true;
	conn->uid = u.uid;
	conn->gid = u.gid;
	conn->pid = u.pid;
	if (conn->over_limit)
		MHD_set_connection_option(conn->c, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
}

/* A machine that went away without a word is noticed after about two minutes, while something is on
 * its way there after the time that nothing may move. */
static void conn_keepalive(const struct server *s, int fd)
{
	int on = 1, idle = 60, every = 20, count = 3;
	unsigned ms = s->stall * 1000;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static void on_connection(void *cls, struct MHD_Connection *c, void **ctx,
			  enum MHD_ConnectionNotificationCode code)
{
	struct server *s = cls;
	struct sconn *conn = *ctx;

	s->moved = true;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (conn)
			TAILQ_REMOVE(&s->conns, conn, entry);
		free(conn);
		*ctx = NULL;
		return;
	}
	conn = xcalloc(1, sizeof(*conn));
	conn->server = s;
	conn->c = c;
	conn->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	if (s->unix_path) {
		conn_creds(conn);
	} else {
		conn_keepalive(s, conn->fd);
		server_tls_started(conn);
	}
	TAILQ_INSERT_TAIL(&s->conns, conn, entry);
	*ctx = conn;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **ctx)
{
	struct server *s = cls;
	struct sreq *r = *ctx;
	struct sconn *conn;

	(void)version;
	s->moved = true;
	if (r && *len) {
		size_t n = *len;

		*len = 0;
		return sreq_take(r, data, n);
	}
	if (r)
		return sreq_step(r);
	conn = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	if (!conn || (!s->unix_path && !conn->has_pin))
		return MHD_NO;
	conn->requested = true;
	r = *ctx = sreq_new(conn, url, method);
	TAILQ_INSERT_TAIL(&s->reqs, r, entry);
	if (!ev_is_active(&s->sweep))
		ev_timer_again(s->spec.loop, &s->sweep);
	if (conn->over_limit)
		sreq_problem(r, 503, "too many connections of user id %u", (unsigned)conn->uid);
	else if (strlen(url) > SERVER_TARGET_MAX)
		sreq_problem(r, 414, "the path is longer than %u bytes", SERVER_TARGET_MAX);
	else if (r->too_large)
		sreq_problem(r, 431, "the head is longer than %u bytes", SERVER_HEADERS_MAX);
	else
		(conn->guest ? s->spec.guest_handler : s->spec.handler)(s->spec.arg, r);
	return sreq_step(r);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **ctx,
			 enum MHD_RequestTerminationCode how)
{
	struct server *s = cls;
	struct sreq *r = *ctx;

	(void)how;
	s->moved = true;
	if (!r)
		return;
	*ctx = NULL;
	TAILQ_REMOVE(&s->reqs, r, entry);
	if (!r->conn->over_limit && !r->conn->guest)
		MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, SERVER_IDLE);
	sreq_over(r);
}

static void PRINTF(2, 0) no_log(void *cls, const char *fmt, va_list ap)
{
	(void)cls;
	(void)fmt;
	(void)ap;
}

static struct MHD_Daemon *start_mhd(struct server *s)
{
	const struct server_spec *spec = &s->spec;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	const char *pem = spec->key ? spec->key->pem : NULL;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)pem},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)pem},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)server_tls_priority},
		{MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)spec->max_per_peer, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	if (!s->unix_path)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, s->fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_TIMEOUT,
		SERVER_HEAD_S, MHD_OPTION_CONNECTION_LIMIT, spec->max_connections,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)(s->unix_path ? UNIX_MEMORY : TLS_MEMORY), MHD_OPTION_ARRAY,
		s->unix_path ? none : tls, MHD_OPTION_END);
}

int server_new(const struct server_spec *spec, struct server **ret, struct err *e)
{
	struct server *s = xcalloc(1, sizeof(*s));
	int r;

	s->spec = *spec;
	s->fd = -1;
	s->stall = SERVER_STALL;
	TAILQ_INIT(&s->conns);
	TAILQ_INIT(&s->reqs);
	if (spec->unix_path) {
		s->unix_path = xstrdup(spec->unix_path);
		r = server_listen_unix(s->unix_path, spec->unix_gid, &s->fd, e);
	} else {
		s->listen = xstrdup(spec->listen);
		r = server_listen_tcp(s->listen, &s->fd, &s->port, e);
	}
	if (r < 0)
		goto fail;
	s->mhd = start_mhd(s);
	if (!s->mhd) {
		r = err_set(e, -EIO, "the server on %s did not start",
			    s->unix_path ? s->unix_path : s->listen);
		goto fail;
	}
	ev_timer_init(&s->sweep, on_sweep, SWEEP_S, SWEEP_S);
	s->sweep.data = s;
	server_pump_start(s);
	*ret = s;
	return 0;
fail:
	server_free(s);
	return r;
}

struct server *server_free(struct server *s)
{
	struct sreq *r;

	if (!s)
		return NULL;
	if (s->mhd) {
		TAILQ_FOREACH (r, &s->reqs, entry)
			sreq_drop(r); /* none may be suspended when the library stops */
		server_pump_stop(s);
		ev_timer_stop(s->spec.loop, &s->sweep);
		MHD_stop_daemon(s->mhd); /* closes the socket too */
	} else if (s->fd >= 0) {
		close(s->fd);
	}
	if (s->unix_path && s->fd >= 0)
		(void)unlink(s->unix_path);
	free(s->unix_path);
	free(s->listen);
	free(s);
	return NULL;
}

unsigned server_port(const struct server *s)
{
	return s->port;
}

void server_set_stall(struct server *s, int64_t us)
{
	s->stall = (unsigned)MAX((us + SECOND_US - 1) / SECOND_US, 1);
}

void server_recheck_pins(struct server *s)
{
	struct sconn *c;
	struct sreq *r;

	TAILQ_FOREACH (c, &s->conns, entry)
		if (c->has_pin && !c->guest && !s->spec.pin_known(s->spec.arg, c->pin)) {
			TAILQ_FOREACH (r, &s->reqs, entry)
				if (r->conn == c)
					sreq_drop(r);
			(void)shutdown(c->fd, SHUT_RDWR);
		}
	server_kick(s);
}
