/*
 * push.c: the life of a push: made, stopped, aborted, ended, and its figures. What comes next at
 * each point is push_steps.c's, the bytes are push_put.c's.
 */
#include "transfer/push_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After push_stop(): so long has the spoke to answer the end of the body. */
#define STOP_S 1.0
/* The meter's resolution is twice that. */
#define METER_US 50000

static struct mono now_mono(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){(int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000};
}

int64_t push_now_us(void)
{
	return now_mono().us;
}

void push_add_wire(struct push *p, uint64_t out, uint64_t in)
{
	p->stats.wire_out += out;
	p->stats.wire_in += in;
}

static uint64_t wire_out_now(const struct push *p)
{
	uint64_t out = 0, in = 0;

	if (p->put)
		request_counts_lately(p->put, &out, &in);
	return p->stats.wire_out + out;
}

void push_meter_lately(struct push *p)
{
	int64_t now = now_mono().us;

	if (now - p->metered_us < METER_US)
		return;
	p->metered_us = now;
	push_meter(p);
}

void push_meter(struct push *p)
{
	uint64_t total = wire_out_now(p);

	/* A request's last count may be below its live one by what a reset threw away. */
	if (total > p->metered) {
		meter_add(&p->meter, total - p->metered, now_mono());
		p->metered = total;
	}
}

void push_told(struct push *p)
{
	int64_t now = now_mono().us;

	push_meter(p);
	if (now - p->told_us < SECOND_US - SECOND_US / 20 || !p->ev.progress)
		return;
	p->told_us = now;
	p->ev.progress(p->ev.arg);
}

/* Of this stream, since this push took it up. */
static uint64_t literal_handed(const struct push *p)
{
	return stream_literal_at(p->stream, p->offset) -
	       stream_literal_at(p->stream, p->stream_from);
}

static struct push_sent handed_out(const struct push *p)
{
	return (struct push_sent){*stream_id(p->stream), p->offset - p->resent, p->acked};
}

void push_drop_stream(struct push *p, bool complete)
{
	if (!p->stream)
		return;
	p->stats.sent = handed_out(p);
	p->literal_before += literal_handed(p);
	p->stats.estimate = stream_estimate(p->stream);
	stream_on_ready(p->stream, NULL, NULL);
	if (complete)
		stream_forget(p->stream);
	p->stream = stream_free(p->stream);
}

/* Nothing of it is under way any more; the loop does not know it. */
static void halt(struct push *p)
{
	p->over = true;
	push_put_drop(p);
	peer_call_cancel(p->word);
	p->word = NULL;
	if (p->ticket)
		bundle_ticket_cancel(p->ticket);
	p->ticket = NULL;
	ev_timer_stop(p->loop, &p->poll);
	ev_timer_stop(p->loop, &p->deadline);
	p->stats.throttled_us += shaper_throttled_us(p->leaf);
	p->leaf = shaper_node_free(p->leaf);
	push_drop_stream(p, p->result.end == PUSH_STAGED || p->result.end == PUSH_HAVE);
	if (p->bundle)
		p->bundle = bundle_unref(p->bundle);
}

static void push_free(struct push *p)
{
	wire_offer_done(&p->spec.offer);
	free((char *)p->spec.group);
	free(p->transfer);
	free(p->repaired);
	free(p);
}

static void end_now(struct push *p)
{
	push_meter(p);
	halt(p);
	p->ev.ended(p->ev.arg, &p->result);
	push_free(p);
}

void push_end(struct push *p, enum push_end end, const char *fmt, ...)
{
	va_list ap;

	p->result.end = end;
	va_start(ap, fmt);
	vsnprintf(p->result.text, sizeof(p->result.text), fmt, ap);
	va_end(ap);
	end_now(p);
}

void push_end_peer(struct push *p, const struct peer_answer *a)
{
	p->result.answer = *a;
	push_end(p, PUSH_PEER, "%s", a->text);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct push *p = container_of(w, struct push, deadline);

	(void)loop;
	(void)revents;
	push_end(p, PUSH_STOPPED, "stopped");
}

/* Runs are the caller's until the push ended in words; we keep our own. */
static void copy_spec(struct push *p, const struct push_spec *spec)
{
	size_t n = spec->offer.n_partial_same;

	p->spec = *spec;
	p->spec.group = xstrdup(spec->group);
	p->spec.offer.partial_same = NULL;
	if (n > 0) {
		p->spec.offer.partial_same = xcalloc(n, sizeof(struct run));
		memcpy(p->spec.offer.partial_same, spec->offer.partial_same,
		       n * sizeof(struct run));
	}
}

struct push *push_start(const struct push_spec *spec, const struct push_events *ev)
{
	struct push *p = xcalloc(1, sizeof(*p));
	char hex[HASH_HEX + 1];

	copy_spec(p, spec);
	p->ev = *ev;
	p->loop = http_loop(spec->peer->http);
	p->leaf = shaper_node_new(spec->parent, spec->weight, push_leaf_ready, p);
	p->transfer =
		xasprintf("/v1/transfers/%s/%s", spec->group, hash_hex(&spec->offer.root, hex));
	p->stats.size = spec->offer.size;
	p->result.end = PUSH_STOPPED;
	meter_init(&p->meter, now_mono());
	ev_timer_init(&p->poll, push_on_poll, 0., 0.);
	ev_timer_init(&p->deadline, on_deadline, 0., 0.);
	push_plan(p, p->spec.offer.bases, p->spec.offer.n_bases);
	return p;
}

void push_set_effort(struct push *p, int effort, int effort_short)
{
	p->spec.effort = effort;
	p->spec.effort_short = effort_short;
	p->stream_us = push_now_us();
	p->starved_us = 0;
}

void push_stop(struct push *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	p->gated = NULL;
	shaper_want(p->leaf, false);
	/* What curl holds would go out when the socket opens again; what did arrive is not lost. */
	if (p->put && request_holds_body(p->put))
		push_put_drop(p);
	ev_timer_stop(p->loop, &p->poll);
	/* ended() is never called from in here. */
	ev_now_update(p->loop);
	ev_timer_set(&p->deadline, p->put ? STOP_S : 0., 0.);
	ev_timer_start(p->loop, &p->deadline);
	push_put_finish(p);
}

void push_abort(struct push *p)
{
	halt(p);
	push_free(p);
}

void push_stats(const struct push *p, struct push_stats *ret)
{
	uint64_t out = 0, in = 0;

	*ret = p->stats;
	if (p->put)
		request_counts(p->put, &out, &in);
	ret->wire_out += out;
	ret->wire_in += in;
	ret->literal = p->literal_before;
	ret->literal_total = p->literal_before;
	if (p->stream) {
		ret->literal += literal_handed(p);
		ret->literal_total +=
			stream_literal(p->stream) - stream_literal_at(p->stream, p->stream_from);
		ret->estimate = stream_estimate(p->stream);
		ret->sent = handed_out(p);
	}
	ret->acked = p->acked;
	ret->received = MAX(p->received, p->acked);
	if (p->leaf)
		ret->throttled_us += shaper_throttled_us(p->leaf);
	ret->peak_rate = meter_peak(&p->meter);
	ret->planning = p->ticket != NULL;
}

void push_reparent(struct push *p, struct shaper_node *parent)
{
	struct shaper_node *old = p->leaf;

	p->spec.parent = parent;
	p->leaf = shaper_node_new(parent, p->spec.weight, push_leaf_ready, p);
	if (p->put)
		request_set_charge(p->put, p->leaf);
	peer_call_charge(p->word, p->leaf);
	p->stats.throttled_us += shaper_throttled_us(old);
	shaper_node_free(old);
	/* The old leaf may have been waited for. */
	if ((p->put && !p->stopping && !p->wants_stream) || p->gated)
		shaper_want(p->leaf, true);
}
