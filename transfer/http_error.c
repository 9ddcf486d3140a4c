/*
 * http_error.c: what a failed request means, as an errno and in words.
 *
 * A spoke that does not know our key ends the connection with an alert or without a word, after a
 * handshake that succeeded as far as TLS 1.3 lets a client see. So "nothing came back on a
 * connection that was made for this request, within seconds of its handshake" is read as that.
 *
 * A handshake that fails is the line's fault as often as the peer's: cut, reset, a bit turned over.
 * It counts as a connection that broke, so the peer is asked again until it answers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transfer/http_private.h"
#include "transfer/key.h"

#define REFUSAL_US ((curl_off_t)5 * 1000000)

static int errno_of(struct request *r, CURLcode code)
{
	long os = 0;

	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EINVAL;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &os);
		return os > 0 ? -(int)os : -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return -EKEYREJECTED;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_WEIRD_SERVER_REPLY:
		return -EPROTO;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -ECONNRESET;
	}
}

static bool silent_close(struct request *r, CURLcode code)
{
	curl_off_t handshake = 0, total = 0;
	long connects = 0;

	if (code != CURLE_GOT_NOTHING && code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR)
		return false;
	if (r->answer_bytes > 0 || r->handed > 0)
		return false;
	curl_easy_getinfo(r->easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(r->easy, CURLINFO_APPCONNECT_TIME_T, &handshake);
	curl_easy_getinfo(r->easy, CURLINFO_TOTAL_TIME_T, &total);
	return connects > 0 && handshake > 0 && total - handshake < REFUSAL_US;
}

void http_error_words(struct request *r, CURLcode code, struct request_result *ret)
{
	struct pin ours;
	char text[PIN_TEXT + 1];

	ret->error = r->error ? r->error : errno_of(r, code);
	if (ret->error == 0)
		return;
	if (ret->error == -E2BIG && r->error) {
		snprintf(ret->text, sizeof(ret->text), "the answer is larger than %zu bytes",
			 r->spec.answer_max);
	} else if (r->error == -ETIMEDOUT) {
		snprintf(ret->text, sizeof(ret->text), "nothing moved for %lld s",
			 (long long)(r->spec.stall_us / SECOND_US));
	} else if (r->error == -ETIME) {
		snprintf(ret->text, sizeof(ret->text), "the answer did not come to an end in time");
	} else if (r->error) {
		snprintf(ret->text, sizeof(ret->text), "%s", strerror(-r->error));
	} else if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
		ret->wrong_key = true;
		snprintf(ret->text, sizeof(ret->text), "the peer's key is not the pinned one");
	} else if (silent_close(r, code)) {
		ret->unknown_key = true;
		memcpy(ours.sha256, r->spec.key->pin, sizeof(ours.sha256));
		snprintf(
			ret->text, sizeof(ret->text),
			"the peer closed the connection right after the handshake: it does not know "
			"our key %s",
			pin_print(&ours, text));
	} else {
		snprintf(ret->text, sizeof(ret->text), "%s",
			 r->errbuf[0] ? r->errbuf : curl_easy_strerror(code));
	}
}
