/*
 * bundle_header.c: the head of a bundle:
 *
 *   magic "SSYNCB01", length of all that follows (4), plan P (32), root (32), size (8), effort (4),
 *   frames of the plan (4), bases (4), runs left out (4), base roots, runs (first 4, count 4),
 * nonce
 *
 * Its SHA-256 is E, the bundle's id.
 */
#include "transfer/frame.h"

#include <errno.h>
#include <stdlib.h>

#include "transfer/cursor.h"

#define MAGIC_LEN    8u
#define PREFIX_LEN   (MAGIC_LEN + 4u)
#define FIXED_LEN    (2u * HASH_SIZE + 8u + 4u * 4u)
#define RUN_LEN	     8u
#define EFFORT_MAX   22u
#define LENGTH_LEAST (FIXED_LEN + BUNDLE_NONCE)

static const uint8_t magic[MAGIC_LEN] = "SSYNCB01";

int bundle_header_encode(const struct bundle_header *h, uint8_t **ret_buf, size_t *ret_len,
			 struct hash *ret_id)
{
	uint64_t len =
		LENGTH_LEAST + (uint64_t)h->n_bases * HASH_SIZE + (uint64_t)h->n_left_out * RUN_LEN;
	uint8_t *buf, *p;

	if (h->n_bases > FRAME_BASES_MAX || h->n_left_out > BUNDLE_HEADER_MAX ||
	    PREFIX_LEN + len > BUNDLE_HEADER_MAX)
		return -E2BIG;
	p = buf = xcalloc(1, PREFIX_LEN + len);
	p = put_bytes(p, magic, sizeof(magic));
	p = put_u32(p, (uint32_t)len);
	p = put_bytes(p, h->plan.b, HASH_SIZE);
	p = put_bytes(p, h->root.b, HASH_SIZE);
	p = put_u64(p, h->size);
	p = put_u32(p, h->effort);
	p = put_u32(p, h->n_frames);
	p = put_u32(p, h->n_bases);
	p = put_u32(p, (uint32_t)h->n_left_out);
	for (uint32_t i = 0; i < h->n_bases; i++)
		p = put_bytes(p, h->bases[i].b, HASH_SIZE);
	for (size_t i = 0; i < h->n_left_out; i++) {
		p = put_u32(p, (uint32_t)h->left_out[i].first);
		p = put_u32(p, (uint32_t)h->left_out[i].n);
	}
	put_bytes(p, h->nonce, BUNDLE_NONCE);
	*ret_len = PREFIX_LEN + len;
	*ret_buf = buf;
	digest_bytes(buf, *ret_len, ret_id);
	return 0;
}

static int decode_runs(struct cursor *c, uint32_t n, struct bundle_header *h)
{
	uint64_t next = 0;

	h->left_out = xcalloc(MAX(n, 1u), sizeof(*h->left_out));
	h->n_left_out = n;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t first = cursor_u32(c), count = cursor_u32(c);

		/* Ascending, apart, and within the plan. */
		if (c->bad || count < 1 || (i > 0 && first <= next) || first + count > h->n_frames)
			return -EBADMSG;
		h->left_out[i] = (struct run){first, count};
		next = first + count;
	}
	return 0;
}

static int decode_fixed(struct cursor *c, struct bundle_header *h, uint32_t *ret_runs,
			struct err *e)
{
	cursor_bytes(c, h->plan.b, HASH_SIZE);
	cursor_bytes(c, h->root.b, HASH_SIZE);
	h->size = cursor_u64(c);
	h->effort = cursor_u32(c);
	h->n_frames = cursor_u32(c);
	h->n_bases = cursor_u32(c);
	*ret_runs = cursor_u32(c);
	if (c->bad || h->size > FILE_SIZE_MAX || h->effort > EFFORT_MAX ||
	    h->n_frames > nodes_of(h->size))
		return err_set(e, -EBADMSG, "bundle: size %llu, effort %u, %u frames",
			       (unsigned long long)h->size, h->effort, h->n_frames);
	if (h->n_bases > FRAME_BASES_MAX)
		return err_set(e, -EBADMSG, "bundle: %u bases", h->n_bases);
	/* All lengths are known now, so what follows must fit to the byte. */
	if (cursor_left(c) !=
	    (uint64_t)h->n_bases * HASH_SIZE + (uint64_t)*ret_runs * RUN_LEN + BUNDLE_NONCE)
		return err_set(e, -EBADMSG, "bundle: its header has not the length it says");
	return 0;
}

int bundle_header_decode(const uint8_t *buf, size_t len, struct bundle_header *ret,
			 size_t *ret_used, struct hash *ret_id, struct err *e)
{
	struct cursor c = {buf, buf + len, false};
	struct bundle_header h = {0};
	uint8_t m[MAGIC_LEN];
	uint32_t body, n_runs;
	int r;

	if (memcmp(buf, magic, MIN(len, sizeof(magic) - 2)) != 0)
		return err_set(e, -EBADMSG, "not a bundle");
	if (len < PREFIX_LEN)
		return -EAGAIN;
	cursor_bytes(&c, m, sizeof(m));
	if (memcmp(m, magic, sizeof(magic)) != 0)
		return err_set(e, -EPROTONOSUPPORT, "bundle: of another format");
	body = cursor_u32(&c);
	if (body < LENGTH_LEAST || body > BUNDLE_HEADER_MAX - PREFIX_LEN)
		return err_set(e, -EBADMSG, "bundle: a header of %u bytes", body);
	if (cursor_left(&c) < body)
		return -EAGAIN;
	c.end = c.p + body;
	r = decode_fixed(&c, &h, &n_runs, e);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < h.n_bases; i++)
		cursor_bytes(&c, h.bases[i].b, HASH_SIZE);
	r = decode_runs(&c, n_runs, &h);
	if (r < 0) {
		bundle_header_done(&h);
		return err_set(e, r, "bundle: frames left out that are not in the plan");
	}
	cursor_bytes(&c, h.nonce, BUNDLE_NONCE);
	*ret_used = PREFIX_LEN + body;
	digest_bytes(buf, *ret_used, ret_id);
	*ret = h;
	return 0;
}

void bundle_header_done(struct bundle_header *h)
{
	free(h->left_out);
	h->left_out = NULL;
	h->n_left_out = 0;
}
