/*
 * push_steps.c: what comes next. Every step ends in an answer that holds a position; what to do
 * follows from the position alone, so that a restart of either side goes the same ways.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/push_private.h"

#define POLL_FIRST_S 0.2
#define POLL_MOST_S  10.0
/* Answers in a row that bring nothing forward, before it is called an error. */
#define STUCK_MAX 6

static void planned(void *arg, int error, struct bundle *b)
{
	struct push *p = arg;

	p->ticket = NULL;
	if (error == -ESTALE) {
		push_end(p, PUSH_CHANGED, "the content changed while it was planned");
		return;
	}
	if (error < 0) {
		push_end(p, PUSH_BAD, "no plan can be made: %s", strerror(-error));
		return;
	}
	p->bundle = b;
	push_offer(p);
}

void push_plan(struct push *p, const struct hash *bases, unsigned n_bases)
{
	struct hash copy[WIRE_BASES_MAX];

	n_bases = MIN(n_bases, WIRE_BASES_MAX);
	memcpy(copy, bases, n_bases * sizeof(*bases));
	memcpy(p->spec.offer.bases, copy, n_bases * sizeof(*bases));
	p->spec.offer.n_bases = n_bases;
	p->stats.n_bases = n_bases;
	push_drop_stream(p, false);
	if (p->bundle)
		p->bundle = bundle_unref(p->bundle);
	p->ticket = bundler_get(p->spec.bundler, &p->spec.content, copy, n_bases, planned, p);
}

static void offer_done(void *arg, const struct peer_answer *a, const struct request_result *r)
{
	struct push *p = arg;

	p->word = NULL;
	push_add_wire(p, a->wire_out, a->wire_in);
	if (r->error == 0 && push_answer(p, r, true))
		return;
	push_end_peer(p, a);
}

static void offer(struct push *p, uint64_t prepaid)
{
	struct word_spec spec = {.method = "POST",
				 .charge = p->leaf,
				 .prepaid = prepaid,
				 .done = offer_done,
				 .arg = p};
	char *path = xasprintf("/v1/groups/%s/offers", p->spec.group);

	p->spec.offer.literal_bytes = bundle_plan(p->bundle)->literal_bytes;
	p->spec.offer.moved_bytes = bundle_plan(p->bundle)->moved_bytes;
	spec.path = path;
	spec.body = wire_offer_encode(&p->spec.offer);
	p->word = peer_call(p->spec.peer, &spec);
	free(path);
}

void push_offer(struct push *p)
{
	push_gate(p, offer);
}

bool push_offer_again(struct push *p, const struct request_result *r)
{
	if (r->error != 0 || r->status != 404 || p->stopping || ++p->stuck >= STUCK_MAX)
		return false;
	push_drop_stream(p, false);
	push_offer(p);
	return true;
}

static bool meets(const struct run *a, size_t na, const struct run *b, size_t nb)
{
	size_t i = 0, k = 0;

	while (i < na && k < nb) {
		if (a[i].first + a[i].n <= b[k].first)
			i++;
		else if (b[k].first + b[k].n <= a[i].first)
			k++;
		else
			return true;
	}
	return false;
}

static int by_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void remember_repaired(struct push *p, const struct run *runs, size_t n)
{
	p->repaired = xrealloc(p->repaired, (p->n_repaired + n) * sizeof(*runs));
	memcpy(p->repaired + p->n_repaired, runs, n * sizeof(*runs));
	p->n_repaired += n;
	qsort(p->repaired, p->n_repaired, sizeof(*runs), by_first);
}

static void start_stream(struct push *p, int r, struct bundle_stream *s, uint64_t offset)
{
	if (r < 0) {
		push_end(p, r == -ESTALE ? PUSH_CHANGED : PUSH_BAD, "no bundle can be made: %s",
			 strerror(-r));
		return;
	}
	p->stream = s;
	p->offset = p->acked = p->received = p->stream_from = offset;
	p->resent = 0;
	p->stats.bundles++;
	p->stream_us = push_now_us();
	p->starved_us = 0;
	push_put(p);
}

static void repair(struct push *p, const struct wire_position *pos)
{
	struct bundle_stream *s = NULL;
	int r;

	if (meets(p->repaired, p->n_repaired, pos->failed, pos->n_failed)) {
		push_end(p, PUSH_BAD, "a node did not prove though it came as plain literal");
		return;
	}
	remember_repaired(p, pos->failed, pos->n_failed);
	push_drop_stream(p, true);
	r = stream_repair(p->bundle, pos->failed, pos->n_failed, &s);
	p->stats.repairs++;
	p->repairing = true;
	start_stream(p, r, s, 0);
}

/* Of what the push before this one handed out, that which did not last there comes again. */
static void count_again(struct push *p, const struct wire_position *pos)
{
	const struct push_sent *sent = &p->spec.sent;
	bool same = pos->has_bundle && hash_equal(&pos->bundle, &sent->bundle);
	uint64_t lasted = same ? pos->offset : sent->acked;

	if (sent->offset > lasted)
		p->stats.resent += sent->offset - lasted;
	p->spec.sent.offset = 0;
}

/* The spoke's bundle where it can be gone on with, else a new one without what is proven. */
static void choose_stream(struct push *p, const struct wire_position *pos, bool whole_map)
{
	struct bundle_stream *s = NULL;
	bool anew = push_wants_effort(p);
	int r = -ENOENT;

	push_drop_stream(p, anew);
	p->repairing = false;
	if (!anew && pos->has_bundle && !pos->complete)
		r = stream_resume(p->bundle, &pos->bundle, pos->offset, &s);
	if (r == 0 || whole_map)
		count_again(p, pos);
	if (r == 0) {
		p->stats.resumes++;
		start_stream(p, 0, s, pos->offset);
		return;
	}
	if (!whole_map) { /* what is proven must not be sent again */
		push_ask(p, true);
		return;
	}
	r = stream_new(p->bundle, p->spec.effort, pos->proven, pos->n_proven, &s);
	start_stream(p, r, s, 0);
}

/* Everything was sent, and the spoke is not there yet: it fills, or proves. */
static void wait_for_spoke(struct push *p, bool filling)
{
	if (!filling && ++p->stuck >= STUCK_MAX) {
		push_end(p, PUSH_BAD, "the spoke has everything and does not call it staged");
		return;
	}
	p->poll_s = MIN(MAX(p->poll_s * 1.5, POLL_FIRST_S), POLL_MOST_S);
	push_poll_after(p, p->poll_s);
}

static void note(struct push *p, const struct wire_position *pos)
{
	p->stats.proven = MIN(pos->proven_bytes, p->spec.offer.size);
	p->stats.filling = pos->filling;
	p->stats.read_again = pos->read_again;
	if (pos->offset != p->last_offset || pos->proven_bytes != p->last_proven)
		p->stuck = 0;
	p->last_offset = pos->offset;
	p->last_proven = pos->proven_bytes;
	if (p->stream && pos->has_bundle && hash_equal(&pos->bundle, stream_id(p->stream)) &&
	    pos->offset <= p->offset) {
		p->received = MIN(pos->received, p->offset);
		if (pos->offset > p->acked) {
			p->acked = pos->offset;
			stream_acked(p->stream, pos->offset);
		}
	}
	push_told(p);
}

static void refused(struct push *p, const struct wire_position *pos)
{
	/* Each such answer takes a base away, so this ends by itself; a liar is stopped all the
	 * same. */
	if (pos->refused == REFUSED_NO_BASE && ++p->stuck < STUCK_MAX) {
		push_plan(p, pos->have, pos->n_have);
		return;
	}
	p->result.refused = pos->refused;
	p->result.need = pos->need;
	p->result.available = pos->available;
	p->result.never = pos->never;
	push_end(p, PUSH_REFUSED, "%s", pos->text[0] ? pos->text : wire_refusal_word(pos->refused));
}

/* The PUT ended before the bundle did: a limit, another offset, the spoke's wish. */
static void go_on(struct push *p, const struct wire_position *pos, bool whole_map)
{
	if (++p->stuck >= STUCK_MAX) {
		push_end(p, PUSH_BAD, "the spoke takes no more at byte %llu of the bundle",
			 (unsigned long long)pos->offset);
		return;
	}
	if (pos->offset < p->offset)
		p->stats.resent += p->offset - pos->offset;
	if (pos->offset == p->offset && !push_wants_effort(p)) {
		push_put(p);
		return;
	}
	choose_stream(p, pos, whole_map);
}

/* The one place that decides. whole_map: pos->proven is complete. No PUT runs. */
static void decide(struct push *p, const struct wire_position *pos, bool whole_map)
{
	bool ours = p->stream && pos->has_bundle && hash_equal(&pos->bundle, stream_id(p->stream));

	if (pos->have_it)
		push_end(p, PUSH_HAVE, "the spoke has this content");
	else if (pos->staged)
		push_end(p, PUSH_STAGED, "staged");
	else if (pos->refused != REFUSED_NOT)
		refused(p, pos);
	else if (pos->has_bundle && pos->complete && pos->n_failed > 0)
		repair(p, pos);
	else if (ours && !pos->complete)
		go_on(p, pos, whole_map);
	else if (pos->filling && pos->has_bundle && pos->complete)
		wait_for_spoke(p, true);
	else if (ours && p->stuck < STUCK_MAX / 2)
		wait_for_spoke(p, false);
	else if (!whole_map)
		push_ask(p, true);
	else if (++p->stuck >= STUCK_MAX)
		push_end(p, PUSH_BAD, "the spoke does not come forward");
	else
		choose_stream(p, pos, whole_map);
}

static bool decode(const struct request_result *r, struct wire_position *ret, struct err *e)
{
	if (wire_position_decode(r->body, r->body_len, ret, e) < 0)
		return false;
	/* An error's body says more than its status only where it is a refusal, or another offset.
	 */
	if ((r->status >= 200 && r->status < 300) || ret->refused != REFUSED_NOT ||
	    (r->status == 409 && ret->has_bundle))
		return true;
	wire_position_done(ret);
	return false;
}

static void undecodable(struct push *p, const struct err *e)
{
	struct peer_answer a = {.error = PEER_PROTOCOL};

	snprintf(a.text, sizeof(a.text), "%.200s", e->text);
	push_end_peer(p, &a);
}

bool push_answer(struct push *p, const struct request_result *r, bool whole_map)
{
	struct wire_position pos;
	struct err e = {""};

	if (!decode(r, &pos, &e)) {
		if (r->status / 100 != 2)
			return false;
		undecodable(p, &e);
		return true;
	}
	if (p->stopping && !pos.staged) {
		if (p->stream && pos.has_bundle && pos.offset < p->offset) {
			p->resent = p->offset - pos.offset;
			p->stats.resent += p->resent;
		}
		note(p, &pos);
		push_end(p, PUSH_STOPPED, "stopped");
	} else {
		note(p, &pos);
		decide(p, &pos, whole_map);
	}
	wire_position_done(&pos);
	return true;
}

static void asked(void *arg, const struct peer_answer *a, const struct request_result *r)
{
	struct push *p = arg;
	struct wire_position pos;
	struct err e;

	p->word = NULL;
	push_add_wire(p, a->wire_out, a->wire_in);
	if (!p->put) {
		if (push_offer_again(p, r) || (r->error == 0 && push_answer(p, r, true)))
			return;
		push_end_peer(p, a);
		return;
	}
	/* Beside a PUT the question is for figures; only a refusal ends the PUT. */
	if (r->error == 0 && decode(r, &pos, &e)) {
		note(p, &pos);
		if (pos.refused != REFUSED_NOT) {
			push_put_drop(p);
			refused(p, &pos);
			wire_position_done(&pos);
			return;
		}
		wire_position_done(&pos);
	}
	push_poll_put(p);
}

void push_ask(struct push *p, bool map)
{
	struct word_spec spec = {.method = "GET", .charge = p->leaf, .done = asked, .arg = p};
	char *path = xasprintf("%s%s", p->transfer, map ? "?map=1" : "");

	spec.path = path;
	p->word = peer_call(p->spec.peer, &spec);
	free(path);
}
