/*
 * http_request.c: one request as a curl handle: what is allowed on the wire, whose key is accepted,
 * where the body comes from and where the answer goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/http_private.h"
#include "transfer/key.h"

#define AGENT "spokesync"
/* A kept connection serves words for hours: handshakes are most of what words cost. */
#define KEPT_SECONDS 7200L
#define SETTLE_US    20000

static void base64(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < len)
			v |= in[i + 2];
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*out = '\0';
}

char *http_request_pins(const struct pin *pins, size_t n)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < n; i++) {
		char b64[48], *more;

		base64(pins[i].sha256, sizeof(pins[i].sha256), b64);
		more = xasprintf("%s%ssha256//%s", all, i ? ";" : "", b64);
		free(all);
		all = more;
	}
	return all;
}

/* The count is a system call, and what lies beyond the body is a hundredth of it. */
static void settle_now_and_then(struct request *r)
{
	int64_t now = http_now_us();

	if (now - r->settled_us < SETTLE_US)
		return;
	r->settled_us = now;
	http_socket_settle(r);
}

/* Called by curl when all it had is written. */
static size_t on_read(char *buf, size_t size, size_t n, void *arg)
{
	struct request *r = arg;
	int64_t got;

	if (r->ended)
		return CURL_READFUNC_ABORT;
	r->holds_body = false;
	http_writes(r, false);
	settle_now_and_then(r);
	got = r->spec.read(r->spec.arg, buf, size * n);
	if (got == -EAGAIN) {
		r->paused = true;
		return CURL_READFUNC_PAUSE;
	}
	if (got < 0) {
		r->error = (int)got;
		return CURL_READFUNC_ABORT;
	}
	r->handed += (uint64_t)got;
	r->holds_body = got > 0;
	http_writes(r, r->holds_body);
	return (size_t)got;
}

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
	struct request *r = arg;
	size_t len = size * n;

	if (r->ended)
		return 0;
	r->answer_bytes += len;
	if (len > r->spec.answer_max - r->answer_len) {
		r->error = -E2BIG;
		return 0;
	}
	r->answer = xrealloc(r->answer, r->answer_len + len + 1);
	memcpy(r->answer + r->answer_len, data, len);
	r->answer_len += len;
	r->answer[r->answer_len] = '\0';
	return len;
}

static size_t on_head(char *data, size_t size, size_t n, void *arg)
{
	struct request *r = arg;

	(void)data;
	r->answer_bytes += size * n;
	return size * n;
}

static void set_tls(struct request *r, CURL *easy)
{
	/* Pins stand in place of authorities and names; curl enforces them all the same. */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	/* Else each connection reads hundreds of authorities: 100 ms in which the loop stands. */
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, r->pins);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION,
			 (long)CURL_SSLVERSION_TLSv1_3 | CURL_SSLVERSION_MAX_TLSv1_3);
	/* A resumed session would skip the pins. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	/* Files, as curl's GnuTLS flavour takes no blobs for these. */
	curl_easy_setopt(easy, CURLOPT_SSLCERT, r->spec.key->path);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, r->spec.key->path);
}

void http_strict(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

/* What rests for longer is closed before this request looks for a connection. Curl counts whole
 * seconds: of those used in the second after, some may go, too. */
static long kept_seconds(const struct http *h)
{
	int64_t since = (http_now_us() - h->resting_us) / SECOND_US - 1;

	return h->resting_us ? (long)MAX(MIN(since, KEPT_SECONDS), 1) : KEPT_SECONDS;
}

static void set_limits(struct request *r, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	http_strict(easy);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, NULL);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kept_seconds(r->http));
	if (r->spec.connect_us > 0)
		curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
				 (long)(r->spec.connect_us / 1000));
	if (r->spec.fresh) {
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
}

static void add_header(struct request *r, const char *line)
{
	struct curl_slist *l = curl_slist_append(r->headers, line);

	if (!l)
		abort(); /* out of memory */
	r->headers = l;
}

static void set_body(struct request *r, CURL *easy)
{
	const struct request_spec *s = &r->spec;

	if (s->read) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(easy, CURLOPT_READDATA, r);
		add_header(r, "Content-Type: application/octet-stream");
		add_header(r, "Transfer-Encoding: chunked");
		/* A refusal must cost no byte of the body, so we wait for it; stall_us ends that.
		 */
		add_header(r, "Expect: 100-continue");
		curl_easy_setopt(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 3600000L);
	} else if (s->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body_len);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, s->body);
		add_header(r, s->type ? s->type : "Content-Type: application/json");
		add_header(r, "Expect:");
	}
	if (strcmp(s->method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, s->method);
	if (!s->read && !s->body && strcmp(s->method, "POST") == 0)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
	add_header(r, "Accept: application/json");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
}

CURL *http_request_easy(struct request *r)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->errbuf);
	curl_easy_setopt(easy, CURLOPT_URL, r->spec.url);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
	set_limits(r, easy);
	set_tls(r, easy);
	set_body(r, easy);
	http_socket_options(r, easy);
	return easy;
}
