/*
 * wire_verify.c: a spoke is asked to read contents again, and tells how far that is and what it
 * found.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *wire_verify_encode(const struct wire_verify *v)
{
	json_t *o = json_object();

	if (v->path[0])
		json_object_set_new(o, "path", json_string(v->path));
	return wire_out_end(o);
}

int wire_verify_decode(const char *json, size_t len, struct wire_verify *ret, struct err *e)
{
	struct wire_verify v = {{0}};
	struct wire_in in;
	int r;

	wire_in_begin(&in, json, len, e);
	if (in.root && json_object_get(in.root, "path"))
		wire_in_path(&in, in.root, "path", v.path);
	r = wire_in_end(&in);
	if (r == 0)
		*ret = v;
	return r;
}

static json_t *encode_found(const struct wire_verify_found *f)
{
	return json_pack("{s:s, s:s, s:o}", "path", f->path, "what", wire_local_word(f->what),
			 "bad", wire_out_u64(f->bad));
}

char *wire_verified_encode(const struct wire_verified *v)
{
	json_t *found = json_array();

	for (size_t i = 0; i < MIN(v->n_found, (size_t)WIRE_FOUND_MAX); i++)
		json_array_append_new(found, encode_found(&v->found[i]));
	return wire_out_end(json_pack("{s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
				      wire_out_u64(v->id), "done", v->done, "failed", v->failed,
				      "files", wire_out_u64(v->files), "bytes",
				      wire_out_u64(v->bytes), "total", wire_out_u64(v->bytes_total),
				      "read", wire_out_u64(v->read), "found", found, "found_total",
				      wire_out_u64(v->found_total)));
}

static void decode_found(struct wire_in *in, const json_t *obj, struct wire_verify_found *f)
{
	char word[24] = "";

	wire_in_path(in, obj, "path", f->path);
	wire_in_text(in, obj, "what", word, sizeof(word));
	f->what = wire_local_of(word);
	if (f->what == LOCALS_N)
		f->what = LOCAL_CHANGED;
	f->bad = wire_in_u64(in, obj, "bad", INT64_MAX, false);
}

int wire_verified_decode(const char *json, size_t len, struct wire_verified *ret, struct err *e)
{
	struct wire_verified v = {0};
	struct wire_in in;
	const json_t *found;
	size_t n;
	int r;

	wire_in_begin(&in, json, len, e);
	v.id = wire_in_u64(&in, in.root, "id", INT64_MAX, true);
	v.done = wire_in_bool(&in, in.root, "done");
	v.failed = wire_in_bool(&in, in.root, "failed");
	v.files = wire_in_u64(&in, in.root, "files", INT64_MAX, true);
	v.bytes = wire_in_u64(&in, in.root, "bytes", INT64_MAX, true);
	v.bytes_total = wire_in_u64(&in, in.root, "total", INT64_MAX, true);
	v.read = wire_in_u64(&in, in.root, "read", INT64_MAX, true);
	v.found_total = wire_in_u64(&in, in.root, "found_total", INT64_MAX, true);
	found = wire_in_array(&in, in.root, "found", WIRE_FOUND_MAX, &n);
	if (n > 0)
		v.found = xcalloc(n, sizeof(*v.found));
	for (size_t i = 0; i < n && !in.error; i++)
		decode_found(&in, wire_in_item(&in, found, i), &v.found[v.n_found++]);
	r = wire_in_end(&in);
	if (r < 0) {
		wire_verified_done(&v);
		return r;
	}
	*ret = v;
	return 0;
}

void wire_verified_done(struct wire_verified *v)
{
	free(v->found);
	v->found = NULL;
	v->n_found = 0;
}
