/*
 * tree_body.c: the bodies of a step of the descent, encoded and decoded. Whatever a peer sends is
 * checked whole before any of it is used: magic, level, counts, order, ranges, length.
 */
#include "transfer/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "transfer/cursor.h"
#include "transfer/wire_json.h"

#define MAGIC	  "SSYNCT01"
#define MAGIC_LEN 8u

static int begin(struct cursor *c, enum tree_level *ret, struct err *e)
{
	char magic[MAGIC_LEN];
	uint64_t level;

	cursor_bytes(c, magic, sizeof(magic));
	level = cursor_le(c, 1);
	if (c->bad || memcmp(magic, MAGIC, sizeof(magic)) != 0)
		return err_set(e, -EBADMSG, "not a step of a descent");
	if (level > TREE_NODES)
		return err_set(e, -EBADMSG, "a level that is not known: %u", (unsigned)level);
	*ret = (enum tree_level)level;
	return 0;
}

size_t tree_ask_encode(const struct tree_ask *a, uint8_t *ret)
{
	uint8_t *p = put_bytes(ret, MAGIC, MAGIC_LEN);
	uint64_t at = 0;

	*p++ = (uint8_t)a->level;
	if (a->level == TREE_PATH) {
		p = put_varint(p, strlen(a->path));
		p = put_bytes(p, a->path, strlen(a->path));
		return (size_t)(p - ret);
	}
	p = put_bytes(p, a->root.b, HASH_SIZE);
	p = put_varint(p, a->n_runs);
	for (size_t i = 0; i < a->n_runs; i++) {
		p = put_varint(p, a->runs[i].first - at);
		p = put_varint(p, a->runs[i].n);
		at = a->runs[i].first + a->runs[i].n;
	}
	return (size_t)(p - ret);
}

static int decode_path(struct cursor *c, struct tree_ask *a, struct err *e)
{
	uint64_t len = cursor_varint(c);

	if (c->bad || len > WIRE_PATH_MAX || len != cursor_left(c))
		return err_set(e, -EBADMSG, "the path has not the length that it says");
	cursor_bytes(c, a->path, len);
	if (strlen(a->path) != len)
		return err_set(e, -EBADMSG, "a zero byte in the path");
	return wire_path_ok(a->path, e) ? 0 : -EBADMSG;
}

static int decode_runs(struct cursor *c, struct tree_ask *a, struct err *e)
{
	uint64_t most = tree_pieces(a->level, FILE_SIZE_MAX), at = 0, n = cursor_varint(c);

	if (c->bad || n == 0 || n > TREE_RUNS_MAX)
		return err_set(e, -E2BIG, "between 1 and %u runs", TREE_RUNS_MAX);
	a->runs = xcalloc(n, sizeof(*a->runs));
	for (; a->n_runs < n; a->n_runs++) {
		struct run *r = &a->runs[a->n_runs];
		uint64_t gap = cursor_varint(c);

		r->n = cursor_varint(c);
		/* Only the first may begin where the one before, which is none, ended. */
		if (c->bad || r->n == 0 || (gap == 0 && a->n_runs > 0) || gap > most - at ||
		    r->n > most - at - gap)
			return err_set(e, -EBADMSG, "runs that are empty, touch or end too late");
		r->first = at + gap;
		at = r->first + r->n;
		a->n += r->n;
		if (r->n > TREE_HASHES_MAX || a->n > TREE_HASHES_MAX)
			return err_set(e, -E2BIG, "more than %u pieces", TREE_HASHES_MAX);
	}
	return cursor_left(c) == 0 ? 0 : err_set(e, -EBADMSG, "bytes after the last run");
}

int tree_ask_decode(const void *body, size_t len, struct tree_ask *ret, struct err *e)
{
	struct cursor c = {.p = body, .end = (const uint8_t *)body + len};
	struct tree_ask a = {.n = 0};
	int r;

	if (len > TREE_ASK_MAX)
		return err_set(e, -E2BIG, "more than %u bytes", TREE_ASK_MAX);
	r = begin(&c, &a.level, e);
	if (r == 0 && a.level == TREE_PATH) {
		r = decode_path(&c, &a, e);
	} else if (r == 0) {
		cursor_bytes(&c, a.root.b, HASH_SIZE);
		r = decode_runs(&c, &a, e);
	}
	if (r < 0)
		tree_ask_done(&a);
	else
		*ret = a;
	return r;
}

void tree_ask_done(struct tree_ask *a)
{
	free(a->runs);
	a->runs = NULL;
	a->n_runs = 0;
}

size_t tree_answer_head(enum tree_level level, uint64_t size, uint64_t n, uint8_t *ret)
{
	uint8_t *p = put_bytes(ret, MAGIC, MAGIC_LEN);

	*p++ = (uint8_t)level;
	p = put_u64(p, size);
	p = put_varint(p, n);
	return (size_t)(p - ret);
}

int tree_answer_decode(const void *body, size_t len, struct tree_answer *ret, struct err *e)
{
	struct cursor c = {.p = body, .end = (const uint8_t *)body + len};
	struct tree_answer a;
	uint64_t n;
	int r = begin(&c, &a.level, e);

	if (r < 0)
		return r;
	a.size = cursor_u64(&c);
	n = cursor_varint(&c);
	if (c.bad || n > TREE_HASHES_MAX || a.size > FILE_SIZE_MAX ||
	    (a.level == TREE_PATH && n != 1) || cursor_left(&c) != n * tree_hash_size(a.level))
		return err_set(e, -EBADMSG, "an answer that has not the length that it says");
	a.hashes = c.p;
	a.n = n;
	*ret = a;
	return 0;
}

char *tree_wait_encode(uint64_t done, uint64_t total)
{
	return wire_out_end(
		json_pack("{s:o, s:o}", "done", wire_out_u64(done), "total", wire_out_u64(total)));
}

int tree_wait_decode(const char *json, size_t len, uint64_t *ret_done, uint64_t *ret_total,
		     struct err *e)
{
	struct wire_in in;
	uint64_t done, total;
	int r;

	wire_in_begin(&in, json, len, e);
	done = wire_in_u64(&in, in.root, "done", INT64_MAX, true);
	total = wire_in_u64(&in, in.root, "total", INT64_MAX, true);
	r = wire_in_end(&in);
	if (r < 0)
		return r;
	*ret_done = done;
	*ret_total = total;
	return 0;
}
