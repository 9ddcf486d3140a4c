/*
 * http_unix.h: one HTTP request over a Unix socket, blocking: what the command line needs of curl.
 * No proxy, no redirects, no netrc; answers are bounded.
 */
#ifndef SPOKESYNC_TRANSFER_HTTP_UNIX_H
#define SPOKESYNC_TRANSFER_HTTP_UNIX_H

#include "policy/base.h"

struct http_unix_request {
	const char *socket;
	const char *method; /* "GET", "POST" */
	const char *path;   /* with query, encoded */
	const char *body;   /* JSON, or NULL */
	size_t answer_max;  /* a longer answer is -E2BIG; a line of a stream as well */
	/* Set: a 200 answer is handed over line by line (without newline) as it comes; false from
	 * it ends the request, which is no error. */
	bool (*line)(void *arg, const char *line);
	void *arg;
};

struct http_unix_answer {
	long status;
	char *body; /* NUL-terminated, to be freed; empty for a 200 that went to line() */
	size_t len;
};

/*
 * 0: there is an answer, whatever its status. -ENOENT, -ECONNREFUSED: nobody listens there;
 * -EACCES: the socket may not be used; -E2BIG, -ECONNRESET: it ended early; -EIO otherwise; with e.
 */
int http_unix_call(const struct http_unix_request *r, struct http_unix_answer *ret,
		   struct err *e) WARN_UNUSED;

/* value for a query or a part of a path; to be freed. */
char *http_unix_escape(const char *value) WARN_UNUSED;

#endif
