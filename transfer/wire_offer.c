/*
 * wire_offer.c: a version that the hub would bring, and from which bases.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *wire_offer_encode(const struct wire_offer *o)
{
	json_t *root;

	root = json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o}", "path", o->path, "root",
			 wire_out_hash(&o->root), "size", wire_out_u64(o->size), "nonzero",
			 wire_out_u64(o->nonzero_bytes), "mtime", wire_out_time(o->mtime), "mode",
			 (int)o->mode, "bases", wire_out_hashes(o->bases, o->n_bases), "literal",
			 wire_out_u64(o->literal_bytes), "moved", wire_out_u64(o->moved_bytes));
	if (o->has_partial)
		json_object_set_new(root, "partial",
				    json_pack("{s:o, s:o}", "root", wire_out_hash(&o->partial),
					      "same",
					      wire_out_runs(o->partial_same, o->n_partial_same)));
	return wire_out_end(root);
}

static void decode_partial(struct wire_in *in, struct wire_offer *o)
{
	const json_t *p = json_object_get(in->root, "partial");

	if (in->error || !p || json_is_null(p))
		return;
	if (!json_is_object(p)) {
		wire_in_fail(in, -EBADMSG, "member \"partial\" is not an object");
		return;
	}
	o->has_partial = wire_in_hash(in, p, "root", &o->partial, true);
	wire_in_runs(in, p, "same", &o->partial_same, &o->n_partial_same);
}

int wire_offer_decode(const char *json, size_t len, struct wire_offer *ret, struct err *e)
{
	struct wire_offer o = {0};
	struct wire_in in;
	int r;

	wire_in_begin(&in, json, len, e);
	wire_in_path(&in, in.root, "path", o.path);
	wire_in_hash(&in, in.root, "root", &o.root, true);
	o.size = wire_in_u64(&in, in.root, "size", FILE_SIZE_MAX, true);
	/* Whole blocks, so it may be just above the size. */
	o.nonzero_bytes = wire_in_u64(&in, in.root, "nonzero", FILE_SIZE_MAX, true);
	if (!in.error && o.nonzero_bytes > blocks_of(o.size) * BLOCK_SIZE)
		wire_in_fail(&in, -EBADMSG, "member \"nonzero\" is above the size");
	wire_in_time(&in, in.root, "mtime", &o.mtime);
	o.mode = (uint32_t)wire_in_u64(&in, in.root, "mode", 07777, true);
	wire_in_hashes(&in, in.root, "bases", o.bases, WIRE_BASES_MAX, &o.n_bases);
	o.literal_bytes = wire_in_u64(&in, in.root, "literal", FILE_SIZE_MAX, true);
	o.moved_bytes = wire_in_u64(&in, in.root, "moved", FILE_SIZE_MAX, false);
	decode_partial(&in, &o);
	r = wire_in_end(&in);
	if (r < 0) {
		wire_offer_done(&o);
		return r;
	}
	*ret = o;
	return 0;
}

void wire_offer_done(struct wire_offer *o)
{
	free(o->partial_same);
	o->partial_same = NULL;
	o->n_partial_same = 0;
}
