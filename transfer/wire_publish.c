/*
 * wire_publish.c: the list of operations that makes a set visible, and what became of each.
 * `was` is null where the path is expected to be absent, and left out where nothing is expected.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_words[] = {
	[WIRE_PUT] = "put",   [WIRE_RENAME] = "rename", [WIRE_COPY_OF] = "copy-of",
	[WIRE_META] = "meta", [WIRE_DELETE] = "delete", [WIRE_KEEP] = "keep",
};

static bool has_from(enum wire_op_kind k)
{
	return k == WIRE_RENAME || k == WIRE_COPY_OF;
}

static bool has_root(enum wire_op_kind k)
{
	return k == WIRE_PUT || k == WIRE_KEEP || has_from(k);
}

static bool has_attributes(enum wire_op_kind k)
{
	return k != WIRE_DELETE && k != WIRE_KEEP;
}

static json_t *encode_op(const struct wire_op *o)
{
	json_t *j = json_pack("{s:s, s:s}", "op", op_words[o->kind], "path", o->path);

	if (has_from(o->kind))
		json_object_set_new(j, "from", json_string(o->from));
	if (has_root(o->kind)) {
		json_object_set_new(j, "root", wire_out_hash(&o->root));
		json_object_set_new(j, "size", wire_out_u64(o->size));
	}
	if (has_attributes(o->kind)) {
		json_object_set_new(j, "mtime", wire_out_time(o->mtime));
		json_object_set_new(j, "mode", json_integer(o->mode));
	}
	if (o->was_absent)
		json_object_set_new(j, "was", json_null());
	else if (o->was_known)
		json_object_set_new(j, "was", wire_out_hash(&o->was));
	return j;
}

char *wire_publish_encode(const struct wire_publish *p)
{
	json_t *ops = json_array();

	for (size_t i = 0; i < p->n_ops; i++)
		json_array_append_new(ops, encode_op(&p->ops[i]));
	return wire_out_end(json_pack("{s:o, s:o*}", "ops", ops, "set",
				      p->set[0] ? wire_out_text(p->set) : NULL));
}

static void decode_op(struct wire_in *in, const json_t *obj, struct wire_op *o)
{
	char word[16] = "";
	size_t kind;

	wire_in_str(in, obj, "op", word, sizeof(word), true);
	for (kind = 0; kind < ARRAY_LEN(op_words); kind++)
		if (strcmp(word, op_words[kind]) == 0)
			break;
	if (kind == ARRAY_LEN(op_words)) {
		wire_in_fail(in, -EBADMSG, "operation \"%s\" is not known", word);
		return;
	}
	o->kind = (enum wire_op_kind)kind;
	wire_in_path(in, obj, "path", o->path);
	if (has_from(o->kind))
		wire_in_path(in, obj, "from", o->from);
	if (has_root(o->kind)) {
		wire_in_hash(in, obj, "root", &o->root, true);
		o->size = wire_in_u64(in, obj, "size", FILE_SIZE_MAX, true);
	}
	if (has_attributes(o->kind)) {
		wire_in_time(in, obj, "mtime", &o->mtime);
		o->mode = (uint32_t)wire_in_u64(in, obj, "mode", 07777, true);
	}
	o->was_absent = !in->error && json_is_null(json_object_get(obj, "was"));
	o->was_known = wire_in_hash(in, obj, "was", &o->was, false);
}

int wire_publish_decode(const char *json, size_t len, struct wire_publish *ret, struct err *e)
{
	struct wire_publish p = {0};
	struct wire_in in;
	const json_t *ops;
	size_t n;
	int r;

	wire_in_begin(&in, json, len, e);
	wire_in_text(&in, in.root, "set", p.set, sizeof(p.set));
	ops = wire_in_array(&in, in.root, "ops", WIRE_OPS_MAX, &n);
	if (n > 0)
		p.ops = xcalloc(n, sizeof(*p.ops));
	for (size_t i = 0; i < n && !in.error; i++)
		decode_op(&in, wire_in_item(&in, ops, i), &p.ops[p.n_ops++]);
	r = wire_in_end(&in);
	if (r < 0) {
		wire_publish_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

bool wire_publish_again(const struct wire_publish *p, size_t op)
{
	for (size_t i = op + 1; i < p->n_ops; i++)
		if (!strcmp(p->ops[i].path, p->ops[op].path))
			return true;
	return false;
}

void wire_publish_done(struct wire_publish *p)
{
	free(p->ops);
	p->ops = NULL;
	p->n_ops = 0;
}

char *wire_published_encode(const struct wire_published *p)
{
	json_t *results = json_array();

	for (size_t i = 0; i < p->n_results; i++) {
		const struct wire_op_result *x = &p->results[i];
		json_t *j = json_pack("{s:b, s:b}", "done", x->done, "drift", x->drift);

		if (x->refused != REFUSED_NOT)
			json_object_set_new(j, "error", json_string(wire_refusal_word(x->refused)));
		if (x->never)
			json_object_set_new(j, "never", json_true());
		if (x->text[0])
			json_object_set_new(j, "text", wire_out_text(x->text));
		if (x->preserved)
			json_object_set_new(j, "preserved", json_true());
		json_array_append_new(results, j);
	}
	return wire_out_end(
		json_pack("{s:o, s:o}", "seq", wire_out_u64(p->seq), "results", results));
}

int wire_published_decode(const char *json, size_t len, struct wire_published *ret, struct err *e)
{
	struct wire_published p = {0};
	struct wire_in in;
	const json_t *results;
	size_t n;
	int r;

	wire_in_begin(&in, json, len, e);
	p.seq = wire_in_u64(&in, in.root, "seq", INT64_MAX, true);
	results = wire_in_array(&in, in.root, "results", WIRE_OPS_MAX, &n);
	if (n > 0)
		p.results = xcalloc(n, sizeof(*p.results));
	for (size_t i = 0; i < n && !in.error; i++) {
		const json_t *obj = wire_in_item(&in, results, i);
		struct wire_op_result *x = &p.results[p.n_results++];

		x->done = wire_in_bool(&in, obj, "done");
		x->drift = wire_in_bool(&in, obj, "drift");
		x->preserved = wire_in_bool(&in, obj, "preserved");
		x->refused = wire_in_refusal(&in, obj, "error");
		x->never = wire_in_bool(&in, obj, "never");
		wire_in_text(&in, obj, "text", x->text, sizeof(x->text));
	}
	r = wire_in_end(&in);
	if (r < 0) {
		wire_published_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void wire_published_done(struct wire_published *p)
{
	free(p->results);
	p->results = NULL;
	p->n_results = 0;
}
