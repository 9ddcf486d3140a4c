/*
 * http_post.h: one blocking POST to a server of the administrator's, outside the protocol: a
 * webhook. For a worker thread: a server certificate is checked against this machine's authorities,
 * and reading those takes 100 ms.
 */
#ifndef SPOKESYNC_TRANSFER_HTTP_POST_H
#define SPOKESYNC_TRANSFER_HTTP_POST_H

#include "policy/base.h"
#include "policy/config.h"

struct http_post_spec {
	const char *url;    /* https, or http */
	const char *body;   /* JSON */
	const char *header; /* one line more, or NULL */
	/* The server's keys instead of an authority's signature; n_pins 0: that. */
	const struct pin *pins;
	size_t n_pins;
	int64_t timeout_us;	   /* for all of it */
	const atomic_bool *cancel; /* true: end within a second; or NULL */
};

/* 0: *ret_status is that of the answer, which is not looked at otherwise; else -errno with e. */
int http_post(const struct http_post_spec *spec, long *ret_status, struct err *e) WARN_UNUSED;

#endif
