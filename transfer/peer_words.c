/*
 * peer_words.c: hello, inventory, publish, changes, pairing, and the end of a transfer that nobody
 * wants. Each is one call, its body encoded and its answer decoded by wire_*.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/peer_private.h"

/* Who asked, while the call runs. */
struct asked {
	union {
		peer_hello_fn *hello;
		peer_inventory_fn *inventory;
		peer_published_fn *published;
		peer_paired_fn *paired;
		peer_verified_fn *verified;
		peer_changes_fn *changes;
	} fn;
	void *arg;
};

static void ask(struct peer *p, const char *method, char *path, char *body, peer_done_fn *done,
		struct asked *asked)
{
	struct word_spec spec = {.method = method,
				 .path = path,
				 .body = body,
				 .done = done,
				 .arg = asked,
				 .owned = asked};
	struct word *w = peer_call(p, &spec);

	(void)w; /* ends with the peer, if not before */
	free(path);
}

static struct asked *asked_new(void *arg)
{
	struct asked *x = xcalloc(1, sizeof(*x));

	x->arg = arg;
	return x;
}

/* An answer that cannot be decoded is the peer's fault. */
static void undecodable(struct peer_answer *a, const struct err *e)
{
	a->error = PEER_PROTOCOL;
	snprintf(a->text, sizeof(a->text), "%.200s", e->text);
}

static void hello_done(void *arg, const struct peer_answer *answer, const struct request_result *r)
{
	struct asked *x = arg;
	struct peer_answer a = *answer;
	struct wire_hello h;
	struct err e;

	if (a.error == PEER_OK && wire_hello_decode(r->body, r->body_len, &h, &e) < 0)
		undecodable(&a, &e);
	x->fn.hello(x->arg, &a, a.error == PEER_OK ? &h : NULL);
	if (a.error == PEER_OK)
		wire_hello_done(&h);
}

void peer_hello(struct peer *p, peer_hello_fn *done, void *arg)
{
	struct asked *x = asked_new(arg);

	x->fn.hello = done;
	ask(p, "GET", wire_hello_path(), NULL, hello_done, x);
}

static void inventory_done(void *arg, const struct peer_answer *answer,
			   const struct request_result *r)
{
	struct asked *x = arg;
	struct peer_answer a = *answer;
	struct wire_inventory i;
	struct err e;

	if (a.error == PEER_OK && wire_inventory_decode(r->body, r->body_len, &i, &e) < 0)
		undecodable(&a, &e);
	x->fn.inventory(x->arg, &a, a.error == PEER_OK ? &i : NULL);
	if (a.error == PEER_OK)
		wire_inventory_done(&i);
}

void peer_inventory(struct peer *p, const char *group, uint64_t since, peer_inventory_fn *done,
		    void *arg)
{
	struct asked *x = asked_new(arg);

	x->fn.inventory = done;
	ask(p, "GET",
	    xasprintf("/v1/groups/%s/inventory?since=%llu", group, (unsigned long long)since), NULL,
	    inventory_done, x);
}

static void published_done(void *arg, const struct peer_answer *answer,
			   const struct request_result *r)
{
	struct asked *x = arg;
	struct peer_answer a = *answer;
	struct wire_published p;
	struct err e;

	if (a.error == PEER_OK && wire_published_decode(r->body, r->body_len, &p, &e) < 0)
		undecodable(&a, &e);
	x->fn.published(x->arg, &a, a.error == PEER_OK ? &p : NULL);
	if (a.error == PEER_OK)
		wire_published_done(&p);
}

void peer_publish(struct peer *p, const char *group, const struct wire_publish *ops,
		  peer_published_fn *done, void *arg)
{
	struct asked *x = asked_new(arg);

	x->fn.published = done;
	ask(p, "POST", xasprintf("/v1/groups/%s/publish", group), wire_publish_encode(ops),
	    published_done, x);
}

static void verified_done(void *arg, const struct peer_answer *answer,
			  const struct request_result *r)
{
	struct asked *x = arg;
	struct peer_answer a = *answer;
	struct wire_verified v;
	struct err e;

	if (a.error == PEER_OK && wire_verified_decode(r->body, r->body_len, &v, &e) < 0)
		undecodable(&a, &e);
	x->fn.verified(x->arg, &a, a.error == PEER_OK ? &v : NULL,
		       r->status == 404 && strstr(a.text, "no such path"));
	if (a.error == PEER_OK)
		wire_verified_done(&v);
}

void peer_verify_begin(struct peer *p, const char *group, const struct wire_verify *what,
		       peer_verified_fn *done, void *arg)
{
	struct asked *x = asked_new(arg);

	x->fn.verified = done;
	ask(p, "POST", xasprintf("/v1/groups/%s/verify", group), wire_verify_encode(what),
	    verified_done, x);
}

void peer_verify_look(struct peer *p, const char *group, peer_verified_fn *done, void *arg)
{
	struct asked *x = asked_new(arg);

	x->fn.verified = done;
	ask(p, "GET", xasprintf("/v1/groups/%s/verify", group), NULL, verified_done, x);
}

static void changes_done(void *arg, const struct peer_answer *answer,
			 const struct request_result *r)
{
	struct asked *x = arg;
	struct peer_answer a = *answer;
	uint64_t seq = 0;
	struct err e;

	if (a.error == PEER_OK && wire_changes_decode(r->body, r->body_len, &seq, &e) < 0)
		undecodable(&a, &e);
	x->fn.changes(x->arg, &a, seq);
}

struct word *peer_changes(struct peer *p, uint64_t since, unsigned wait_s, peer_changes_fn *done,
			  void *arg)
{
	struct asked *x = asked_new(arg);
	char *path = wire_changes_path(since, wait_s);
	struct word_spec spec = {.method = "GET",
				 .path = path,
				 .patience_us = (int64_t)wait_s * SECOND_US,
				 .done = changes_done,
				 .arg = x,
				 .owned = x};
	struct word *w;

	x->fn.changes = done;
	w = peer_call(p, &spec);
	free(path);
	return w;
}

static void pair_done(void *arg, const struct peer_answer *answer, const struct request_result *r)
{
	struct asked *x = arg;

	x->fn.paired(x->arg, answer, r->status == 200);
}

void peer_pair(struct peer *p, const struct wire_pair *pair, peer_paired_fn *done, void *arg)
{
	struct asked *x = asked_new(arg);

	x->fn.paired = done;
	ask(p, "POST", xstrdup("/v1/pair"), wire_pair_encode(pair), pair_done, x);
}

void peer_forget_transfer(struct peer *p, const char *group, const struct hash *root)
{
	char hex[HASH_HEX + 1];

	ask(p, "DELETE", xasprintf("/v1/transfers/%s/%s", group, hash_hex(root, hex)), NULL, NULL,
	    NULL);
}
