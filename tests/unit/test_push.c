/*
 * test_push.c: whole pushes over loopback HTTPS into a spoke in memory that builds the content:
 * first copies and deltas, interruptions, refusals, nodes that do not prove, stops. What is
 * compared in the end is the content itself. Seen to catch: a push that is asked to stop at the end
 * of a window and does not.
 */
#include "transfer/push_private.h"

#include <errno.h>
#include <ev.h>

#include "tests/unit/fake_spoke.h"
#include "tests/unit/temp.h"
#include "transfer/key.h"
#include "transfer/shaper.h"
#include "transfer/worker.h"

#define SIZE ((uint64_t)(20 << 20) + 12345)

struct world {
	struct temp dir;
	int index_dir, cache_dir, fd, base_fd;
	struct ev_loop *loop;
	struct pool *pool;
	struct bundler *bundler;
	struct node_key *ours, *theirs;
	struct server *server;
	struct http *http;
	struct shaper *shaper;
	struct shaper_node *charge;
	struct peer *peer;
	struct pin pin;
	uint8_t *bytes, *base;
	struct hash root, base_root;
	bool know_us;
	struct fake fake;
	/* the push */
	struct push *push;
	struct push_stats stats, at_stop;
	struct push_result result;
	bool ended;
	unsigned progress;
	ev_timer timer;
};

static bool pin_known(void *arg, const uint8_t pin[32])
{
	struct world *w = container_of((struct fake *)arg, struct world, fake);

	return w->know_us && memcmp(pin, w->ours->pin, 32) == 0;
}

static void make_contents(struct world *w)
{
	uint64_t x = 88172645463325252u;
	struct err e;

	w->base = xcalloc(1, SIZE);
	w->bytes = xcalloc(1, SIZE);
	for (uint64_t i = 0; i + 8 <= SIZE; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(w->base + i, &x, 8);
	}
	memset(w->base + (4 << 20), 0, 1 << 20);
	memcpy(w->bytes, w->base, SIZE);
	/* A changed megabyte, a moved one, and a changed end. */
	for (uint64_t i = 0; i < 1 << 20; i++)
		w->bytes[(8 << 20) + i] ^= 0x5a;
	memcpy(w->bytes + (12 << 20), w->base + (1 << 20), 1 << 20);
	w->bytes[SIZE - 1] ^= 1;
	w->fd = temp_file(&w->dir, "new");
	w->base_fd = temp_file(&w->dir, "base");
	temp_write(w->fd, w->bytes, SIZE, 0);
	temp_write(w->base_fd, w->base, SIZE, 0);
	assert_int_equal(index_build(w->fd, w->index_dir, NULL, NULL, &w->root, &e), 0);
	assert_int_equal(index_build(w->base_fd, w->index_dir, NULL, NULL, &w->base_root, &e), 0);
}

static void make_network(struct world *w)
{
	struct server_spec spec = {.listen = "127.0.0.1:0",
				   .pin_known = pin_known,
				   .max_connections = 50,
				   .max_per_peer = 50,
				   .handler = fake_handler,
				   .arg = &w->fake,
				   .unix_gid = (gid_t)-1,
				   .loop = w->loop};
	char path[600], url[60];
	struct err e;

	snprintf(path, sizeof(path), "%s/a", w->dir.path);
	assert_int_equal(key_load(path, true, &w->ours, &e), 0);
	snprintf(path, sizeof(path), "%s/b", w->dir.path);
	assert_int_equal(key_load(path, true, &w->theirs, &e), 0);
	memcpy(w->pin.sha256, w->theirs->pin, 32);
	spec.key = w->theirs;
	assert_int_equal(server_new(&spec, &w->server, &e), 0);
	w->http = http_new(w->loop);
	w->shaper = shaper_new(w->loop);
	w->charge = shaper_node_new(shaper_root(w->shaper), 1, NULL, NULL);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", server_port(w->server));
	w->peer = peer_new(w->http, url, &w->pin, 1, w->ours, w->charge);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	temp_new(&w->dir);
	mkdirat(w->dir.fd, "index", 0700);
	mkdirat(w->dir.fd, "cache", 0700);
	w->index_dir = openat(w->dir.fd, "index", O_RDONLY | O_DIRECTORY);
	w->cache_dir = openat(w->dir.fd, "cache", O_RDONLY | O_DIRECTORY);
	w->loop = ev_loop_new(0);
	w->pool = pool_new(w->loop, 2);
	w->bundler = bundler_new(w->pool, w->cache_dir, w->index_dir, 1 << 30);
	w->know_us = true;
	w->fake.corrupt_node = -1;
	w->fake.size = SIZE;
	w->fake.out = xcalloc(1, SIZE);
	make_contents(w);
	make_network(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	peer_free(w->peer);
	http_free(w->http);
	server_free(w->server);
	shaper_node_free(w->charge);
	shaper_free(w->shaper);
	bundler_free(w->bundler);
	pool_free(w->pool);
	key_free(w->ours);
	key_free(w->theirs);
	fake_done(&w->fake);
	close(w->fd);
	close(w->base_fd);
	close(w->index_dir);
	close(w->cache_dir);
	temp_done(&w->dir);
	ev_loop_destroy(w->loop);
	free(w->bytes);
	free(w->base);
	free(w);
	return 0;
}

static void on_progress(void *arg)
{
	struct world *w = arg;

	w->progress++;
}

static void on_ended(void *arg, const struct push_result *r)
{
	struct world *w = arg;

	w->ended = true;
	w->result = *r;
	push_stats(w->push, &w->stats);
	w->push = NULL;
	ev_break(w->loop, EVBREAK_ONE);
}

static void begin(struct world *w, bool with_base)
{
	struct push_spec spec = {.peer = w->peer,
				 .bundler = w->bundler,
				 .parent = w->charge,
				 .weight = 1,
				 .group = "g",
				 .effort = 1};
	struct push_events ev = {on_progress, on_ended, w};
	struct stat st;

	spec.content = (struct content){.root = w->root, .size = SIZE, .fd = w->fd};
	assert_int_equal(fstat(w->fd, &st), 0);
	identity_of(&st, &spec.content.identity);
	spec.content.live = true;
	strcpy(spec.offer.path, "x.vhdx");
	spec.offer.root = w->root;
	spec.offer.size = SIZE;
	spec.offer.nonzero_bytes = SIZE - (1 << 20);
	spec.offer.mode = 0644;
	if (with_base) {
		spec.offer.bases[0] = w->base_root;
		spec.offer.n_bases = 1;
		w->fake.base = w->base;
		w->fake.base_size = SIZE;
	}
	w->ended = false;
	w->push = push_start(&spec, &ev);
}

static void run(struct world *w)
{
	while (!w->ended)
		ev_run(w->loop, 0);
}

static void go(struct world *w, bool with_base)
{
	begin(w, with_base);
	run(w);
}

/* From now on: what the tests do before, building an index, takes its time. */
static void timer(struct world *w, void (*fn)(struct ev_loop *loop, ev_timer *t, int revents),
		  double after, double repeat)
{
	ev_timer_init(&w->timer, fn, after, repeat);
	w->timer.data = w;
	ev_now_update(w->loop);
	ev_timer_start(w->loop, &w->timer);
}

static void expect(struct world *w, enum push_end end)
{
	if (w->result.end != end)
		fail_msg("ended %d, not %d: %s", w->result.end, end, w->result.text);
}

static void expect_content(struct world *w)
{
	expect(w, PUSH_STAGED);
	assert_memory_equal(w->fake.out, w->bytes, SIZE);
}

static void test_first_copy(void **state)
{
	struct world *w = *state;

	go(w, false);
	expect_content(w);
	assert_int_equal(w->fake.puts, 1);
	assert_in_range(w->stats.literal, SIZE - (2 << 20), SIZE);
	assert_int_equal(w->stats.literal, w->stats.literal_total);
	assert_int_equal(w->stats.proven, SIZE);
	assert_true(w->stats.wire_out > w->fake.received);
	assert_true(w->stats.wire_out < w->fake.received * 102 / 100);
	assert_in_range(shaper_bytes(w->charge), w->stats.wire_out - 1000,
			w->stats.wire_out + 1000);
	assert_true(w->stats.peak_rate > 0 && w->stats.peak_rate <= w->stats.wire_out);
	/* Another content is nothing new to it. */
	w->fake.have_it = true;
	go(w, false);
	expect(w, PUSH_HAVE);
	assert_int_equal(w->fake.puts, 1);
}

static void test_delta(void **state)
{
	struct world *w = *state;

	go(w, true);
	expect_content(w);
	assert_int_equal(w->fake.offer.n_bases, 1);
	assert_in_range(w->fake.offer.literal_bytes, 1 << 20, 3 << 19);
	assert_in_range(w->fake.received, 1 << 20, 3 << 19);
	assert_int_equal(w->stats.n_bases, 1);
	assert_int_equal(w->stats.repairs, 0);
}

static void test_base_is_gone(void **state)
{
	struct world *w = *state;

	w->fake.no_base = 1;
	go(w, true);
	expect_content(w);
	assert_int_equal(w->fake.offers, 2);
	assert_int_equal(w->fake.offer.n_bases, 0);
	assert_int_equal(w->stats.n_bases, 0);
	/* One that says so for ever is stopped. */
	memset(w->fake.proven, 0, sizeof(w->fake.proven));
	w->fake.no_base = 1000;
	go(w, true);
	expect(w, PUSH_REFUSED);
	assert_int_equal(w->result.refused, REFUSED_NO_BASE);
}

static void test_refused(void **state)
{
	struct world *w = *state;

	w->fake.refuse = REFUSED_NO_SPACE;
	go(w, false);
	expect(w, PUSH_REFUSED);
	assert_int_equal(w->result.refused, REFUSED_NO_SPACE);
	assert_int_equal(w->result.need, 10);
	assert_int_equal(w->result.available, 5);
	assert_string_equal(w->result.text, "as asked");
	assert_int_equal(w->fake.puts, 0);
}

static void test_connection_lost(void **state)
{
	struct world *w = *state;
	uint64_t had;

	w->fake.drop_after = 6 << 20;
	go(w, false);
	expect(w, PUSH_PEER);
	assert_int_equal(w->result.answer.error, PEER_DOWN);
	had = w->fake.received;
	assert_in_range(had, 6 << 20, 12 << 20);
	/* It goes on from the byte. */
	go(w, false);
	expect_content(w);
	assert_int_equal(w->stats.resumes, 1);
	assert_in_range(w->fake.received, SIZE - (2 << 20), SIZE + (1 << 20));
	assert_in_range(w->stats.literal, 1, SIZE - (5 << 20));
}

/* The hub lost its state: the bundle is unknown, what is proven is not. */
static void test_hub_forgot(void **state)
{
	struct world *w = *state;
	uint64_t had;

	w->fake.drop_after = 18 << 20;
	go(w, false);
	expect(w, PUSH_PEER);
	had = w->fake.received;
	memset(w->fake.id.b, 7, sizeof(w->fake.id.b));
	go(w, false);
	expect_content(w);
	assert_int_equal(w->stats.resumes, 0);
	/* At most one frame came twice. */
	assert_true(w->fake.received - had < SIZE - (14 << 20));
}

static void test_other_offset(void **state)
{
	struct world *w = *state;

	w->fake.conflict = 2;
	go(w, false);
	expect_content(w);
	assert_int_equal(w->fake.puts, 3);
	/* One that refuses every offset it names itself is stopped. */
	memset(w->fake.proven, 0, sizeof(w->fake.proven));
	w->fake.has_bundle = false;
	w->fake.conflict = 1000;
	go(w, false);
	expect(w, PUSH_BAD);
}

static void test_spoke_forgot(void **state)
{
	struct world *w = *state;

	w->fake.drop_after = 6 << 20;
	go(w, false);
	expect(w, PUSH_PEER);
	w->fake.forgets = 2;
	memset(w->fake.proven, 0, sizeof(w->fake.proven));
	go(w, true);
	expect_content(w);
	assert_int_equal(w->fake.offer.n_bases, 1); /* bases are not lost by it */
	memset(w->fake.proven, 0, sizeof(w->fake.proven));
	w->fake.has_bundle = false;
	w->fake.forgets = 1000;
	go(w, true);
	expect(w, PUSH_PEER);
	assert_int_equal(w->result.answer.error, PEER_REFUSED);
}

static void test_repair(void **state)
{
	struct world *w = *state;

	w->fake.corrupt_node = 3;
	w->fake.corrupt_times = 1;
	go(w, true);
	expect_content(w);
	assert_int_equal(w->stats.repairs, 1);
	assert_int_equal(w->stats.bundles, 2);
}

static void test_failed_twice(void **state)
{
	struct world *w = *state;

	w->fake.corrupt_node = 3;
	w->fake.corrupt_times = 2;
	go(w, true);
	expect(w, PUSH_BAD);
	assert_int_equal(w->stats.repairs, 1);
}

static void test_filling(void **state)
{
	struct world *w = *state;

	w->fake.filling = 3;
	go(w, true);
	expect_content(w);
	assert_int_equal(w->fake.positions, 3);
	assert_int_equal(w->fake.puts, 1);
}

static void test_changed(void **state)
{
	struct world *w = *state;

	begin(w, false);
	temp_write(w->fd, (const uint8_t *)"changed", 7, 5 << 20);
	run(w);
	expect(w, PUSH_CHANGED);
}

static void test_unknown_key(void **state)
{
	struct world *w = *state;

	w->know_us = false;
	go(w, false);
	expect(w, PUSH_PEER);
	assert_int_equal(w->result.answer.error, PEER_UNKNOWN_KEY);
	assert_non_null(strstr(w->result.text, "hub_key = sha256:"));
	w->know_us = true;
	w->pin.sha256[0] ^= 1;
	peer_update(w->peer, "https://127.0.0.1:1", &w->pin, 1);
	go(w, false);
	assert_int_equal(w->result.answer.error, PEER_DOWN);
}

static void stop_now(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;

	(void)loop;
	(void)revents;
	push_stop(w->push);
}

static void test_stop_and_go_on(void **state)
{
	struct world *w = *state;
	uint64_t had;

	/* So little that encoding keeps up with it on a starved machine, too. */
	shaper_set_rate(shaper_root(w->shaper), 512 << 10);
	begin(w, false);
	timer(w, stop_now, 1.5, 0.);
	run(w);
	expect(w, PUSH_STOPPED);
	had = w->fake.received;
	/* What the bucket gave in that time and no more; all that was handed over arrived. */
	assert_in_range(had, 1, 6 << 20);
	assert_int_equal(w->stats.acked, had);
	assert_int_equal(w->stats.resent, 0);
	assert_true(w->stats.throttled_us > 0);
	shaper_set_rate(shaper_root(w->shaper), RATE_UNLIMITED);
	go(w, false);
	expect_content(w);
	assert_int_equal(w->stats.resumes, 1);
	assert_true(w->fake.received < SIZE + (1 << 20));
}

/* A spoke that does not answer the end of the body is reset after a second. */
static void test_stop_a_mute_spoke(void **state)
{
	struct world *w = *state;

	w->fake.mute = true;
	shaper_set_rate(shaper_root(w->shaper), 2 << 20);
	begin(w, false);
	timer(w, stop_now, 0.7, 0.);
	run(w);
	expect(w, PUSH_STOPPED);
}

static void unblock_after_stop(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;

	(void)revents;
	/* Not before there is what the test is about. */
	if (!w->push->put || !request_holds_body(w->push->put)) {
		ev_timer_set(t, 0.1, 0.);
		ev_timer_start(loop, t);
		return;
	}
	push_stats(w->push, &w->at_stop);
	push_stop(w->push);
	w->fake.blocked = false;
	sreq_continue(w->fake.put);
}

static void stop_loop(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)t;
	(void)revents;
	ev_break(loop, EVBREAK_ONE);
}

/*
 * An edge while the socket is blocked and curl holds bytes that it has read: when the socket opens
 * again none of them goes out.
 */
static void test_stop_while_blocked(void **state)
{
	struct world *w = *state;

	w->fake.blocked = true;
	begin(w, false);
	timer(w, unblock_after_stop, 1., 0.);
	run(w);
	expect(w, PUSH_STOPPED);
	/* Until the spoke has read whatever its end of the connection holds. */
	timer(w, stop_loop, 0.3, 0.);
	ev_run(w->loop, 0);
	assert_false(w->fake.ended);
	assert_true(w->at_stop.acked < w->at_stop.wire_out);
	assert_true(w->fake.received <= w->at_stop.wire_out);
	assert_in_range(w->stats.wire_out, 1, w->at_stop.wire_out);
	/* And it goes on from where the spoke is. */
	go(w, false);
	expect_content(w);
}

static void test_stop_before_it_began(void **state)
{
	struct world *w = *state;

	begin(w, false);
	push_stop(w->push);
	assert_false(w->ended); /* never inside the call */
	run(w);
	expect(w, PUSH_STOPPED);
	assert_int_equal(w->fake.puts, 0);
	begin(w, false);
	push_abort(w->push);
}

static void reparent(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;

	(void)loop;
	(void)revents;
	push_reparent(w->push, shaper_root(w->shaper));
}

/* As soon as a part of the first frame arrived. */
static void give_effort(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;

	(void)revents;
	if (w->fake.received < 1 << 20)
		return;
	ev_timer_stop(loop, t);
	push_set_effort(w->push, 5, 0);
}

/* Another effort in the middle of the first frame: the second is one of a new bundle. */
static void test_effort(void **state)
{
	struct world *w = *state;

	shaper_set_rate(shaper_root(w->shaper), 8 << 20);
	begin(w, false);
	timer(w, give_effort, 0.01, 0.01);
	run(w);
	expect_content(w);
	assert_int_equal(w->stats.bundles, 2);
	assert_int_equal(w->stats.resent, 0);
	assert_int_equal(w->fake.puts, 2);
	assert_int_equal(w->fake.header.effort, 5);
	assert_int_equal(w->fake.header.n_left_out, 1);
	assert_int_equal(w->fake.header.left_out[0].n, 1);
}

/* In the middle of the first frame: it was long waited for. Those that follow are made by now. */
static void starve(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;

	(void)revents;
	if (w->fake.received < 1 << 20)
		return;
	ev_timer_stop(loop, t);
	w->push->spec.effort_short = 5;
	w->push->starved_us = 100 * SECOND_US;
}

/* What was made at the slow effort is not made once more at the fast one. */
static void test_made_frames_are_sent(void **state)
{
	struct world *w = *state;

	shaper_set_rate(shaper_root(w->shaper), 8 << 20);
	begin(w, false);
	timer(w, starve, 0.01, 0.01);
	run(w);
	expect_content(w);
	assert_int_equal(w->stats.bundles, 1);
	assert_int_equal(w->fake.header.effort, 1);
}

/* Under way, and nothing went since the last look, of which there are four in what nothing may
 * move. */
static void rest(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;
	struct push *p = w->push;

	(void)revents;
	if (w->fake.received < 1 << 20 || p->word)
		return;
	ev_timer_stop(loop, t);
	peer_set_stall(w->peer, SECOND_US);
	push_poll_put(p);
	assert_true(ev_timer_remaining(loop, &p->poll) <= 0.25);
	p->polled_at = p->asked_at = p->offset;
	p->unasked = 0;
	push_on_poll(loop, &p->poll, EV_TIMER);
	assert_non_null(p->word);
	peer_set_stall(w->peer, 60 * SECOND_US);
}

/*
 * A PUT that rests, as its frames take long to make, shows within a spoke's stall that the hub is
 * there: asked once a second, a spoke with a stall of a second gave it up.
 */
static void test_rests(void **state)
{
	struct world *w = *state;

	shaper_set_rate(shaper_root(w->shaper), 8 << 20);
	begin(w, false);
	timer(w, rest, 0.01, 0.01);
	run(w);
	expect_content(w);
	assert_int_equal(w->fake.puts, 1);
	assert_true(w->fake.positions > 0);
}

/* A closed policy is left for an open one: the transfer that stood still goes on. */
static void test_reparent(void **state)
{
	struct world *w = *state;

	shaper_set_rate(w->charge, RATE_CLOSED);
	begin(w, false);
	timer(w, reparent, 0.5, 0.);
	run(w);
	expect_content(w);
}

#define MBIT ((uint64_t)125000)

/* What the kernel may hold: 250 ms of the rate, or of what this one gets of it. */
static void test_unsent(void **state)
{
	(void)state;
	assert_int_equal(push_lowat(8 * MBIT, 8 * MBIT), 250000);
	assert_int_equal(push_lowat(MBIT / 16, MBIT / 16), 2048); /* 64 kbit */
	assert_int_equal(push_lowat(100 * MBIT, 100 * MBIT / 64), 100 * MBIT / 64 / 4);
	/* It begins with what is granted at once, and a rate that falls bites before the share. */
	assert_int_equal(push_lowat(100 * MBIT, 0), 16384);
	assert_int_equal(push_lowat(MBIT, 100 * MBIT), MBIT / 4);
	assert_int_equal(push_lowat(RATE_UNLIMITED, 0), 4 * MIB);
	assert_int_equal(push_lowat(RATE_UNLIMITED - 1, UINT64_MAX), 4 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delta, setup, teardown),
		cmocka_unit_test_setup_teardown(test_base_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connection_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hub_forgot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_offset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spoke_forgot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_and_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_a_mute_spoke, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_while_blocked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_before_it_began, setup, teardown),
		cmocka_unit_test_setup_teardown(test_effort, setup, teardown),
		cmocka_unit_test_setup_teardown(test_made_frames_are_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reparent, setup, teardown),
		cmocka_unit_test(test_unsent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
