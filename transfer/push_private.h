/*
 * push_private.h: private to push*.c: one content on its way, and where it is on it.
 *
 *   plan -> offer -> PUT -> (position) -> PUT ... -> staged
 *           ^  |             |  nodes that did not prove -> repair bundle -> PUT
 *           |  no base       |  SAME ranges being filled -> wait
 *           +--plan with what is left
 *
 * push.c: life, figures; push_steps.c: what a position means and what comes next; push_poll.c: when
 * it is asked; push_put.c: the bytes.
 */
#ifndef SPOKESYNC_TRANSFER_PUSH_PRIVATE_H
#define SPOKESYNC_TRANSFER_PUSH_PRIVATE_H

#include <ev.h>

#include "transfer/meter.h"
#include "transfer/peer_private.h"
#include "transfer/shaper.h"

struct push {
	struct push_spec spec;
	struct push_events ev;
	struct ev_loop *loop;
	struct shaper_node *leaf;
	char *transfer; /* "/v1/transfers/G/ROOT" */

	/* Whichever of these is under way. */
	struct bundle_ticket *ticket;
	struct word *word; /* offer, or a question for the position */
	struct request *put;
	/* The next request, while it waits for the shaper. */
	void (*gated)(struct push *p, uint64_t prepaid);
	ev_timer poll, deadline;
	double poll_s; /* grows while the spoke fills */

	struct bundle *bundle;
	struct bundle_stream *stream;
	struct run *repaired; /* nodes that came as plain literals already */
	size_t n_repaired;

	uint64_t offset;      /* handed out of the stream so far */
	uint64_t stream_from; /* where this push took the stream up */
	uint64_t put_from;    /* where this PUT began */
	uint64_t acked;	      /* O of this stream */
	uint64_t received;    /* at least O: what the spoke told last */
	uint64_t resent;      /* of offset: that counts as sent again already */
	int read_error;	      /* why read() ended the PUT */
	bool wants_stream;    /* read() waits for the stream, not for the shaper */
	bool repairing;	      /* this stream is a repair: its effort is its own */
	int64_t stream_us;    /* when this stream began */
	int64_t starved_us;   /* of that, so long did read() wait for it */
	int64_t waits_us;     /* since when it does */
	uint64_t lowat_rate;  /* what the kernel's share was set for */
	uint64_t lowat;
	uint64_t asked_at;  /* offset at the last question beside a PUT */
	unsigned unasked;   /* times that it was not worth one since */
	uint64_t polled_at; /* offset a second ago */
	unsigned resting;   /* seconds that it has been that */
	unsigned stuck;	    /* answers in a row that brought nothing forward */
	uint64_t last_offset, last_proven;
	bool stopping, over;

	struct push_result result;
	struct push_stats stats; /* of what is done; push_stats() adds what runs */
	uint64_t literal_before; /* of streams that are over */
	uint64_t metered;
	int64_t metered_us;
	struct meter meter;
	int64_t told_us;
};

/* push.c */
void push_end(struct push *p, enum push_end end, const char *fmt, ...) PRINTF(3, 4);
void push_end_peer(struct push *p, const struct peer_answer *a);
void push_add_wire(struct push *p, uint64_t out, uint64_t in);
void push_meter(struct push *p);
void push_meter_lately(struct push *p); /* unless it was done just now */
void push_told(struct push *p);		/* progress event, at most one a second */
void push_drop_stream(struct push *p, bool complete);

/* push_steps.c */
void push_plan(struct push *p, const struct hash *bases, unsigned n_bases);
void push_offer(struct push *p);
/* The spoke does not know the transfer (any more): offers it anew. False: that is not it. */
bool push_offer_again(struct push *p, const struct request_result *r);
void push_ask(struct push *p, bool map);
/* From the answer to a PUT or an offer: decodes and goes on; false: it says nothing (an error). */
bool push_answer(struct push *p, const struct request_result *r, bool whole_map);

/* push_poll.c */
void push_poll_after(struct push *p, double seconds);
void push_poll_put(struct push *p); /* while a PUT runs */
void push_on_poll(struct ev_loop *loop, ev_timer *w, int revents);

/* push_put.c */
void push_put(struct push *p);
/* At the start of a frame, and worth a new bundle of another effort? */
bool push_wants_effort(const struct push *p);
int64_t push_now_us(void); /* push.c */
/* Bytes that the kernel may hold unsent, of a rate in force and what went in the last second. */
uint64_t push_lowat(uint64_t rate, uint64_t last_second);
void push_put_finish(struct push *p); /* the body ends at the next read */
void push_put_drop(struct push *p);   /* resets it, if there is one */
/* Calls go() once the shaper lets something of this push go. A request begins with a handshake
 * and heads: where many begin on a slow line they would be a debt that nobody can pay for long. */
void push_gate(struct push *p, void (*go)(struct push *p, uint64_t prepaid));
void push_leaf_ready(void *arg);

#endif
