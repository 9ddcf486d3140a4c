/*
 * fake_spoke.h: for test_push.c: a spoke in memory behind a real HTTPS server. It decodes bundles
 * and builds the content for true; what it gets wrong it gets wrong on demand.
 */
#ifndef SPOKESYNC_TESTS_UNIT_FAKE_SPOKE_H
#define SPOKESYNC_TESTS_UNIT_FAKE_SPOKE_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transfer/frame.h"
#include "transfer/server.h"
#include "transfer/wire.h"

#define FAKE_NODES_MAX 4096

struct fake {
	/* what it holds */
	const uint8_t *base; /* the one base it has, or NULL */
	uint64_t base_size;
	uint8_t *out; /* of size bytes */
	uint64_t size;
	bool proven[FAKE_NODES_MAX], failed[FAKE_NODES_MAX];
	/* the bundle under way */
	bool has_bundle;
	struct hash id;
	struct bundle_header header;
	bool has_header, ended;
	uint8_t *bytes;
	uint64_t len, room, parsed;
	uint32_t frames;
	struct sreq *put;
	/* what to get wrong */
	enum wire_refusal refuse;
	unsigned no_base; /* so many offers are answered with no base */
	bool have_it;
	unsigned filling; /* so many answers say that it fills */
	int corrupt_node; /* is built wrongly; -1: none */
	unsigned corrupt_times;
	uint64_t drop_after; /* the connection goes after so many bytes of a bundle, once; 0: never
			      */
	unsigned conflict;   /* so many PUTs are answered 409 */
	unsigned forgets;    /* so many PUTs are answered 404, and everything is forgotten */
	bool mute;	     /* a PUT's end is not answered */
	bool blocked;	     /* takes nothing from its socket */
	/* seen */
	unsigned offers, puts, positions, maps;
	uint64_t received;
	struct wire_offer offer;
};

static inline uint32_t fake_frames_wanted(const struct fake *f)
{
	uint32_t n = f->header.n_frames;

	for (size_t i = 0; i < f->header.n_left_out; i++)
		n -= (uint32_t)f->header.left_out[i].n;
	return n;
}

static inline size_t fake_runs(const bool *set, uint64_t n, struct run *ret)
{
	size_t k = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (!set[i])
			continue;
		if (k > 0 && ret[k - 1].first + ret[k - 1].n == i)
			ret[k - 1].n++;
		else
			ret[k++] = (struct run){i, 1};
	}
	return k;
}

static inline void fake_reply(struct fake *f, struct sreq *r, unsigned status, bool map)
{
	static struct run proven[FAKE_NODES_MAX], failed[FAKE_NODES_MAX];
	struct wire_position p = {.refused = f->refuse,
				  .text = "as asked",
				  .need = 10,
				  .available = 5,
				  .have_it = f->have_it};
	uint64_t n = nodes_of(f->size), n_proven = 0;
	char *json;

	for (uint64_t i = 0; i < n; i++)
		n_proven += f->proven[i];
	p.has_bundle = f->has_bundle;
	p.bundle = f->id;
	p.offset = f->len;
	p.complete = f->has_header && f->frames == fake_frames_wanted(f);
	p.filling = p.complete && f->filling > 0;
	f->filling -= p.filling;
	p.staged = n_proven == n && !p.filling;
	p.proven_bytes = MIN(n_proven * NODE_SIZE, f->size);
	p.failed = failed;
	p.n_failed = fake_runs(f->failed, n, failed);
	p.proven = proven;
	p.n_proven = map ? fake_runs(f->proven, n, proven) : 0;
	json = wire_position_encode(&p);
	sreq_reply_json(r, p.refused != REFUSED_NOT && status == 200 ? 409 : status, json);
	free(json);
}

static inline void fake_apply(struct fake *f, const struct frame *fr)
{
	uint64_t block = (uint64_t)fr->head.first_node * NODE_BLOCKS;
	const uint8_t *lit = fr->literals;

	for (uint32_t i = 0; i < fr->head.n_ops; i++) {
		const struct op *op = &fr->ops[i];
		uint64_t at = block * BLOCK_SIZE,
			 len = MIN((uint64_t)op->n * BLOCK_SIZE, f->size - at);
		uint64_t src = (op->kind == OP_SAME ? block : op->src) * BLOCK_SIZE;

		if (op->kind == OP_ZERO) {
			memset(f->out + at, 0, len);
		} else if (op->kind == OP_LIT) {
			memcpy(f->out + at, lit, len);
			lit += len;
		} else {
			assert_non_null(f->base);
			memcpy(f->out + at, f->base + src, MIN(len, f->base_size - src));
		}
		block += op->n;
	}
	for (uint32_t n = fr->head.first_node; n < fr->head.first_node + fr->head.n_nodes; n++) {
		f->failed[n] = f->corrupt_times > 0 && (int)n == f->corrupt_node;
		f->corrupt_times -= f->failed[n];
		f->proven[n] = !f->failed[n];
	}
}

/* Whole frames among the bytes that came. */
static inline void fake_parse(struct fake *f)
{
	struct frame_decoder *d = frame_decoder_new();
	struct frame_head head;
	struct frame fr;
	struct hash id;
	size_t used;
	struct err e;

	if (!f->has_header && f->len > 0 &&
	    bundle_header_decode(f->bytes, f->len, &f->header, &used, &id, &e) == 0) {
		assert_true(hash_equal(&id, &f->id));
		assert_int_equal(f->header.size, f->size);
		f->has_header = true;
		f->parsed = used;
	}
	while (f->has_header && f->len - f->parsed >= FRAME_HEAD_SIZE) {
		const uint8_t *at = f->bytes + f->parsed;

		assert_int_equal(frame_head_decode(at, f->size, &head, &e), 0);
		if (f->len - f->parsed < FRAME_HEAD_SIZE + head.body_len)
			break;
		if (frame_decode(d, &head, at + FRAME_HEAD_SIZE, f->size, f->header.n_bases, &fr,
				 &e) < 0)
			fail_msg("%s", e.text);
		fake_apply(f, &fr);
		f->parsed += FRAME_HEAD_SIZE + head.body_len;
		f->frames++;
	}
	frame_decoder_free(d);
}

static inline bool fake_data(void *arg, const void *buf, size_t len)
{
	struct fake *f = arg;

	if (f->len + len > f->room) {
		f->room = 2 * (f->len + len);
		f->bytes = xrealloc(f->bytes, f->room);
	}
	memcpy(f->bytes + f->len, buf, len);
	f->len += len;
	f->received += len;
	if (f->drop_after && f->received >= f->drop_after) {
		f->drop_after = 0;
		fake_parse(f);
		sreq_drop(f->put);
	}
	return !f->blocked;
}

static inline void fake_end(void *arg)
{
	struct fake *f = arg;

	f->ended = true;
	fake_parse(f);
	if (!f->mute)
		fake_reply(f, f->put, 200, false);
}

static inline void fake_closed(void *arg)
{
	fake_parse(arg);
}

static inline void fake_new_bundle(struct fake *f, const struct hash *id)
{
	if (f->has_header)
		bundle_header_done(&f->header);
	f->has_bundle = true;
	f->has_header = false;
	f->id = *id;
	f->len = f->parsed = 0;
	f->frames = 0;
}

static inline void fake_put(struct fake *f, struct sreq *r)
{
	struct sreq_sink sink = {fake_data, fake_end, fake_closed, f};
	uint64_t offset = strtoull(sreq_query(r, "offset"), NULL, 10);
	struct hash id;

	f->puts++;
	assert_int_equal(hash_parse(sreq_query(r, "bundle"), &id), 0);
	if (f->forgets > 0) {
		f->forgets--;
		f->has_bundle = false;
		f->len = 0;
		memset(f->proven, 0, sizeof(f->proven));
		sreq_problem(r, 404, "no such transfer");
		return;
	}
	if (offset == 0 && !(f->has_bundle && hash_equal(&id, &f->id)))
		fake_new_bundle(f, &id);
	if (f->conflict > 0 || offset != f->len || !hash_equal(&id, &f->id)) {
		f->conflict -= f->conflict > 0;
		fake_reply(f, r, 409, false);
		return;
	}
	f->put = r;
	sreq_stream(r, &sink);
}

static inline void fake_offer(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct fake *f = arg;
	struct err e;

	wire_offer_done(&f->offer);
	if (wire_offer_decode(body, len, &f->offer, &e) < 0)
		fail_msg("%s", e.text);
	f->offers++;
	if (f->no_base > 0) {
		f->no_base--;
		f->refuse = REFUSED_NO_BASE;
		fake_reply(f, r, 409, false);
		f->refuse = REFUSED_NOT;
		return;
	}
	fake_reply(f, r, 200, true);
}

static inline void fake_handler(void *arg, struct sreq *r)
{
	struct fake *f = arg;
	const char *method = sreq_method(r), *map;

	if (strcmp(method, "POST") == 0) {
		assert_string_equal(sreq_path(r), "/v1/groups/g/offers");
		sreq_collect(r, WIRE_BODY_MAX, fake_offer, f);
	} else if (strcmp(method, "PUT") == 0) {
		fake_put(f, r);
	} else {
		map = sreq_query(r, "map");
		f->positions++;
		f->maps += map != NULL;
		fake_reply(f, r, 200, map != NULL);
	}
}

static inline void fake_done(struct fake *f)
{
	if (f->has_header)
		bundle_header_done(&f->header);
	wire_offer_done(&f->offer);
	free(f->bytes);
	free(f->out);
}

#endif
