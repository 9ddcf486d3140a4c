/*
 * peer_private.h: private to peer*.c and push*.c: one call of a spoke, and what its result means.
 */
#ifndef SPOKESYNC_TRANSFER_PEER_PRIVATE_H
#define SPOKESYNC_TRANSFER_PEER_PRIVATE_H

#include <sys/queue.h>

#include "transfer/push.h"

TAILQ_HEAD(words, word);

struct peer {
	struct http *http;
	char *url; /* without a slash at its end */
	struct pin *pins;
	size_t n_pins;
	const struct node_key *key;
	struct shaper_node *charge;
	int64_t stall_us;
	struct words words;
};

/* r is valid during the call; a says what it means by status alone. */
typedef void peer_done_fn(void *arg, const struct peer_answer *a, const struct request_result *r);

struct word_spec {
	const char *method;
	const char *path;	    /* from "/v1" on */
	char *body;		    /* taken; NULL: none */
	size_t body_len;	    /* of one that is not JSON; 0: it is, and ends with a NUL */
	struct shaper_node *charge; /* NULL: the peer's */
	uint64_t prepaid;	    /* see http.h */
	int64_t patience_us;	    /* the answer is to come so late */
	peer_done_fn *done;	    /* NULL: nobody listens */
	void *arg;
	void *owned; /* malloc'ed or NULL; freed when the word is over, however it ends */
};

struct word *peer_call(struct peer *p, const struct word_spec *spec) WARN_UNUSED;
/* Its bytes so far. */
void peer_call_counts(const struct word *w, uint64_t *ret_out, uint64_t *ret_in);
void peer_call_charge(struct word *w, struct shaper_node *charge);
/* Address, pins, key and limits of a request to this peer. The URL is malloc'ed into *ret_url. */
void peer_request(const struct peer *p, const char *path, struct request_spec *spec,
		  char **ret_url);
void peer_answer_of(const struct request_result *r, struct peer_answer *ret);

#endif
