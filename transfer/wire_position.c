/*
 * wire_position.c: how far a transfer is, durably; or why it is refused. The one answer to an
 * offer, to a question for the position, to a PUT, and to what answers 409.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void encode_refusal(json_t *root, const struct wire_position *p)
{
	json_object_set_new(root, "error", json_string(wire_refusal_word(p->refused)));
	json_object_set_new(root, "text", wire_out_text(p->text));
	if (p->refused == REFUSED_NO_SPACE || p->refused == REFUSED_OVER_QUOTA) {
		json_object_set_new(root, "need", wire_out_u64(p->need));
		json_object_set_new(root, "available", wire_out_u64(p->available));
		if (p->never)
			json_object_set_new(root, "never", json_true());
	}
	if (p->refused == REFUSED_NO_BASE)
		json_object_set_new(root, "have", wire_out_hashes(p->have, p->n_have));
}

char *wire_position_encode(const struct wire_position *p)
{
	json_t *root = json_object();

	if (p->refused != REFUSED_NOT)
		encode_refusal(root, p);
	if (p->have_it)
		json_object_set_new(root, "have_it", json_true());
	if (p->has_bundle) {
		json_object_set_new(root, "bundle", wire_out_hash(&p->bundle));
		json_object_set_new(root, "offset", wire_out_u64(p->offset));
		if (p->received > p->offset)
			json_object_set_new(root, "received", wire_out_u64(p->received));
		json_object_set_new(root, "complete", json_boolean(p->complete));
	}
	json_object_set_new(root, "staged", json_boolean(p->staged));
	if (p->read_again)
		json_object_set_new(root, "read_again", json_true());
	json_object_set_new(root, "filling", json_boolean(p->filling));
	json_object_set_new(root, "proven_bytes", wire_out_u64(p->proven_bytes));
	if (p->n_proven > 0)
		json_object_set_new(root, "proven", wire_out_runs(p->proven, p->n_proven));
	if (p->n_failed > 0)
		json_object_set_new(root, "failed", wire_out_runs(p->failed, p->n_failed));
	return wire_out_end(root);
}

int wire_position_decode(const char *json, size_t len, struct wire_position *ret, struct err *e)
{
	struct wire_position p = {0};
	struct wire_in in;
	int r;

	wire_in_begin(&in, json, len, e);
	p.refused = wire_in_refusal(&in, in.root, "error");
	wire_in_text(&in, in.root, "text", p.text, sizeof(p.text));
	p.need = wire_in_u64(&in, in.root, "need", INT64_MAX, false);
	p.available = wire_in_u64(&in, in.root, "available", INT64_MAX, false);
	p.never = wire_in_bool(&in, in.root, "never");
	wire_in_hashes(&in, in.root, "have", p.have, WIRE_BASES_MAX, &p.n_have);
	p.have_it = wire_in_bool(&in, in.root, "have_it");
	p.has_bundle = wire_in_hash(&in, in.root, "bundle", &p.bundle, false);
	p.offset = wire_in_u64(&in, in.root, "offset", INT64_MAX, p.has_bundle);
	p.received = MAX(wire_in_u64(&in, in.root, "received", INT64_MAX, false), p.offset);
	p.complete = wire_in_bool(&in, in.root, "complete");
	p.staged = wire_in_bool(&in, in.root, "staged");
	p.read_again = wire_in_bool(&in, in.root, "read_again");
	p.filling = wire_in_bool(&in, in.root, "filling");
	p.proven_bytes = wire_in_u64(&in, in.root, "proven_bytes", FILE_SIZE_MAX, false);
	wire_in_runs(&in, in.root, "proven", &p.proven, &p.n_proven);
	wire_in_runs(&in, in.root, "failed", &p.failed, &p.n_failed);
	r = wire_in_end(&in);
	if (r < 0) {
		wire_position_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void wire_position_done(struct wire_position *p)
{
	free(p->proven);
	free(p->failed);
	p->proven = p->failed = NULL;
	p->n_proven = p->n_failed = 0;
}
