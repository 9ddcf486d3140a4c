/*
 * http_unix.h: one blocking HTTP call over a Unix socket, for the command line: it has no loop and
 * waits for one answer at a time. No TLS, no pins: rights are the socket's and the peer's uid.
 */
#ifndef SPOKESYNC_TRANSFER_HTTP_UNIX_H
#define SPOKESYNC_TRANSFER_HTTP_UNIX_H

#include "policy/base.h"

struct http_unix_spec {
	const char *socket; /* its path */
	const char *method; /* "GET", "POST", ... */
	const char *path;   /* "/v1/...", with its query, encoded */
	const char *body;   /* JSON, or NULL */
	int64_t timeout_us; /* 0: none */
	/* With it, each line of a 2xx answer as it comes, without newline; false ends the call. */
	bool (*line)(void *arg, const char *line);
	void *arg;
};

/*
 * 0: there was an answer: *ret_status, and *ret_body, malloc'ed and NUL-terminated ("" where lines
 * were handed out). Else -errno with e: -ENOENT or -ECONNREFUSED (nobody listens there), -EACCES,
 * -ETIMEDOUT, -ECONNRESET (ended in mid-answer), -E2BIG.
 */
int http_unix_call(const struct http_unix_spec *spec, long *ret_status, char **ret_body,
		   struct err *e) WARN_UNUSED;

#endif
