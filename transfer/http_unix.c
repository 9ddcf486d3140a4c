/*
 * http_unix.c: a blocking call of the control API, on curl like everything else that asks by HTTP.
 */
#include "transfer/http_unix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define ANSWER_MAX     (64 * MIB)
#define LINE_MAX_BYTES (4 * MIB)

struct call {
	const struct http_unix_spec *spec;
	CURL *easy;
	char *buf;
	size_t len;
	bool ended, too_big;
};

static bool wants_lines(struct call *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return c->spec->line && status >= 200 && status < 300;
}

/* Hands out the whole lines in the buffer and keeps the rest. */
static void hand_out(struct call *c)
{
	char *start = c->buf, *nl;

	while (!c->ended && (nl = memchr(start, '\n', c->len - (size_t)(start - c->buf)))) {
		*nl = '\0';
		c->ended = !c->spec->line(c->spec->arg, start);
		start = nl + 1;
	}
	c->len -= (size_t)(start - c->buf);
	memmove(c->buf, start, c->len);
	c->buf[c->len] = '\0';
}

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	size_t len = size * n;
	bool lines = wants_lines(c);

	if (c->len + len > (lines ? LINE_MAX_BYTES : ANSWER_MAX)) {
		c->too_big = true;
		return 0;
	}
	c->buf = xrealloc(c->buf, c->len + len + 1);
	memcpy(c->buf + c->len, data, len);
	c->len += len;
	c->buf[c->len] = '\0';
	if (lines)
		hand_out(c);
	return c->ended ? 0 : len;
}

static void set_options(struct call *c, const char *url, struct curl_slist *headers)
{
	const struct http_unix_spec *s = c->spec;
	CURL *easy = c->easy;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, s->socket);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	if (s->timeout_us > 0)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)MAX(s->timeout_us / 1000, 1));
	if (s->body)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, s->body);
	else if (strcmp(s->method, "POST") == 0)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, s->method);
}

static int error_of(struct call *c, CURLcode code, struct err *e)
{
	const char *socket = c->spec->socket;
	long os = 0;

	if (c->too_big)
		return err_set(e, -E2BIG, "%s: the answer is too large", socket);
	if (c->ended || code == CURLE_OK)
		return 0;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, -ETIMEDOUT, "%s: no answer in time", socket);
	if (code == CURLE_COULDNT_CONNECT) {
		curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
		os = os > 0 ? os : ECONNREFUSED;
		return err_set(e, -(int)os, "%s: %s", socket, strerror((int)os));
	}
	return err_set(e, -ECONNRESET, "%s: %s", socket, curl_easy_strerror(code));
}

int http_unix_call(const struct http_unix_spec *spec, long *ret_status, char **ret_body,
		   struct err *e)
{
	struct call c = {.spec = spec};
	struct curl_slist *headers;
	char *url;
	int r;

	c.easy = curl_easy_init();
	if (!c.easy)
		return err_set(e, -ENOMEM, "out of memory");
	url = xasprintf("http://localhost%s", spec->path);
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	set_options(&c, url, headers);
	r = error_of(&c, curl_easy_perform(c.easy), e);
	if (r == 0) {
		curl_easy_getinfo(c.easy, CURLINFO_RESPONSE_CODE, ret_status);
		/* A last line without a newline is a line all the same. */
		if (c.len > 0 && !c.ended && wants_lines(&c)) {
			spec->line(spec->arg, c.buf);
			c.len = 0;
		}
		*ret_body = c.len > 0 ? c.buf : xstrdup("");
		if (c.len > 0)
			c.buf = NULL;
	}
	free(c.buf);
	free(url);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c.easy);
	return r;
}
