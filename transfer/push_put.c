/*
 * push_put.c: bundle bytes into the body of a PUT: as many as the shaper grants, from where the
 * spoke durably is. The body may end at any byte; what the spoke has of it its answer says.
 */
#include <errno.h>
#include <stdlib.h>

#include "transfer/push_private.h"

/* What the kernel may hold unsent: 250 ms of rate; where nothing limits the rate, a few MiB. */
#define LOWAT_PART 4
#define LOWAT_MIN  2048u
#define LOWAT_OPEN (4 * MIB)
/* Of a share: at least what it is granted at once. */
#define LOWAT_GRANT (16u << 10)
/* What a request costs before its first body byte, handshake included, roughly. */
#define BEGIN_COST 2048
/* Literals that must be left for another effort to be worth a new bundle. */
#define EFFORT_WORTH MIB
/* Waiting for frames: so long, and this part of the time, is too much. */
#define STARVED_LEAST_US (5 * SECOND_US)
#define STARVED_PART	 4

/*
 * Where many share the rate, each has 250 ms of what it got of it lately. A share that grows is not
 * held back: what is not sent yet fills up within a turn of the loop, so it may double every
 * time.
 */
uint64_t push_lowat(uint64_t rate, uint64_t last_second)
{
	uint64_t most;

	if (rate == RATE_UNLIMITED)
		return LOWAT_OPEN;
	most = MIN(MAX(rate / LOWAT_PART, LOWAT_MIN), LOWAT_OPEN);
	return MIN(most, MAX(last_second / LOWAT_PART, LOWAT_GRANT));
}

/* Each change is a system call: a new rate at once, a new share when it is worth it. */
static void follow_rate(struct push *p)
{
	uint64_t rate = shaper_rate_in_force(p->leaf);
	uint64_t lowat = push_lowat(rate, p->meter.second);

	if (rate == p->lowat_rate && lowat < p->lowat + p->lowat / 4 &&
	    lowat > p->lowat - p->lowat / 4)
		return;
	p->lowat_rate = rate;
	p->lowat = lowat;
	request_set_lowat(p->put, lowat);
}

static void pass_gate(struct push *p)
{
	void (*go)(struct push *, uint64_t) = p->gated;
	size_t granted = shaper_grant(p->leaf, BEGIN_COST);

	if (granted == 0) {
		shaper_want(p->leaf, true);
		return;
	}
	shaper_want(p->leaf, false);
	p->gated = NULL;
	go(p, granted);
}

void push_gate(struct push *p, void (*go)(struct push *p, uint64_t prepaid))
{
	p->gated = go;
	pass_gate(p);
}

void push_leaf_ready(void *arg)
{
	struct push *p = arg;

	if (p->gated)
		pass_gate(p);
	else if (p->put)
		request_write(p->put); /* p may be gone */
}

static void stream_ready(void *arg)
{
	struct push *p = arg;

	if (p->wants_stream)
		p->starved_us += push_now_us() - p->waits_us;
	if (p->put && p->wants_stream)
		request_resume(p->put);
}

bool push_wants_effort(const struct push *p)
{
	const struct bundle_stream *s = p->stream;

	return s && !p->repairing && p->offset > 0 &&
	       stream_frame_start(s, p->offset) == p->offset &&
	       stream_literal(s) - stream_literal_at(s, p->offset) >= EFFORT_WORTH &&
	       bundle_effort(p->bundle, p->spec.effort) != stream_effort(s);
}

/* Frames that take longer to make than to send, and not only the first. One that is made by now is
 * sent: two may be in the making at a time. */
static void shorten(struct push *p)
{
	if (p->spec.effort_short == 0 || p->starved_us < STARVED_LEAST_US ||
	    p->starved_us * STARVED_PART < push_now_us() - p->stream_us ||
	    stream_at_hand(p->stream, p->offset))
		return;
	p->spec.effort = p->spec.effort_short;
	p->spec.effort_short = 0;
}

/* Called by curl, from a PUT that runs. */
static int64_t read_body(void *arg, void *buf, size_t len)
{
	struct push *p = arg;
	size_t granted;
	int64_t n;

	if (p->stopping)
		return 0;
	push_meter_lately(p);
	follow_rate(p);
	len = MIN((uint64_t)len, WIRE_PUT_MAX - (p->offset - p->put_from));
	shorten(p);
	if (len == 0 || push_wants_effort(p))
		return 0;
	p->wants_stream = false;
	granted = shaper_grant(p->leaf, len);
	if (granted == 0) {
		shaper_want(p->leaf, true);
		return -EAGAIN;
	}
	n = stream_read(p->stream, p->offset, buf, granted);
	if (n < (int64_t)granted)
		shaper_refund(p->leaf, granted - (uint64_t)MAX(n, 0));
	if (n == -EAGAIN) {
		p->wants_stream = true;
		p->waits_us = push_now_us();
		return n;
	}
	if (n < 0)
		p->read_error = (int)n;
	else
		p->offset += (uint64_t)n;
	return n;
}

static void put_done(void *arg, const struct request_result *r)
{
	struct push *p = arg;
	struct peer_answer a;

	p->put = NULL;
	push_add_wire(p, r->wire_out, r->wire_in);
	ev_timer_stop(p->loop, &p->poll);
	peer_call_cancel(p->word); /* a question that the PUT's answer has overtaken */
	p->word = NULL;
	shaper_want(p->leaf, false);
	if (p->read_error == -ESTALE) {
		push_end(p, PUSH_CHANGED, "the content changed while it was sent");
		return;
	}
	if (p->read_error) {
		push_end(p, PUSH_BAD, "the bundle cannot be read: error %d", -p->read_error);
		return;
	}
	if (push_offer_again(p, r) || (r->error == 0 && push_answer(p, r, false)))
		return;
	if (p->stopping) {
		push_end(p, PUSH_STOPPED, "stopped");
		return;
	}
	peer_answer_of(r, &a);
	push_end_peer(p, &a);
}

static void put(struct push *p, uint64_t prepaid)
{
	struct request_spec spec = {.method = "PUT",
				    .read = read_body,
				    .charge = p->leaf,
				    .prepaid = prepaid,
				    .fresh = true,
				    .done = put_done,
				    .arg = p};
	char hex[HASH_HEX + 1], *path, *url;

	stream_on_ready(p->stream, stream_ready, p);
	path = xasprintf("%s?bundle=%s&offset=%llu", p->transfer,
			 hash_hex(stream_id(p->stream), hex), (unsigned long long)p->offset);
	p->put_from = p->asked_at = p->offset;
	p->read_error = 0;
	p->wants_stream = false;
	p->lowat_rate = shaper_rate_in_force(p->leaf);
	p->lowat = push_lowat(p->lowat_rate, p->meter.second);
	spec.notsent_lowat = p->lowat;
	peer_request(p->spec.peer, path, &spec, &url);
	p->put = request_start(p->spec.peer->http, &spec);
	free(path);
	free(url);
	push_poll_put(p);
}

void push_put(struct push *p)
{
	push_gate(p, put);
}

void push_put_drop(struct push *p)
{
	uint64_t out, in;

	if (!p->put)
		return;
	request_counts(p->put, &out, &in);
	push_add_wire(p, out, in);
	request_abort(p->put);
	p->put = NULL;
}

void push_put_finish(struct push *p)
{
	if (p->put)
		request_resume(p->put);
}
