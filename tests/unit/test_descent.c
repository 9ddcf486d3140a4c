/*
 * test_descent.c: a hub asks a spoke over loopback HTTPS what a content of it holds: the whole way
 * to the index in part; nothing goes where the shaper grants nothing; stopped and gone on with; a
 * spoke that hashes, is busy, has nothing of the kind, or answers nonsense.
 */
#include "transfer/descent.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ev.h>

#include "tests/unit/temp.h"
#include "transfer/key.h"
#include "transfer/server.h"
#include "transfer/shaper.h"
#include "transfer/worker.h"

#define BLOCKS 40000u

struct world {
	struct temp dir;
	struct ev_loop *loop;
	struct pool *pool;
	struct node_key *ours, *theirs;
	struct server *server;
	struct http *http;
	struct shaper *shaper;
	struct shaper_node *charge;
	struct peer *peer;
	struct index *new_index, *base;
	struct hash root, base_root;
	struct descent *descent;
	/* the spoke */
	unsigned questions, answers;
	unsigned waits;	   /* so many are answered 202 */
	unsigned status;   /* all are answered with this problem; 0: they are not */
	bool nonsense;	   /* a body of another question */
	unsigned stop_at;  /* the descent is stopped when this question comes; 0: never */
	uint64_t bytes_in; /* of questions */
	/* its end */
	bool ended;
	struct descent_result result;
	struct descent_stats stats;
};

static bool pin_known(void *arg, const uint8_t pin[32])
{
	struct world *w = arg;

	return memcmp(pin, w->ours->pin, 32) == 0;
}

static void answer(struct world *w, struct sreq *r, const struct tree_ask *a)
{
	uint64_t n = a->level == TREE_PATH ? 1 : tree_hashes(a->level, a->n);
	size_t len = n * tree_hash_size(a->level), head;
	uint8_t *body = xcalloc(1, 32 + len);

	w->answers++;
	head = tree_answer_head(w->nonsense ? TREE_NODES : a->level, index_size(w->base), n, body);
	if (a->level == TREE_PATH)
		memcpy(body + head, w->base_root.b, HASH_SIZE);
	else
		assert_int_equal(
			tree_hash_runs(w->base, a->level, a->runs, a->n_runs, NULL, body + head),
			0);
	sreq_reply(r, 200, TREE_TYPE, (char *)body, head + len);
	free(body);
}

static void question(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct world *w = arg;
	struct tree_ask a;
	struct err e;
	char *json;

	w->questions++;
	w->bytes_in += len;
	if (tree_ask_decode(body, len, &a, &e) < 0)
		fail_msg("%s", e.text);
	if (a.level == TREE_PATH)
		assert_string_equal(a.path, "dir/x.vhdx");
	else
		assert_true(hash_equal(&a.root, &w->base_root));
	if (w->questions == w->stop_at) {
		descent_stop(w->descent);
		ev_break(w->loop, EVBREAK_ONE);
	}
	if (w->waits > 0) {
		w->waits--;
		json = tree_wait_encode(30, 100);
		sreq_reply_json(r, 202, json);
		free(json);
	} else if (w->status) {
		sreq_problem(r, w->status, "as asked");
	} else {
		answer(w, r, &a);
	}
	tree_ask_done(&a);
}

static void handler(void *arg, struct sreq *r)
{
	assert_string_equal(sreq_method(r), "POST");
	assert_string_equal(sreq_path(r), "/v1/groups/g/tree");
	sreq_collect(r, TREE_ASK_MAX, question, arg);
}

static struct index *content(struct world *w, unsigned every, bool keep, struct hash *ret_root)
{
	struct hash leaves[NODE_BLOCKS];
	char name[HASH_HEX + 1];
	struct index_writer *x;
	struct index *index;

	assert_int_equal(index_writer_new(w->dir.fd, BLOCKS * BLOCK_SIZE, &x), 0);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		uint32_t id[2] = {b + 1, every && b % every == 0};

		digest_bytes(id, sizeof(id), &leaves[b % NODE_BLOCKS]);
		if (b % NODE_BLOCKS == NODE_BLOCKS - 1 || b == BLOCKS - 1)
			assert_int_equal(index_writer_node(x, b / NODE_BLOCKS, leaves), 0);
	}
	assert_int_equal(index_writer_finish(x, ret_root), 0);
	index_writer_free(x);
	assert_int_equal(index_open(w->dir.fd, hash_hex(ret_root, name), &index, NULL), 0);
	if (!keep)
		assert_int_equal(unlinkat(w->dir.fd, name, 0), 0);
	return index;
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct server_spec spec = {.listen = "127.0.0.1:0",
				   .pin_known = pin_known,
				   .max_connections = 50,
				   .max_per_peer = 50,
				   .handler = handler,
				   .arg = w,
				   .unix_gid = (gid_t)-1};
	char path[600], url[60];
	struct pin pin;
	struct err e;

	temp_new(&w->dir);
	w->loop = spec.loop = ev_loop_new(0);
	w->pool = pool_new(w->loop, 2);
	snprintf(path, sizeof(path), "%s/a", w->dir.path);
	assert_int_equal(key_load(path, true, &w->ours, &e), 0);
	snprintf(path, sizeof(path), "%s/b", w->dir.path);
	assert_int_equal(key_load(path, true, &w->theirs, &e), 0);
	memcpy(pin.sha256, w->theirs->pin, 32);
	spec.key = w->theirs;
	assert_int_equal(server_new(&spec, &w->server, &e), 0);
	w->http = http_new(w->loop);
	w->shaper = shaper_new(w->loop);
	w->charge = shaper_node_new(shaper_root(w->shaper), 1, NULL, NULL);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", server_port(w->server));
	w->peer = peer_new(w->http, url, &pin, 1, w->ours, w->charge);
	w->new_index = content(w, 0, true, &w->root);
	w->base = content(w, 61, false, &w->base_root);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	descent_free(w->descent);
	peer_free(w->peer);
	http_free(w->http);
	server_free(w->server);
	while (pool_busy(w->pool)) /* a worker that still had it */
		ev_run(w->loop, EVRUN_ONCE);
	shaper_node_free(w->charge);
	shaper_free(w->shaper);
	pool_free(w->pool);
	key_free(w->ours);
	key_free(w->theirs);
	index_unref(w->new_index);
	index_unref(w->base);
	temp_done(&w->dir);
	ev_loop_destroy(w->loop);
	free(w);
	return 0;
}

static void on_ended(void *arg, const struct descent_result *r)
{
	struct world *w = arg;

	assert_false(w->ended);
	w->ended = true;
	w->result = *r;
	descent_stats(w->descent, &w->stats);
	ev_break(w->loop, EVBREAK_ONE);
}

static void make(struct world *w, const char *path)
{
	struct descent_spec spec = {.peer = w->peer,
				    .pool = w->pool,
				    .index_dirfd = w->dir.fd,
				    .group = "g",
				    .path = path,
				    .base = w->base_root,
				    .base_size = BLOCKS * BLOCK_SIZE,
				    .root = w->root};

	w->descent = descent_free(w->descent);
	w->ended = false;
	w->descent = descent_new(&spec, on_ended, w);
	assert_non_null(w->descent);
}

static void run(struct world *w, enum descent_end end)
{
	descent_start(w->descent, w->charge, 1);
	assert_false(w->ended); /* never from within */
	while (!w->ended)
		ev_run(w->loop, 0);
	if (w->result.end != end)
		fail_msg("ended %d, not %d: %s", w->result.end, end, w->result.text);
}

static void expect_known(struct world *w)
{
	struct index *x;

	assert_int_equal(w->stats.learn.equal, (BLOCKS - (BLOCKS + 60) / 61) * BLOCK_SIZE);
	assert_int_equal(index_open_any(w->dir.fd, &w->base_root, &x, NULL), 0);
	for (uint32_t b = 0; b < BLOCKS; b++)
		assert_true(hash_equal(index_leaf(x, b),
				       b % 61 ? index_leaf(w->base, b) : &hash_unknown_block));
	index_unref(x);
}

static void test_whole(void **state)
{
	struct world *w = *state;

	make(w, NULL);
	run(w, DESCENT_KNOWN);
	expect_known(w);
	assert_int_equal(w->questions, w->answers);
	assert_true(w->stats.wire_out > w->bytes_in);
	assert_true(w->stats.wire_in > w->stats.learn.hashes * 8);
	/* Paid for: what went out was granted or charged. */
	assert_true(shaper_bytes(w->charge) >= w->stats.wire_out);
}

/* Where nothing is granted nothing is asked; and a slow line is paid for bit by bit. */
static void test_shaped(void **state)
{
	struct world *w = *state;

	shaper_set_rate(w->charge, RATE_CLOSED);
	make(w, NULL);
	descent_start(w->descent, w->charge, 1);
	while (pool_busy(w->pool) == 0)
		ev_run(w->loop, EVRUN_ONCE);
	while (pool_busy(w->pool) > 0)
		ev_run(w->loop, EVRUN_ONCE);
	for (unsigned i = 0; i < 100; i++)
		ev_run(w->loop, EVRUN_NOWAIT);
	assert_int_equal(w->questions, 0);
	assert_int_equal(shaper_bytes(w->charge), 0);
	shaper_set_rate(w->charge, 40000);
	while (!w->ended)
		ev_run(w->loop, 0);
	assert_int_equal(w->result.end, DESCENT_KNOWN);
	expect_known(w);
}

static void test_stopped(void **state)
{
	struct world *w = *state;

	make(w, NULL);
	w->stop_at = 3;
	descent_start(w->descent, w->charge, 1);
	ev_run(w->loop, 0);
	assert_int_equal(w->questions, 3);
	for (unsigned i = 0; i < 100; i++)
		ev_run(w->loop, EVRUN_NOWAIT);
	assert_int_equal(w->questions, 3);
	assert_false(w->ended);
	run(w, DESCENT_KNOWN); /* with the third question once more */
	expect_known(w);
	assert_int_equal(w->questions, w->answers);
}

static void test_waits(void **state)
{
	struct world *w = *state;
	struct descent_stats s;

	w->waits = 1;
	make(w, "dir/x.vhdx");
	descent_start(w->descent, w->charge, 1);
	do {
		ev_run(w->loop, EVRUN_ONCE);
		descent_stats(w->descent, &s);
	} while (!s.waiting);
	assert_int_equal(s.hashed, 30);
	assert_int_equal(s.to_hash, 100);
	while (!w->ended)
		ev_run(w->loop, 0);
	assert_int_equal(w->result.end, DESCENT_FOUND);
	assert_true(hash_equal(&w->result.root, &w->base_root));
	assert_int_equal(w->result.size, BLOCKS * BLOCK_SIZE);
	assert_int_equal(w->questions, 2);
}

static void test_refused(void **state)
{
	struct world *w = *state;

	w->status = 404;
	make(w, NULL);
	run(w, DESCENT_GONE);
	make(w, "dir/x.vhdx");
	run(w, DESCENT_GONE);
	w->status = 500;
	make(w, NULL);
	run(w, DESCENT_BAD);
	w->status = 0;
	w->nonsense = true;
	make(w, NULL);
	run(w, DESCENT_BAD);
	make(w, "dir/x.vhdx");
	run(w, DESCENT_BAD);
	assert_false(index_exists(w->dir.fd, &w->base_root));
	w->server = server_free(w->server);
	make(w, NULL);
	run(w, DESCENT_PEER);
	assert_int_equal(w->result.answer.error, PEER_DOWN);
}

/* Let go of while a worker has it. */
static void test_dropped(void **state)
{
	struct world *w = *state;

	make(w, NULL);
	descent_start(w->descent, w->charge, 1);
	while (pool_busy(w->pool) == 0)
		ev_run(w->loop, EVRUN_ONCE);
	w->descent = descent_free(w->descent);
	while (pool_busy(w->pool) > 0)
		ev_run(w->loop, EVRUN_ONCE);
	assert_false(w->ended);
	assert_int_equal(w->questions, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shaped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
