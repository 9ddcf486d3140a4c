/*
 * push.h: what the hub says to one spoke: words (hello, inventory, publish), and the steps that
 * bring one content there: plan, offer, PUT, positions, repairs, staged. No job, window or
 * configuration is known here: the scheduler starts and stops pushes and sets rates.
 */
#ifndef SPOKESYNC_TRANSFER_PUSH_H
#define SPOKESYNC_TRANSFER_PUSH_H

#include "transfer/bundle.h"
#include "transfer/http.h"
#include "transfer/wire.h"

struct peer; /* one spoke: address, pins, a kept connection for words */
struct word; /* a call of it under way */
struct push; /* one content on its way to it */

struct peer *peer_new(struct http *h, const char *url, const struct pin *pins, size_t n_pins,
		      const struct node_key *key, struct shaper_node *charge) WARN_UNUSED;
struct peer *peer_free(struct peer *p); /* aborts its requests */
/* New address or pins; connections made with a pin that is gone are closed. */
void peer_update(struct peer *p, const char *url, const struct pin *pins, size_t n_pins);
void peer_set_stall(struct peer *p, int64_t stall_us);

enum peer_error {
	PEER_OK,
	PEER_DOWN,	  /* could not connect, reset, timed out: text says */
	PEER_UNKNOWN_KEY, /* the spoke does not know our key: text has the key to put there */
	PEER_WRONG_KEY,	  /* the spoke's key is not the pinned one */
	PEER_PROTOCOL,	  /* an answer that makes no sense, or a version that we do not speak */
	PEER_REFUSED,	  /* an HTTP error with words */
};

struct peer_answer {
	enum peer_error error;
	char text[256];
	uint64_t wire_out, wire_in;
};

/* Each: the answer comes later on the loop thread; the decoded value is valid during the call and
 * is NULL unless answer->error is PEER_OK. */
typedef void peer_hello_fn(void *arg, const struct peer_answer *a, const struct wire_hello *h);
typedef void peer_inventory_fn(void *arg, const struct peer_answer *a,
			       const struct wire_inventory *i);
typedef void peer_published_fn(void *arg, const struct peer_answer *a,
			       const struct wire_published *p);
void peer_hello(struct peer *p, peer_hello_fn *done, void *arg);
void peer_inventory(struct peer *p, const char *group, uint64_t since, peer_inventory_fn *done,
		    void *arg);
void peer_publish(struct peer *p, const char *group, const struct wire_publish *ops,
		  peer_published_fn *done, void *arg);
/* Shows a join code's secret, with our key in the handshake; answered when the spoke has taken the
 * key into its configuration, or will not. */
typedef void peer_paired_fn(void *arg, const struct peer_answer *a, bool in_force);
void peer_pair(struct peer *p, const struct wire_pair *pair, peer_paired_fn *done, void *arg);
/* POST (begin) or GET verify. unknown: the spoke is of a version that cannot do that. */
typedef void peer_verified_fn(void *arg, const struct peer_answer *a, const struct wire_verified *v,
			      bool unknown);
void peer_verify_begin(struct peer *p, const char *group, const struct wire_verify *what,
		       peer_verified_fn *done, void *arg);
void peer_verify_look(struct peer *p, const char *group, peer_verified_fn *done, void *arg);
/* GET changes: the answer may take wait_s. seq: 0 with an error. */
typedef void peer_changes_fn(void *arg, const struct peer_answer *a, uint64_t seq);
struct word *peer_changes(struct peer *p, uint64_t since, unsigned wait_s, peer_changes_fn *done,
			  void *arg) WARN_UNUSED;
/* done() is not called. The request goes on to its end if listen is all that ends, else it is
 * reset. */
void peer_call_cancel(struct word *w);
/* DELETE of a transfer that nobody wants any more; no answer wanted. */
void peer_forget_transfer(struct peer *p, const char *group, const struct hash *root);

/* What a push had handed out of a bundle when it ended, and how much of that it knew to be durable:
 * the next one sees what of it comes again. offset 0: nothing. */
struct push_sent {
	struct hash bundle;
	uint64_t offset, acked;
};

struct push_spec {
	struct peer *peer;
	struct bundler *bundler;
	struct shaper_node *parent; /* the (spoke, policy) node; push makes its leaf below it */
	unsigned weight;
	const char *group;
	struct content content;	 /* fd stays the caller's until the push ended */
	struct wire_offer offer; /* path, root, size, mtime, mode, bases, partial filled in */
	int effort;		 /* zstd level */
	int effort_short;      /* instead, where encoding does not keep up with the rate; 0: none */
	struct push_sent sent; /* of the push before this one */
};

enum push_end {
	PUSH_STAGED,  /* every node proven and the root equals: publish may come */
	PUSH_HAVE,    /* the spoke holds this content already: nothing was sent */
	PUSH_STOPPED, /* push_stop() */
	PUSH_REFUSED, /* refused says why, with figures in text / need / available */
	PUSH_CHANGED, /* the content changed on the hub's disk: superseded */
	PUSH_PEER,    /* the peer: see answer */
	PUSH_BAD,     /* a node failed twice, or something of ours failed: text */
};

struct push_result {
	enum push_end end;
	enum wire_refusal refused;
	uint64_t need, available;
	bool never; /* it is more than there may be, whatever else goes */
	struct peer_answer answer;
	char text[256];
};

/* Figures of a push, growing; read at any time. */
struct push_stats {
	uint64_t size;		/* logical */
	uint64_t proven;	/* bytes of the output proven by the spoke, as last told */
	uint64_t literal;	/* literal bytes handed out (uncompressed) */
	uint64_t literal_total; /* of the plan, less what was done before */
	uint64_t wire_out, wire_in;
	uint64_t acked;	   /* of the bundle's bytes: durable there */
	uint64_t received; /* have come there, durable or not */
	uint64_t estimate; /* are expected in all */
	int64_t throttled_us;
	uint64_t peak_rate; /* bytes in the busiest second */
	unsigned bundles, resumes, repairs;
	uint64_t resent; /* bytes sent again after an interruption */
	struct push_sent sent;
	unsigned n_bases;
	bool planning, filling;
	bool read_again; /* staged, and the spoke read all of it once more */
};

struct push_events {
	void (*progress)(void *arg); /* a new durable position; at most one a second */
	void (*ended)(void *arg, const struct push_result *r); /* once; frees the push after it */
	void *arg;
};

struct push *push_start(const struct push_spec *spec, const struct push_events *ev) WARN_UNUSED;
/* No byte is handed to TLS from now on; ended(PUSH_STOPPED) follows within about a second. */
void push_stop(struct push *p);
void push_abort(struct push *p); /* at once, and ended() is not called */
void push_stats(const struct push *p, struct push_stats *ret);
/*
 * Another effort from the next frame on that begins, by a new bundle without what is proven; not
 * worth it for the last megabyte. short as in the spec.
 */
void push_set_effort(struct push *p, int effort, int effort_short);
/* Moves its leaf under another (spoke, policy) node: a changed policy or override. */
void push_reparent(struct push *p, struct shaper_node *parent);

#endif
