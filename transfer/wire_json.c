/*
 * wire_json.c: checked reading of JSON members, and the shapes that several bodies share (hashes,
 * times, runs). Does not know any body as a whole: those are in wire_hello.c and its siblings.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIME_SEC_MAX ((int64_t)1 << 40)

void wire_in_fail(struct wire_in *in, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (in->error)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	in->error = err_set(in->e, code, "%s", text);
}

void wire_in_begin(struct wire_in *in, const char *json, size_t len, struct err *e)
{
	json_error_t je;

	*in = (struct wire_in){.e = e};
	if (len > WIRE_BODY_MAX) {
		wire_in_fail(in, -E2BIG, "body of %zu bytes: at most %u", len, WIRE_BODY_MAX);
		return;
	}
	in->root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &je);
	if (!in->root) {
		char text[sizeof(je.text)];

		wire_clean(je.text, text, sizeof(text));
		wire_in_fail(in, -EBADMSG, "not JSON: line %d: %s", je.line, text);
	} else if (!json_is_object(in->root)) {
		wire_in_fail(in, -EBADMSG, "not a JSON object");
	}
}

int wire_in_end(struct wire_in *in)
{
	json_decref(in->root);
	in->root = NULL;
	return in->error;
}

/* The member, or NULL where it is absent or an earlier mistake stands. */
static const json_t *member(struct wire_in *in, const json_t *obj, const char *name, bool need)
{
	const json_t *v;

	if (in->error)
		return NULL;
	v = json_object_get(obj, name);
	if (v && !json_is_null(v))
		return v;
	if (need)
		wire_in_fail(in, -EBADMSG, "member \"%s\" is missing", name);
	return NULL;
}

uint64_t wire_in_u64(struct wire_in *in, const json_t *obj, const char *name, uint64_t max,
		     bool need)
{
	const json_t *v = member(in, obj, name, need);

	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max) {
		wire_in_fail(in, -EBADMSG, "member \"%s\" is not a number from 0 to %llu", name,
			     (unsigned long long)max);
		return 0;
	}
	return (uint64_t)json_integer_value(v);
}

bool wire_in_bool(struct wire_in *in, const json_t *obj, const char *name)
{
	const json_t *v = member(in, obj, name, false);

	if (v && !json_is_boolean(v))
		wire_in_fail(in, -EBADMSG, "member \"%s\" is not true or false", name);
	return v && json_is_true(v);
}

static const char *string_of(struct wire_in *in, const json_t *obj, const char *name, bool need)
{
	const json_t *v = member(in, obj, name, need);

	if (v && !json_is_string(v)) {
		wire_in_fail(in, -EBADMSG, "member \"%s\" is not a string", name);
		return NULL;
	}
	return v ? json_string_value(v) : NULL;
}

void wire_in_str(struct wire_in *in, const json_t *obj, const char *name, char *ret, size_t size,
		 bool need)
{
	const char *s = string_of(in, obj, name, need);

	if (!s)
		return;
	if (strlen(s) >= size) {
		wire_in_fail(in, -E2BIG, "member \"%s\" is longer than %zu bytes", name, size - 1);
		return;
	}
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			wire_in_fail(in, -EBADMSG, "member \"%s\" has control characters", name);
			return;
		}
	strcpy(ret, s);
}

void wire_in_text(struct wire_in *in, const json_t *obj, const char *name, char *ret, size_t size)
{
	const char *s = string_of(in, obj, name, false);

	if (s)
		wire_clean(s, ret, size);
}

void wire_in_path(struct wire_in *in, const json_t *obj, const char *name, char *ret)
{
	const char *s = string_of(in, obj, name, true);
	struct err why;

	if (!s)
		return;
	if (!wire_path_ok(s, &why)) {
		wire_in_fail(in, -EBADMSG, "member \"%s\": %s", name, why.text);
		return;
	}
	strcpy(ret, s);
}

bool wire_in_hash(struct wire_in *in, const json_t *obj, const char *name, struct hash *ret,
		  bool need)
{
	const char *s = string_of(in, obj, name, need);

	if (!s)
		return false;
	if (hash_parse(s, ret) < 0) {
		wire_in_fail(in, -EBADMSG, "member \"%s\" is not a hash of %u hex digits", name,
			     HASH_HEX);
		return false;
	}
	return true;
}

void wire_in_hashes(struct wire_in *in, const json_t *obj, const char *name, struct hash *ret,
		    unsigned max, unsigned *ret_n)
{
	const json_t *a = member(in, obj, name, false);
	size_t n = json_array_size(a);

	if (!a)
		return;
	if (!json_is_array(a) || n > max) {
		wire_in_fail(in, -EBADMSG, "member \"%s\" is not a list of at most %u hashes", name,
			     max);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(a, i));

		if (!s || hash_parse(s, &ret[i]) < 0) {
			wire_in_fail(in, -EBADMSG, "member \"%s\" has what is not a hash", name);
			return;
		}
	}
	*ret_n = (unsigned)n;
}

void wire_in_time(struct wire_in *in, const json_t *obj, const char *name, struct wire_time *ret)
{
	const json_t *t = member(in, obj, name, true), *sec;
	uint64_t nsec;

	if (!t)
		return;
	sec = json_object_get(t, "sec");
	if (!json_is_integer(sec) || json_integer_value(sec) > TIME_SEC_MAX ||
	    json_integer_value(sec) < -TIME_SEC_MAX) {
		wire_in_fail(in, -EBADMSG, "member \"%s\" is not a time {sec, nsec}", name);
		return;
	}
	nsec = wire_in_u64(in, t, "nsec", 999999999, true);
	if (!in->error)
		*ret = (struct wire_time){.sec = json_integer_value(sec), .nsec = (uint32_t)nsec};
}

void wire_in_epoch(struct wire_in *in, const json_t *obj, char ret[33])
{
	wire_in_str(in, obj, "epoch", ret, 33, true);
	if (!in->error && (!*ret || ret[strspn(ret, "0123456789abcdef")]))
		wire_in_fail(in, -EBADMSG, "member \"epoch\" is not hex digits");
}

void wire_in_runs(struct wire_in *in, const json_t *obj, const char *name, struct run **ret,
		  size_t *ret_n)
{
	const json_t *a = member(in, obj, name, false);
	size_t n = json_array_size(a) / 2;
	uint64_t end = 0;
	struct run *runs;

	if (!a)
		return;
	if (!json_is_array(a) || json_array_size(a) % 2 || n > WIRE_RUNS_MAX) {
		wire_in_fail(in, -EBADMSG, "member \"%s\" is not a list of at most %u runs", name,
			     WIRE_RUNS_MAX);
		return;
	}
	if (n == 0)
		return;
	runs = xcalloc(n, sizeof(*runs));
	for (size_t i = 0; i < n; i++) {
		const json_t *first = json_array_get(a, 2 * i), *len = json_array_get(a, 2 * i + 1);
		json_int_t f = json_integer_value(first), l = json_integer_value(len);

		if (!json_is_integer(first) || !json_is_integer(len) || f < 0 || l < 1 ||
		    (uint64_t)f > WIRE_NODES_MAX || (uint64_t)l > WIRE_NODES_MAX - (uint64_t)f ||
		    (uint64_t)f < end) {
			wire_in_fail(in, -EBADMSG, "member \"%s\": runs are out of order or range",
				     name);
			free(runs);
			return;
		}
		runs[i] = (struct run){.first = (uint64_t)f, .n = (uint64_t)l};
		end = (uint64_t)f + (uint64_t)l;
	}
	*ret = runs;
	*ret_n = n;
}

const json_t *wire_in_array(struct wire_in *in, const json_t *obj, const char *name, size_t max,
			    size_t *ret_n)
{
	const json_t *a = member(in, obj, name, true);

	*ret_n = 0;
	if (!a)
		return NULL;
	if (!json_is_array(a) || json_array_size(a) > max) {
		wire_in_fail(in, -E2BIG, "member \"%s\" is not a list of at most %zu", name, max);
		return NULL;
	}
	*ret_n = json_array_size(a);
	return a;
}

const json_t *wire_in_item(struct wire_in *in, const json_t *array, size_t i)
{
	const json_t *v = json_array_get(array, i);

	if (!in->error && !json_is_object(v))
		wire_in_fail(in, -EBADMSG, "item %zu of a list is not an object", i);
	return v;
}

json_t *wire_out_u64(uint64_t v)
{
	return json_integer((json_int_t)MIN(v, (uint64_t)INT64_MAX));
}

json_t *wire_out_text(const char *s)
{
	char text[512];

	wire_clean(s, text, sizeof(text));
	return json_string(text);
}

json_t *wire_out_hash(const struct hash *h)
{
	char hex[HASH_HEX + 1];

	return json_string(hash_hex(h, hex));
}

json_t *wire_out_hashes(const struct hash *h, unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, wire_out_hash(&h[i]));
	return a;
}

json_t *wire_out_time(struct wire_time t)
{
	return json_pack("{s:I, s:I}", "sec", (json_int_t)t.sec, "nsec", (json_int_t)t.nsec);
}

json_t *wire_out_runs(const struct run *runs, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < MIN(n, (size_t)WIRE_RUNS_MAX); i++) {
		json_array_append_new(a, wire_out_u64(runs[i].first));
		json_array_append_new(a, wire_out_u64(runs[i].n));
	}
	return a;
}

char *wire_out_end(json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	if (!text)
		abort(); /* out of memory: nothing else can fail on what the makers above gave */
	return text;
}
