/*
 * http_unix.c: see http_unix.h. libcurl's easy interface; the daemon's own requests are http.c's.
 */
#include "transfer/http_unix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

struct exchange {
	const struct http_unix_request *r;
	CURL *curl;
	char *buf;
	size_t len, size;
	bool too_long, ended; /* ended: line() wants no more */
};

/* Hands over the whole lines of the buffer and keeps the rest. */
static bool hand_lines(struct exchange *x)
{
	char *start = x->buf, *end;

	while ((end = memchr(start, '\n', (size_t)(x->buf + x->len - start)))) {
		*end = '\0';
		if (!x->r->line(x->r->arg, start)) {
			x->ended = true;
			return false;
		}
		start = end + 1;
	}
	x->len -= (size_t)(start - x->buf);
	memmove(x->buf, start, x->len);
	return true;
}

static size_t on_data(char *data, size_t one, size_t n, void *arg)
{
	struct exchange *x = arg;
	long status = 0;

	(void)one; /* curl says that it is always 1 */
	if (x->len + n > x->r->answer_max) {
		x->too_long = true;
		return 0;
	}
	if (x->len + n + 1 > x->size) {
		x->size = MAX(2 * x->size, x->len + n + 1);
		x->buf = xrealloc(x->buf, x->size);
	}
	memcpy(x->buf + x->len, data, n);
	x->len += n;
	x->buf[x->len] = '\0';
	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	if (x->r->line && status == 200 && !hand_lines(x))
		return 0;
	return n;
}

/* curl does not tell one failure to connect from the other: this does, and in the system's words.
 */
static int try_socket(const char *path, struct err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, r = 0;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e, -ENAMETOOLONG, "%s: longer than a socket's path may be", path);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		r = err_set(e, -errno, "%s: %s", path, strerror(errno));
	close(fd);
	return r;
}

static int failed(const struct exchange *x, CURLcode code, struct err *e)
{
	int r;

	if (x->too_long)
		return err_set(e, -E2BIG, "the answer is longer than %zu bytes", x->r->answer_max);
	if (code == CURLE_COULDNT_CONNECT) {
		r = try_socket(x->r->socket, e);
		return r < 0 ? r : err_set(e, -EAGAIN, "%s: try again", x->r->socket);
	}
	if (code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE ||
	    code == CURLE_SEND_ERROR)
		return err_set(e, -ECONNRESET, "the daemon ended the connection");
	return err_set(e, -EIO, "%s", curl_easy_strerror(code));
}

static void set_options(struct exchange *x, const char *url, struct curl_slist *headers)
{
	CURL *c = x->curl;

	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, x->r->socket);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (x->r->body) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)strlen(x->r->body));
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, x->r->body);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, x->r->method);
}

int http_unix_call(const struct http_unix_request *r, struct http_unix_answer *ret, struct err *e)
{
	struct exchange x = {.r = r, .curl = curl_easy_init()};
	char *url = xasprintf("http://localhost%s", r->path);
	struct curl_slist *headers;
	CURLcode code;
	int rc = 0;

	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!x.curl || !headers) {
		rc = err_set(e, -ENOMEM, "libcurl cannot be started");
		goto cleanup;
	}
	set_options(&x, url, headers);
	code = curl_easy_perform(x.curl);
	if (code != CURLE_OK && !x.ended) {
		rc = failed(&x, code, e);
		goto cleanup;
	}
	curl_easy_getinfo(x.curl, CURLINFO_RESPONSE_CODE, &ret->status);
	ret->body = x.buf ? x.buf : xstrdup("");
	ret->len = x.len;
	x.buf = NULL;
cleanup:
	free(x.buf);
	curl_slist_free_all(headers);
	curl_easy_cleanup(x.curl);
	free(url);
	return rc;
}

char *http_unix_escape(const char *value)
{
	char *out = xcalloc(3 * strlen(value) + 1, 1), *p = out;
	static const char hex[] = "0123456789ABCDEF";

	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c)) {
			*p++ = (char)c;
		} else {
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		}
	}
	return out;
}
