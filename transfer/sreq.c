/*
 * sreq.c: one request that is being served: its head, its body on the way in, its end. How it
 * is answered is in sreq_answer.c. See server_private.h for the model.
 */
#include "transfer/server_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static enum MHD_Result add_size(void *cls, enum MHD_ValueKind kind, const char *key,
				const char *value)
{
	size_t *total = cls;
	size_t n = strlen(key) + (value ? strlen(value) : 0);

	(void)kind;
	*total += n;
	return MHD_YES;
}

static uint64_t body_length(struct MHD_Connection *c)
{
	const char *len = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");

	if (MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding"))
		return UINT64_MAX;
	return len ? strtoull(len, NULL, 10) : 0;
}

struct sreq *sreq_new(struct sconn *conn, const char *url, const char *method)
{
	struct sreq *r = xcalloc(1, sizeof(*r));
	size_t head = 0;

	r->server = conn->server;
	r->conn = conn;
	r->c = conn->c;
	r->path = xstrdup(url);
	r->method = xstrdup(method);
	r->body_length = body_length(r->c);
	r->at_head = true;
	MHD_get_connection_values(r->c, MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND, add_size, &head);
	r->too_large = head > SERVER_HEADERS_MAX;
	sreq_watch(r);
	return r;
}

void sreq_watch(struct sreq *r)
{
	MHD_set_connection_option(r->c, MHD_CONNECTION_OPTION_TIMEOUT,
				  r->conn->guest ? SERVER_HEAD_S : r->server->stall);
}

/* The library is done with it: the peer left, or the answer went out. */
void sreq_over(struct sreq *r)
{
	if (r->state == SREQ_STREAM && r->sink.closed)
		r->sink.closed(r->sink.arg);
	if (r->over)
		r->over(r->over_arg);
	if (r->response)
		MHD_destroy_response(r->response);
	free(r->path);
	free(r->method);
	free(r->body);
	free(r->out);
	free(r);
}

void sreq_suspend(struct sreq *r)
{
	if (r->suspended)
		return;
	r->suspended = true;
	MHD_suspend_connection(r->c);
}

void sreq_wake(struct sreq *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->c);
	server_kick(r->server);
}

static void body_ended(struct sreq *r)
{
	enum sreq_state was = r->state;

	r->state = SREQ_ENDED;
	if (was == SREQ_STREAM)
		sreq_watch(r);
	if (was == SREQ_COLLECT)
		r->collected(r->collected_arg, r, r->body ? r->body : "", r->body_len);
	else if (was == SREQ_STREAM)
		r->sink.end(r->sink.arg);
}

/* Called at the head, again whenever a suspended request was woken, and at the body's end. */
enum MHD_Result sreq_step(struct sreq *r)
{
	if (r->dropped)
		return MHD_NO;
	if (r->at_head && !r->response && r->state == SREQ_HEAD) {
		sreq_suspend(r);
		return MHD_YES;
	}
	/* An answer at the head closes the connection: it is for bodies that nobody will read. */
	if (r->at_head && (!r->response || r->body_length == 0)) {
		r->at_head = false;
		return MHD_YES; /* on to the body */
	}
	if (!r->at_head && r->state != SREQ_ENDED)
		body_ended(r);
	if (r->dropped)
		return MHD_NO;
	if (!r->response) {
		sreq_suspend(r);
		return MHD_YES;
	}
	if (r->queued)
		return MHD_YES;
	r->queued = true;
	return MHD_queue_response(r->c, r->status, r->response);
}

static enum MHD_Result collect(struct sreq *r, const char *data, size_t len)
{
	if (len > r->body_max - r->body_len) {
		sreq_problem(r, 413, "the body is longer than %zu bytes", r->body_max);
		return MHD_YES;
	}
	if (r->body_len + len + 1 > r->body_size) {
		r->body_size = MAX(2 * r->body_size, r->body_len + len + 1);
		r->body = xrealloc(r->body, r->body_size);
	}
	memcpy(r->body + r->body_len, data, len);
	r->body_len += len;
	r->body[r->body_len] = '\0';
	return MHD_YES;
}

enum MHD_Result sreq_take(struct sreq *r, const char *data, size_t len)
{
	if (r->dropped)
		return MHD_NO;
	switch (r->state) {
	case SREQ_COLLECT:
		return collect(r, data, len);
	case SREQ_STREAM:
		if (!r->sink.data(r->sink.arg, data, len) && r->state == SREQ_STREAM)
			sreq_suspend(r);
		return r->dropped ? MHD_NO : MHD_YES;
	default:
		/* A peer that goes on sending what nobody reads is cut off. */
		r->discarded += len;
		return r->discarded > SERVER_DISCARD_MAX ? MHD_NO : MHD_YES;
	}
}

void sreq_collect(struct sreq *r, size_t max, sreq_body_fn *done, void *arg)
{
	if (r->body_length != UINT64_MAX && r->body_length > max) {
		sreq_problem(r, 413, "the body is longer than %zu bytes", max);
		return;
	}
	r->state = SREQ_COLLECT;
	r->body_max = max;
	r->collected = done;
	r->collected_arg = arg;
	sreq_wake(r);
}

void sreq_stream(struct sreq *r, const struct sreq_sink *sink)
{
	r->state = SREQ_STREAM;
	r->sink = *sink;
	MHD_set_connection_option(r->c, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	sreq_wake(r);
}

void sreq_continue(struct sreq *r)
{
	if (r->state == SREQ_STREAM)
		sreq_wake(r);
}

void sreq_on_over(struct sreq *r, void (*over)(void *arg), void *arg)
{
	r->over = over;
	r->over_arg = arg;
}

void sreq_drop(struct sreq *r)
{
	r->dropped = true;
	(void)shutdown(r->conn->fd, SHUT_RDWR);
	sreq_wake(r);
	server_kick(r->server);
}

const char *sreq_method(const struct sreq *r)
{
	return r->method;
}

const char *sreq_path(const struct sreq *r)
{
	return r->path;
}

const char *sreq_query(const struct sreq *r, const char *name)
{
	return MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, name);
}

int sreq_number(const struct sreq *r, const char *name, uint64_t *ret)
{
	const char *s = sreq_query(r, name);
	uint64_t n = 0;

	if (!s)
		return -ENOENT;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (digit > 9 || n > ((uint64_t)INT64_MAX - digit) / 10)
			return -EINVAL;
		n = 10 * n + digit;
	}
	*ret = n;
	return 0;
}

bool sreq_creds(const struct sreq *r, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid)
{
	if (!r->conn->has_creds)
		return false;
	*ret_uid = r->conn->uid;
	*ret_gid = r->conn->gid;
	*ret_pid = r->conn->pid;
	return true;
}

uint64_t sreq_body_length(const struct sreq *r)
{
	return r->body_length;
}

const uint8_t *sreq_pin(const struct sreq *r)
{
	return r->conn->pin;
}
