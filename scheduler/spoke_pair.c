/*
 * spoke_pair.c: see spoke_pair.h.
 */
#include "scheduler/spoke_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "scheduler/facts.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"
#include "scheduler/pairing.h"
#include "transfer/key.h"

/* The program that writes the key takes a moment, a person who does it by hand takes longer: then
 * the hub is told so, and does not wait for it. */
#define TAKE_S 60.0

struct spoke_pair {
	struct spoke *spoke;
	struct pairing code;
	struct sreq *client; /* the program's request */
	struct sreq *hub;    /* the hub's, which showed the secret */
	struct pin pin;	     /* its key */
	ev_timer timer;
};

static void pair_free(struct spoke_pair *x)
{
	x->spoke->pair = NULL;
	ev_timer_stop(x->spoke->d->loop, &x->timer);
	if (x->client)
		sreq_on_over(x->client, NULL, NULL);
	if (x->hub)
		sreq_on_over(x->hub, NULL, NULL);
	pairing_end(&x->code);
	free(x);
}

static void tell_client(struct spoke_pair *x, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);

	json_decref(line);
	if (text && sreq_lines_push(x->client, text) < 0)
		log_warn("pair: the program that waits for the join code does not read");
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* The last line for the program, why there is nothing more to wait for. */
static void finish(struct spoke_pair *x, bool paired, const char *why)
{
	log_info("pair: %s", why);
	joblog_event(x->spoke->d->joblog, EVENT_PAIR,
		     json_pack("{s:b, s:s}", "paired", paired, "why", why));
	tell_client(x, json_pack("{s:b, s:s}", "paired", paired, "why", why));
	sreq_lines_end(x->client);
	pair_free(x);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct spoke_pair *x = w->data;

	(void)loop, (void)revents;
	if (!x->hub) {
		finish(x, false, "no hub came within the hour: the join code is no longer good");
		return;
	}
	sreq_reply_json(x->hub, 202, "{\"known\":false}");
	finish(x, false, "the hub showed the code, and its key is not yet in the configuration");
}

/* The program was interrupted: its code goes with it. */
static void client_over(void *arg)
{
	struct spoke_pair *x = arg;

	x->client = NULL;
	log_info("pair: taken back");
	if (x->hub)
		sreq_problem(x->hub, 409, "the join code was taken back on the spoke");
	pair_free(x);
}

static void hub_over(void *arg)
{
	struct spoke_pair *x = arg;

	x->hub = NULL; /* its key is on its way into the configuration all the same */
}

/* Where the hub reaches this spoke: as given, with a port or without one; else as listen says. */
static int set_address(struct joincode *code, const struct spoke *s, const char *given,
		       struct err *e)
{
	const char *listen = s->d->config->listen;
	char host[256] = "", *where;
	int r;

	if (!given && *listen != ':' && strncmp(listen, "0.0.0.0:", 8) &&
	    strncmp(listen, "[::]:", 5))
		given = listen;
	if (given && joincode_set_address(code, given) == 0)
		return 0;
	if (!given && gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	where = xasprintf("%s:%u", given ? given : host, server_port(s->server));
	r = joincode_set_address(code, where);
	free(where);
	if (r < 0)
		return err_set(e, r,
			       "'%.64s' is not where a hub can reach this spoke: --address "
			       "HOST[:PORT]",
			       given ? given : host);
	return 0;
}

static void send_code(struct spoke_pair *x, const struct joincode *code)
{
	const struct config *c = x->spoke->d->config;
	struct wall until = {daemon_now().wall.s + PAIRING_LIFE_S};
	char text[JOINCODE_TEXT];

	tell_client(x,
		    json_pack("{s:s, s:s, s:o, s:i, s:o, s:o}", "code", joincode_print(code, text),
			      "address", code->address, "until", facts_time(until), "tries",
			      (int)PAIRING_TRIES, "include_dir", facts_absolute(c->include_dir),
			      "config", facts_absolute(c->file)));
	explicit_bzero(text, sizeof(text));
}

int spoke_pair_begin(struct spoke *s, const char *address, struct sreq *client, struct err *e)
{
	struct joincode code;
	struct spoke_pair *x;
	int r;

	if (s->pair)
		return err_set(e, -EBUSY, "a join code waits already, at another spokesync pair");
	r = set_address(&code, s, address, e);
	if (r < 0)
		return r;
	x = s->pair = xcalloc(1, sizeof(*x));
	x->spoke = s;
	x->client = client;
	key_random(code.secret, sizeof(code.secret));
	memcpy(code.pin.sha256, s->d->key->pin, sizeof(code.pin.sha256));
	pairing_begin(&x->code, code.secret, daemon_now().mono);
	ev_timer_init(&x->timer, on_timer, PAIRING_LIFE_S, 0.);
	x->timer.data = x;
	ev_timer_start(s->d->loop, &x->timer);
	sreq_on_over(client, client_over, x);
	sreq_lines_begin(client);
	send_code(x, &code);
	explicit_bzero(&code, sizeof(code));
	return 0;
}

void spoke_pair_end(struct spoke *s)
{
	if (s->pair)
		finish(s->pair, false, "the daemon stops");
}

bool spoke_pair_welcome(void *arg)
{
	const struct spoke *s = arg;

	return s->pair && pairing_alive(&s->pair->code, daemon_now().mono);
}

/* A stranger hears nothing that it did not ask with a code at hand. */
static void refuse(struct spoke *s, struct sreq *r)
{
	if (spoke_pin_known(s, sreq_pin(r)))
		sreq_problem(r, 404, "no join code waits here");
	else
		sreq_drop(r);
}

static void shown(struct spoke_pair *x, struct sreq *r)
{
	char text[PIN_TEXT + 1];

	memcpy(x->pin.sha256, sreq_pin(r), sizeof(x->pin.sha256));
	if (spoke_pin_known(x->spoke, x->pin.sha256)) {
		sreq_reply_json(r, 200, "{\"known\":true}");
		finish(x, true, "the hub showed the code; its key was known before");
		return;
	}
	x->hub = r;
	sreq_on_over(r, hub_over, x);
	ev_timer_stop(x->spoke->d->loop, &x->timer);
	ev_timer_set(&x->timer, TAKE_S, 0.);
	ev_timer_start(x->spoke->d->loop, &x->timer);
	tell_client(x, json_pack("{s:s}", "hub_key", pin_print(&x->pin, text)));
}

static void body_done(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct spoke *s = arg;
	struct wire_pair p = {{0}};
	struct err e;

	if (!s->pair || s->pair->hub) {
		refuse(s, r);
		return;
	}
	if (wire_pair_decode(body, len, &p, &e) < 0) {
		sreq_problem(r, 400, "%s", e.text);
		return;
	}
	switch (pairing_try(&s->pair->code, p.secret, daemon_now().mono)) {
	case PAIRING_GOOD:
		shown(s->pair, r);
		break;
	case PAIRING_WRONG:
		log_warn("pair: a wrong secret was shown; %u tries are left", s->pair->code.tries);
		sreq_problem(r, 403, "this is not the secret of the join code that waits here");
		break;
	case PAIRING_OVER:
		sreq_problem(r, 403,
			     "the join code is no longer good; ask the spoke for a new one");
		finish(s->pair, false, "wrong secrets were shown: the join code is no longer good");
		break;
	}
	wire_pair_done(&p);
}

void spoke_pair_request(void *arg, struct sreq *r)
{
	struct spoke *s = arg;

	if (!s->pair || s->pair->hub || s->stopping || strcmp(sreq_path(r), "/v1/pair") ||
	    strcmp(sreq_method(r), "POST"))
		refuse(s, r);
	else
		sreq_collect(r, WIRE_PAIR_MAX, body_done, s);
}

void spoke_pair_reloaded(struct spoke *s)
{
	struct spoke_pair *x = s->pair;

	if (!x || !x->hub || !spoke_pin_known(s, x->pin.sha256))
		return;
	sreq_reply_json(x->hub, 200, "{\"known\":true}");
	finish(x, true, "the hub is known from now on");
}
