/*
 * http_socket.c: the sockets under curl's connections: how much the kernel may hold of what is
 * not sent, and what went over them as TCP counts it. A byte sent twice by TCP counts once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* glibc's own header of that name has no byte counts. */
#include <linux/tcp.h>
#include <netinet/in.h>

#include "transfer/http_private.h"
#include "transfer/shaper.h"

/* 250 ms at 512 kbit/s: below that even the kernel's smallest share of a large buffer is long. */
#define SLOW_LOWAT   16000u
#define SLOW_SNDBUF  8192
#define LARGE_SNDBUF (1 << 20)

static void set_int(int fd, int level, int name, int value)
{
	/* All of them make things better, none is needed. */
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		return;
}

void http_socket_lowat(struct http_conn *c, uint64_t bytes)
{
	bool slow = bytes < SLOW_LOWAT;

	if (bytes == 0 || c->fd < 0)
		return;
	set_int(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)MIN(bytes, (uint64_t)INT32_MAX));
	if (slow != c->small_buffer)
		set_int(c->fd, SOL_SOCKET, SO_SNDBUF, slow ? SLOW_SNDBUF : LARGE_SNDBUF);
	/* A size that was set stays: the kernel must size it again, or a long link is never full.
	 */
	if (!slow && c->small_buffer)
		set_int(c->fd, SOL_SOCKET, SO_BUF_LOCK, 0);
	c->small_buffer = slow;
}

static void conn_unref(struct http_conn *c)
{
	if (!c || --c->refs > 0)
		return;
	free(c->pins);
	free(c);
}

static void conn_closed(struct http_conn *c)
{
	c->fd = -1;
	TAILQ_REMOVE(&c->http->conns, c, entry);
	conn_unref(c);
}

static uint64_t ino_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

bool http_conn_open(const struct http_conn *c)
{
	return c->fd >= 0 && ino_of(c->fd) == c->ino;
}

void http_conns_drop(struct http *h)
{
	struct http_conn *c;

	while ((c = TAILQ_FIRST(&h->conns)))
		conn_closed(c);
}

/*
 * curl tells us of every close but one: of a socket that was still connecting when its request was
 * taken away. Then the number may come again for something else.
 */
static struct http_conn *find(struct http *h, int fd)
{
	struct http_conn *c;

	TAILQ_FOREACH (c, &h->conns, entry)
		if (c->fd == fd)
			break;
	if (c && !http_conn_open(c)) {
		conn_closed(c);
		return NULL;
	}
	return c;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct request *r = arg;
	struct http_conn *c;
	int fd;

	(void)purpose;
	fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	c = find(r->http, fd); /* the former of that number, if it is still in the list */
	if (c)
		conn_closed(c);
	c = xcalloc(1, sizeof(*c));
	c->http = r->http;
	c->fd = fd;
	c->ino = ino_of(fd);
	c->pins = xstrdup(r->pins);
	c->refs = 1; /* the open socket's */
	TAILQ_INSERT_TAIL(&r->http->conns, c, entry);
	http_socket_lowat(c, r->spec.notsent_lowat);
	if (r->spec.stall_us > 0)
		set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
			(int)MIN(r->spec.stall_us / 1000, (int64_t)INT32_MAX));
	return fd;
}

void http_socket_read_counts(struct http_conn *c)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (c->fd < 0 || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return;
	c->out = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
	c->in = info.tcpi_bytes_received;
	c->written = c->out + info.tcpi_notsent_bytes;
}

/* Its argument is the http's: a kept connection outlives the request that opened it. */
static int close_socket(void *arg, curl_socket_t fd)
{
	struct http *h = arg;
	struct http_conn *c = find(h, fd);
	struct linger l = {0};
	socklen_t len = sizeof(l);

	if (c) {
		http_socket_read_counts(c);
		/* What is still queued goes out after the close, unless the close resets. */
		if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len) == 0 && !l.l_onoff)
			c->out = c->written;
		conn_closed(c);
	}
	return close(fd);
}

void http_socket_options(struct request *r, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, r->http);
}

void http_socket_used(struct request *r, int fd)
{
	struct http_conn *c = find(r->http, fd);

	if (!c || c == r->conn) /* curl's resolver has sockets, too */
		return;
	http_socket_leave(r);
	http_socket_read_counts(c);
	c->refs++;
	r->conn = c;
	r->out_before = c->seen_out;
	r->in_before = c->seen_in;
	r->written_before = c->seen_written;
	http_socket_lowat(c, r->spec.notsent_lowat);
}

static uint64_t above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void http_socket_leave(struct request *r)
{
	if (!r->conn)
		return;
	http_socket_counts(r, &r->out_done, &r->in_done);
	r->conn->seen_out = r->conn->out;
	r->conn->seen_in = r->conn->in;
	r->conn->seen_written = r->conn->written;
	conn_unref(r->conn);
	r->conn = NULL;
}

void http_socket_counts(const struct request *r, uint64_t *ret_out, uint64_t *ret_in)
{
	if (r->conn)
		http_socket_read_counts(r->conn);
	http_socket_known(r, ret_out, ret_in);
}

void http_socket_known(const struct request *r, uint64_t *ret_out, uint64_t *ret_in)
{
	*ret_out = r->out_done;
	*ret_in = r->in_done;
	if (!r->conn)
		return;
	*ret_out += above(r->conn->out, r->out_before);
	*ret_in += above(r->conn->in, r->in_before);
}

static uint64_t written_so_far(const struct request *r)
{
	if (!r->conn)
		return r->out_done;
	return r->out_done + above(r->conn->written, r->written_before);
}

/*
 * What went into the socket beyond what read() handed out, as of the last count. curl asks for more
 * only when it has written all that it had, so at that moment the difference is TLS and headers
 * exactly.
 */
static void charge_known(struct request *r)
{
	uint64_t written, extra;

	if (!r->spec.charge || !r->conn)
		return;
	written = written_so_far(r);
	extra = above(written, r->handed + r->charged);
	if (extra == 0)
		return;
	r->charged += extra;
	shaper_charge(r->spec.charge, extra);
}

void http_socket_charge(struct request *r)
{
	if (r->conn)
		http_socket_read_counts(r->conn);
	charge_known(r);
}

void http_socket_settle(struct request *r)
{
	uint64_t unused;

	http_socket_charge(r);
	if (!r->spec.charge || r->spec.prepaid == 0)
		return;
	unused = MIN(above(r->handed + r->charged, written_so_far(r)), r->spec.prepaid);
	r->spec.prepaid = 0;
	r->charged -= unused;
	shaper_refund(r->spec.charge, unused);
}

void http_socket_discard(struct request *r)
{
	struct linger l = {.l_onoff = 1, .l_linger = 0};

	if (r->conn && r->conn->fd >= 0 &&
	    setsockopt(r->conn->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) < 0)
		return;
}
