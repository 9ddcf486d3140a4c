/*
 * http_post.c: see http_post.h. As strict as all else that asks by HTTP: no redirect, no proxy, no
 * other scheme; an answer is read to its end only as far as it is short.
 */
#include "transfer/http_post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/http_private.h"

#define ANSWER_MAX (64 * KIB)

struct post {
	const struct http_post_spec *spec;
	CURL *easy;
	size_t got;
	char words[CURL_ERROR_SIZE];
};

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
	struct post *p = arg;

	(void)data;
	p->got += size * n;
	return p->got > ANSWER_MAX ? 0 : size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct post *p = arg;

	(void)a, (void)b, (void)c, (void)d;
	return p->spec->cancel && *p->spec->cancel;
}

static void set_limits(struct post *p)
{
	CURL *easy = p->easy;

	curl_easy_setopt(easy, CURLOPT_URL, p->spec->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	http_strict(easy);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "spokesync");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, p->words);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)MAX(p->spec->timeout_us / 1000, 1));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, p);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, p->spec->body);
}

static void set_tls(struct post *p, const char *pins)
{
	curl_easy_setopt(p->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!p->spec->n_pins)
		return;
	/* A pin stands in place of authorities and names. */
	curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(p->easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(p->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(p->easy, CURLOPT_PINNEDPUBLICKEY, pins);
}

static int error_of(const struct post *p, CURLcode code, struct err *e)
{
	const char *words = p->words[0] ? p->words : curl_easy_strerror(code);

	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_ABORTED_BY_CALLBACK:
		return err_set(e, -ECANCELED, "ended");
	case CURLE_WRITE_ERROR:
		/* More than we read: it has answered, and what it says is not our affair. */
		return p->got > ANSWER_MAX ? 0 : err_set(e, -EIO, "%s", words);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(e, -ETIMEDOUT, "%s", words);
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return err_set(e, -EKEYREJECTED, "the server's key is not one of webhook_key");
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(e, -EKEYREJECTED,
			       "%s (webhook_key = takes the place of an authority)", words);
	default:
		return err_set(e, -EHOSTUNREACH, "%s", words);
	}
}

int http_post(const struct http_post_spec *spec, long *ret_status, struct err *e)
{
	struct post p = {.spec = spec, .easy = curl_easy_init()};
	struct curl_slist *headers = NULL;
	char *pins;
	int r;

	if (!p.easy)
		return err_set(e, -ENOMEM, "out of memory");
	pins = http_request_pins(spec->pins, spec->n_pins);
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Expect:");
	if (spec->header)
		headers = curl_slist_append(headers, spec->header);
	curl_easy_setopt(p.easy, CURLOPT_HTTPHEADER, headers);
	set_limits(&p);
	set_tls(&p, pins);
	r = error_of(&p, curl_easy_perform(p.easy), e);
	if (r == 0)
		curl_easy_getinfo(p.easy, CURLINFO_RESPONSE_CODE, ret_status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(p.easy);
	free(pins);
	return r;
}
