/*
 * peer.c: words to one spoke: calls that go out as HTTPS requests and come back decoded. Kept
 * connections serve them. What they are for, and when they may be said, the scheduler knows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/peer_private.h"
#include "transfer/key.h"
#include "transfer/wire_json.h"

#define CONNECT_US	 (15 * SECOND_US)
#define STALL_DEFAULT_US (60 * SECOND_US)

struct word {
	struct peer *peer;
	struct request *request;
	peer_done_fn *done;
	void *arg;
	void *owned;
	TAILQ_ENTRY(word) entry;
};

struct peer *peer_new(struct http *h, const char *url, const struct pin *pins, size_t n_pins,
		      const struct node_key *key, struct shaper_node *charge)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	p->http = h;
	p->key = key;
	p->charge = charge;
	p->stall_us = STALL_DEFAULT_US;
	TAILQ_INIT(&p->words);
	peer_update(p, url, pins, n_pins);
	return p;
}

struct peer *peer_free(struct peer *p)
{
	struct word *w;

	if (!p)
		return NULL;
	while ((w = TAILQ_FIRST(&p->words)))
		peer_call_cancel(w);
	http_close_resting(p->http);
	free(p->url);
	free(p->pins);
	free(p);
	return NULL;
}

static bool has_pin(const struct pin *pins, size_t n, const struct pin *pin)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(pins[i].sha256, pin->sha256, sizeof(pin->sha256)) == 0)
			return true;
	return false;
}

void peer_update(struct peer *p, const char *url, const struct pin *pins, size_t n_pins)
{
	size_t len = strlen(url);
	bool gone = false;
	char *was;

	for (size_t i = 0; i < p->n_pins; i++)
		gone |= !has_pin(pins, n_pins, &p->pins[i]);
	if (gone)
		http_close_pinned(p->http, p->pins, p->n_pins);
	was = p->url;
	p->url = xstrdup(url);
	while (len > 0 && p->url[len - 1] == '/')
		p->url[--len] = '\0';
	if (was && strcmp(was, p->url))
		http_close_resting(p->http);
	free(was);
	free(p->pins);
	p->pins = xcalloc(MAX(n_pins, (size_t)1), sizeof(*pins));
	memcpy(p->pins, pins, n_pins * sizeof(*pins));
	p->n_pins = n_pins;
}

void peer_set_stall(struct peer *p, int64_t stall_us)
{
	p->stall_us = stall_us;
}

void peer_request(const struct peer *p, const char *path, struct request_spec *spec, char **ret_url)
{
	*ret_url = xasprintf("%s%s", p->url, path);
	spec->url = *ret_url;
	spec->pins = p->pins;
	spec->n_pins = p->n_pins;
	spec->key = p->key;
	spec->connect_us = MIN(CONNECT_US, p->stall_us);
	spec->stall_us = p->stall_us;
	spec->answer_max = WIRE_BODY_MAX;
}

/* RFC 9457: what the spoke says of an error, else the bare number. */
static void problem_words(const struct request_result *r, char *ret, size_t size)
{
	struct wire_in in;
	char words[200] = "";

	wire_in_begin(&in, r->body, r->body_len, NULL);
	wire_in_text(&in, in.root, "detail", words, sizeof(words));
	if (!words[0])
		wire_in_text(&in, in.root, "title", words, sizeof(words));
	if (wire_in_end(&in) < 0 || !words[0])
		snprintf(ret, size, "HTTP %ld", r->status);
	else
		snprintf(ret, size, "HTTP %ld: %s", r->status, words);
}

void peer_answer_of(const struct request_result *r, struct peer_answer *ret)
{
	*ret = (struct peer_answer){.wire_out = r->wire_out, .wire_in = r->wire_in};
	if (r->error == 0) {
		ret->error = r->status >= 200 && r->status < 300 ? PEER_OK : PEER_REFUSED;
		if (ret->error == PEER_REFUSED)
			problem_words(r, ret->text, sizeof(ret->text));
		return;
	}
	if (r->unknown_key)
		ret->error = PEER_UNKNOWN_KEY;
	else if (r->wrong_key)
		ret->error = PEER_WRONG_KEY;
	else if (r->error == -E2BIG || r->error == -EPROTO || r->error == -EINVAL)
		ret->error = PEER_PROTOCOL;
	else
		ret->error = PEER_DOWN;
	wire_clean(r->text, ret->text, sizeof(ret->text));
}

static void on_done(void *arg, const struct request_result *r)
{
	struct word *w = arg;
	struct peer_answer a;

	TAILQ_REMOVE(&w->peer->words, w, entry);
	peer_answer_of(r, &a);
	if (a.error == PEER_UNKNOWN_KEY) {
		struct pin ours;
		char text[PIN_TEXT + 1];

		memcpy(ours.sha256, w->peer->key->pin, sizeof(ours.sha256));
		snprintf(a.text, sizeof(a.text),
			 "the spoke does not know this hub's key; put into its [daemon] section: "
			 "hub_key = %s",
			 pin_print(&ours, text));
	}
	if (w->done)
		w->done(w->arg, &a, r);
	free(w->owned);
	free(w);
}

struct word *peer_call(struct peer *p, const struct word_spec *spec)
{
	struct word *w = xcalloc(1, sizeof(*w));
	struct request_spec rs = {.method = spec->method, .body = spec->body};
	char *url;

	w->peer = p;
	w->done = spec->done;
	w->arg = spec->arg;
	w->owned = spec->owned;
	peer_request(p, spec->path, &rs, &url);
	rs.body_len = spec->body_len ? spec->body_len : spec->body ? strlen(spec->body) : 0;
	rs.type = spec->body_len ? "Content-Type: application/octet-stream" : NULL;
	rs.charge = spec->charge ? spec->charge : p->charge;
	rs.prepaid = spec->prepaid;
	rs.stall_us += spec->patience_us;
	rs.done = on_done;
	rs.arg = w;
	TAILQ_INSERT_TAIL(&p->words, w, entry);
	w->request = request_start(p->http, &rs);
	free(url);
	free(spec->body);
	return w;
}

void peer_call_cancel(struct word *w)
{
	if (!w)
		return;
	TAILQ_REMOVE(&w->peer->words, w, entry);
	request_abort(w->request);
	free(w->owned);
	free(w);
}

void peer_call_counts(const struct word *w, uint64_t *ret_out, uint64_t *ret_in)
{
	request_counts(w->request, ret_out, ret_in);
}

void peer_call_charge(struct word *w, struct shaper_node *charge)
{
	if (w)
		request_set_charge(w->request, charge);
}
