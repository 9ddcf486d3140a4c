/*
 * test_http.c: our client against our server over loopback: keys both ways, refusals that cost no
 * body byte, shaped and aborted bodies, kept connections, counts, and the command line's calls.
 */
#include "transfer/http.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/aside.h"
#include "transfer/http_unix.h"
#include "transfer/key.h"
#include "transfer/peer_private.h"
#include "transfer/server.h"
#include "transfer/shaper.h"

struct world {
	struct ev_loop *loop;
	char dir[64];
	struct node_key *ours, *theirs, *stranger;
	struct server *server;
	struct http *http;
	struct pin pin; /* theirs */
	bool know_us;
	/* seen by the server */
	unsigned requests;
	uint64_t body;
	bool closed, ended;
	/* seen by the client */
	bool done;
	struct request_result result;
	char text[300], answer[300];
	uint64_t left, handed; /* of a streamed body */
	struct request *request;
	struct shaper *shaper;
	struct shaper_node *leaf;
	ev_timer later, drip;
};

static bool pin_known(void *arg, const uint8_t pin[32])
{
	struct world *w = arg;

	return w->know_us && memcmp(pin, w->ours->pin, 32) == 0;
}

static bool sink_data(void *arg, const void *buf, size_t len)
{
	struct world *w = arg;

	(void)buf;
	w->body += len;
	return true;
}

static struct sreq *streaming;

static void sink_end(void *arg)
{
	struct world *w = arg;

	w->ended = true;
	sreq_reply_json(streaming, 200, "{\"ok\":true}");
}

static void sink_closed(void *arg)
{
	struct world *w = arg;

	w->closed = true;
	ev_break(w->loop, EVBREAK_ONE);
}

static void collected(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct world *w = arg;
	char *copy = xasprintf("{\"len\":%zu,\"first\":\"%c\"}", len, len ? body[0] : '-');

	w->body += len;
	sreq_reply_json(r, 200, copy);
	free(copy);
}

static void answer_later(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)t;
	(void)revents;
	sreq_reply_json(streaming, 200, "{}");
}

/* An answer of a few bytes now and then, for ever. */
static void drip(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	assert_int_equal(sreq_lines_push(t->data, "."), 0);
}

static void drip_over(void *arg)
{
	struct world *w = arg;

	ev_timer_stop(w->loop, &w->drip);
}

static void drip_begin(struct world *w, struct sreq *r)
{
	ev_timer_init(&w->drip, drip, 0.02, 0.02);
	w->drip.data = r;
	ev_timer_start(w->loop, &w->drip);
	sreq_on_over(r, drip_over, w);
	sreq_lines_begin(r);
}

static void handler(void *arg, struct sreq *r)
{
	struct world *w = arg;
	const char *path = sreq_path(r);
	struct sreq_sink sink = {sink_data, sink_end, sink_closed, w};

	w->requests++;
	if (strcmp(path, "/refuse") == 0) {
		sreq_reply_json(r, 409, "{\"offset\":7}");
	} else if (strcmp(path, "/stream") == 0) {
		streaming = r;
		sreq_stream(r, &sink);
	} else if (strcmp(path, "/big") == 0) {
		char *big = xcalloc(1, 100000);

		memset(big, 'x', 99999);
		sreq_reply(r, 200, "text/plain", big, 99999);
		free(big);
	} else if (strcmp(path, "/drip") == 0) {
		drip_begin(w, r);
	} else if (strcmp(path, "/silent") == 0) {
		/* never answered */
	} else if (strcmp(path, "/lines") == 0) {
		sreq_lines_begin(r);
		for (int i = 0; i < 3; i++)
			assert_int_equal(sreq_lines_push(r, i ? "{\"n\":1}" : "{}"), 0);
		sreq_lines_end(r);
	} else if (strcmp(path, "/drop") == 0) {
		sreq_drop(r);
	} else if (strcmp(path, "/later") == 0) {
		streaming = r;
		ev_timer_start(w->loop, &w->later);
	} else if (strcmp(path, "/redirect") == 0) {
		sreq_problem(r, 404, "nothing at %s", path);
	} else {
		sreq_collect(r, 1 << 20, collected, w);
	}
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
	char path[100];
	struct err e;

	strcpy(w->dir, "/tmp/test_http.XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(path, sizeof(path), "%s/a", w->dir);
	assert_int_equal(key_load(path, true, &w->ours, &e), 0);
	snprintf(path, sizeof(path), "%s/b", w->dir);
	assert_int_equal(key_load(path, true, &w->theirs, &e), 0);
	snprintf(path, sizeof(path), "%s/c", w->dir);
	assert_int_equal(key_load(path, true, &w->stranger, &e), 0);
	memcpy(w->pin.sha256, w->theirs->pin, 32);
	w->know_us = true;
	w->loop = ev_loop_new(0);
	ev_timer_init(&w->later, answer_later, 0.01, 0.);
	w->http = http_new(w->loop);
	w->shaper = shaper_new(w->loop);
	spec.loop = w->loop;
	spec.key = w->theirs;
	if (server_new(&spec, &w->server, &e) < 0)
		fail_msg("%s", e.text);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[100];

	w->http = http_free(w->http);
	server_free(w->server);
	shaper_node_free(w->leaf);
	shaper_free(w->shaper);
	key_free(w->ours);
	key_free(w->theirs);
	key_free(w->stranger);
	for (const char *c = "abcs"; *c; c++) {
		snprintf(path, sizeof(path), "%s/%c", w->dir, *c);
		unlink(path);
	}
	rmdir(w->dir);
	ev_loop_destroy(w->loop);
	free(w);
	return 0;
}

static void on_done(void *arg, const struct request_result *r)
{
	struct world *w = arg;

	w->done = true;
	w->result = *r;
	snprintf(w->text, sizeof(w->text), "%s", r->text);
	snprintf(w->answer, sizeof(w->answer), "%s", r->body);
	w->request = NULL;
	ev_break(w->loop, EVBREAK_ONE);
}

static void begin(struct world *w, const char *method, const char *path, const char *body,
		  struct request_spec *more)
{
	struct request_spec spec = more ? *more : (struct request_spec){0};
	char *url = xasprintf("https://127.0.0.1:%u%s", server_port(w->server), path);

	w->done = false;
	spec.method = method;
	spec.url = url;
	spec.pins = &w->pin;
	spec.n_pins = 1;
	if (!spec.key)
		spec.key = w->ours;
	spec.body = body;
	spec.body_len = body ? strlen(body) : 0;
	if (!spec.answer_max)
		spec.answer_max = 10000;
	spec.connect_us = 10 * SECOND_US;
	spec.done = on_done;
	spec.arg = w;
	w->request = request_start(w->http, &spec);
	free(url);
}

static void call(struct world *w, const char *method, const char *path, const char *body,
		 struct request_spec *more)
{
	begin(w, method, path, body, more);
	while (!w->done)
		ev_run(w->loop, 0);
}

static void test_words(void **state)
{
	struct world *w = *state;
	uint64_t first_out;

	call(w, "GET", "/x", NULL, NULL);
	assert_int_equal(w->result.error, 0);
	assert_int_equal(w->result.status, 200);
	assert_string_equal(w->answer, "{\"len\":0,\"first\":\"-\"}");
	assert_false(w->result.reused);
	assert_true(w->result.wire_out > 500 && w->result.wire_in > 500); /* handshakes count */
	first_out = w->result.wire_out;
	call(w, "POST", "/x", "{\"a\":1}", NULL);
	assert_string_equal(w->answer, "{\"len\":7,\"first\":\"{\"}");
	assert_true(w->result.reused);
	assert_true(w->result.wire_out < first_out / 2);
	/* Its bytes count though the connection was open when it came. */
	assert_true(w->result.wire_out > 100 && w->result.wire_in > 100);
	call(w, "DELETE", "/x", NULL, NULL);
	assert_int_equal(w->result.status, 200);
	assert_true(w->result.reused);
	call(w, "GET", "/redirect", NULL, NULL);
	assert_int_equal(w->result.status, 404);
	assert_int_equal(w->result.error, 0);
	/* What is answered before its end was seen must not cost the connection. */
	call(w, "GET", "/refuse", NULL, NULL);
	assert_int_equal(w->result.status, 409);
	assert_true(w->result.reused);
	call(w, "GET", "/later", NULL, NULL);
	assert_true(w->result.reused);
	call(w, "GET", "/x", NULL, NULL);
	assert_true(w->result.reused);
}

static unsigned sockets(void)
{
	unsigned n = 0;
	struct stat st;

	for (int fd = 0; fd < 256; fd++)
		n += fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
	return n;
}

/* To an address that is no more nobody has a word: what rests there would be open for two hours.
 * Only a request to somewhere else makes curl look, and only at the time. */
static void test_resting(void **state)
{
	struct world *w = *state;
	struct request_spec spec = {.method = "GET", .done = on_done, .arg = w};
	struct timespec rest = {.tv_sec = 2, .tv_nsec = 100000000};
	char *url = xasprintf("https://localhost:%u/x", server_port(w->server));
	unsigned before;

	call(w, "GET", "/x", NULL, NULL);
	before = sockets();
	http_close_resting(w->http);
	nanosleep(&rest, NULL);
	spec.url = url;
	spec.pins = &w->pin;
	spec.n_pins = 1;
	spec.key = w->ours;
	spec.answer_max = 10000;
	for (unsigned i = 0; i < 2; i++) {
		w->done = false;
		w->request = request_start(w->http, &spec);
		while (!w->done)
			ev_run(w->loop, 0);
		assert_int_equal(w->result.status, 200);
		/* What is used from now on is kept as ever. */
		assert_int_equal(w->result.reused, i > 0);
	}
	for (unsigned i = 0; sockets() > before && i < 100; i++)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(sockets(), before);
	free(url);
}

static void test_wrong_pin(void **state)
{
	struct world *w = *state;

	w->pin.sha256[5] ^= 1;
	call(w, "POST", "/x", "secret", NULL);
	assert_int_equal(w->result.error, -EKEYREJECTED);
	assert_true(w->result.wrong_key);
	assert_false(w->result.unknown_key);
	assert_int_equal(w->requests, 0);
	/* Nor does a connection made with the right pin serve the wrong one. */
	w->pin.sha256[5] ^= 1;
	call(w, "GET", "/x", NULL, NULL);
	assert_int_equal(w->result.error, 0);
	w->pin.sha256[5] ^= 1;
	call(w, "GET", "/x", NULL, NULL);
	assert_true(w->result.wrong_key);
}

static void test_unknown_key(void **state)
{
	struct world *w = *state;
	struct request_spec spec = {.key = w->stranger};
	char hex[80];
	struct pin p;

	call(w, "GET", "/x", NULL, &spec);
	assert_true(w->result.unknown_key);
	assert_false(w->result.wrong_key);
	assert_true(w->result.error < 0);
	memcpy(p.sha256, w->stranger->pin, 32);
	assert_non_null(strstr(w->text, pin_print(&p, hex)));
	assert_int_equal(w->requests, 0);
	w->know_us = false;
	call(w, "POST", "/x", "secret", NULL);
	assert_true(w->result.unknown_key);
	assert_int_equal(w->requests, 0);
}

static void test_nobody_there(void **state)
{
	struct world *w = *state;
	unsigned port = server_port(w->server);
	char *url = xasprintf("https://127.0.0.1:%u/", port);
	struct request_spec spec = {.method = "GET",
				    .url = url,
				    .pins = &w->pin,
				    .n_pins = 1,
				    .key = w->ours,
				    .done = on_done,
				    .arg = w,
				    .connect_us = 5 * SECOND_US};

	w->server = server_free(w->server);
	w->request = request_start(w->http, &spec);
	while (!w->done)
		ev_run(w->loop, 0);
	assert_int_equal(w->result.error, -ECONNREFUSED);
	assert_false(w->result.unknown_key);
	free(url);
}

struct cutter {
	ev_io listening, talking;
	bool reset;
};

/* The client's first words have come; they are not read, so that the close resets. */
static void cut_now(struct ev_loop *loop, ev_io *io, int revents)
{
	struct cutter *c = io->data;
	char hello[4096];

	(void)revents;
	ev_io_stop(loop, io);
	if (!c->reset) {
		assert_true(recv(io->fd, hello, sizeof(hello), 0) > 0);
		assert_int_equal(send(io->fd, "what is this?", 13, MSG_NOSIGNAL), 13);
	}
	close(io->fd);
}

static void cut_later(struct ev_loop *loop, ev_io *io, int revents)
{
	struct cutter *c = io->data;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)revents;
	assert_true(fd >= 0);
	ev_io_init(&c->talking, cut_now, fd, EV_READ);
	c->talking.data = c;
	ev_io_start(loop, &c->talking);
}

/* A line that breaks in the handshake is a line that broke: not a peer that talks nonsense, whose
 * jobs would wait ever longer after the line is well. */
static void test_cut_in_handshake(void **state)
{
	struct world *w = *state;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct request_spec spec = {.method = "GET",
				    .pins = &w->pin,
				    .n_pins = 1,
				    .key = w->ours,
				    .done = on_done,
				    .arg = w,
				    .connect_us = 10 * SECOND_US};
	socklen_t len = sizeof(a);
	struct peer_answer answer;
	struct cutter c;
	char *url;

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	url = xasprintf("https://127.0.0.1:%u/", ntohs(a.sin_port));
	spec.url = url;
	ev_io_init(&c.listening, cut_later, fd, EV_READ);
	c.listening.data = &c;
	ev_io_start(w->loop, &c.listening);
	for (unsigned i = 0; i < 2; i++) {
		c.reset = i == 1;
		w->done = false;
		w->request = request_start(w->http, &spec);
		while (!w->done)
			ev_run(w->loop, EVRUN_ONCE);
		assert_int_equal(w->result.error, -ECONNRESET);
		peer_answer_of(&w->result, &answer);
		assert_int_equal(answer.error, PEER_DOWN);
	}
	ev_io_stop(w->loop, &c.listening);
	close(fd);
	free(url);
}

static void test_limits(void **state)
{
	struct world *w = *state;
	struct request_spec spec = {.stall_us = 300000};
	struct request_spec plain = {.method = "GET",
				     .url = "http://127.0.0.1:1/",
				     .pins = &w->pin,
				     .n_pins = 1,
				     .key = w->ours,
				     .done = on_done,
				     .arg = w};

	call(w, "GET", "/big", NULL, NULL);
	assert_int_equal(w->result.error, -E2BIG);
	call(w, "GET", "/silent", NULL, &spec);
	assert_int_equal(w->result.error, -ETIMEDOUT);
	assert_false(w->result.unknown_key);
	/* Something moves all the time: it ends all the same. */
	spec.stall_us = 100000;
	call(w, "GET", "/drip", NULL, &spec);
	assert_int_equal(w->result.error, -ETIME);
	assert_non_null(strstr(w->text, "did not come to an end"));
	w->done = false;
	w->request = request_start(w->http, &plain);
	while (!w->done)
		ev_run(w->loop, 0);
	assert_int_equal(w->result.error, -EINVAL);
}

static int64_t body_read(void *arg, void *buf, size_t len)
{
	struct world *w = arg;
	size_t n = MIN((uint64_t)len, w->left);

	if (n > 0 && w->leaf) {
		n = shaper_grant(w->leaf, n);
		if (n == 0) {
			shaper_want(w->leaf, true);
			return -EAGAIN;
		}
	}
	memset(buf, 'z', n);
	w->left -= n;
	w->handed += n;
	return (int64_t)n;
}

static void body_ready(void *arg)
{
	struct world *w = arg;

	if (w->request)
		request_resume(w->request);
}

static void test_put(void **state)
{
	struct world *w = *state;
	struct request_spec spec = {.read = body_read, .fresh = true};

	w->left = 3000000;
	call(w, "PUT", "/stream", NULL, &spec);
	assert_int_equal(w->result.error, 0);
	assert_int_equal(w->result.status, 200);
	assert_int_equal(w->body, 3000000);
	assert_true(w->ended);
	assert_in_range(w->result.wire_out, 3000000, 3030000);
}

static void test_put_refused(void **state)
{
	struct world *w = *state;
	struct request_spec spec = {.read = body_read, .fresh = true};

	w->left = 3000000;
	call(w, "PUT", "/refuse", NULL, &spec);
	assert_int_equal(w->result.status, 409);
	assert_string_equal(w->answer, "{\"offset\":7}");
	assert_int_equal(w->handed, 0); /* not a byte of the body */
	assert_int_equal(w->body, 0);
	w->know_us = false;
	call(w, "PUT", "/stream", NULL, &spec);
	assert_true(w->result.unknown_key);
	assert_int_equal(w->handed, 0);
}

static void test_put_shaped(void **state)
{
	struct world *w = *state;
	struct request_spec spec = {.read = body_read, .fresh = true, .notsent_lowat = 100000};
	int64_t t = 0;

	w->leaf = shaper_node_new(shaper_root(w->shaper), 1, body_ready, w);
	shaper_set_rate(shaper_root(w->shaper), 1000000);
	spec.charge = w->leaf;
	w->left = 300000;
	ev_now_update(w->loop);
	t = (int64_t)(ev_now(w->loop) * 1e6);
	call(w, "PUT", "/stream", NULL, &spec);
	assert_int_equal(w->body, 300000);
	/* No slower machine can make it faster than the bucket allows. */
	ev_now_update(w->loop);
	assert_true((int64_t)(ev_now(w->loop) * 1e6) - t >= 240000);
	/* Every byte of the TCP stream was granted or charged, none twice. */
	assert_in_range(shaper_bytes(w->leaf), w->result.wire_out - 64, w->result.wire_out + 64);
	assert_true(shaper_throttled_us(w->leaf) > 0);
}

static void abort_it(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;

	(void)revents;
	(void)loop;
	request_abort(w->request);
	w->request = NULL;
}

static void test_abort(void **state)
{
	struct world *w = *state;
	struct request_spec spec = {.read = body_read, .fresh = true};
	ev_timer t;

	w->leaf = shaper_node_new(shaper_root(w->shaper), 1, body_ready, w);
	shaper_set_rate(shaper_root(w->shaper), 1000000);
	w->left = 100000000;
	begin(w, "PUT", "/stream", NULL, &spec);
	ev_timer_init(&t, abort_it, 0.3, 0.);
	t.data = w;
	ev_timer_start(w->loop, &t);
	while (!w->closed)
		ev_run(w->loop, 0);
	assert_false(w->done); /* done() is not called */
	assert_false(w->ended);
}

static void close_pins(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct world *w = t->data;

	(void)revents;
	(void)loop;
	http_close_pinned(w->http, &w->pin, 1);
}

static void test_pin_taken_away(void **state)
{
	struct world *w = *state;
	ev_timer t;

	call(w, "GET", "/x", NULL, NULL);
	http_close_pinned(w->http, &w->pin, 1);
	call(w, "GET", "/x", NULL, NULL);
	assert_int_equal(w->result.error, 0);
	assert_false(w->result.reused);
	begin(w, "GET", "/silent", NULL, NULL);
	ev_timer_init(&t, close_pins, 0.1, 0.);
	t.data = w;
	ev_timer_start(w->loop, &t);
	while (!w->done)
		ev_run(w->loop, 0);
	assert_true(w->result.error < 0);
}

struct cli {
	struct http_unix_spec spec;
	long status;
	char *body;
	int r;
	unsigned lines;
	struct ev_loop *loop;
};

static void cli_run(void *arg)
{
	struct cli *c = arg;
	struct err e;

	c->r = http_unix_call(&c->spec, &c->status, &c->body, &e);
}

static bool one_line(void *arg, const char *line)
{
	struct cli *c = arg;

	assert_int_equal(line[0], '{');
	c->lines++;
	return true;
}

static void cli_call(struct cli *c)
{
	aside_run(c->loop, cli_run, c);
}

static void test_unix(void **state)
{
	struct world *w = *state;
	char path[100];
	struct server_spec spec = {.unix_path = path,
				   .unix_gid = (gid_t)-1,
				   .loop = w->loop,
				   .max_connections = 10,
				   .max_per_peer = 10,
				   .handler = handler,
				   .arg = w};
	struct cli c = {.spec = {.socket = path, .method = "POST", .path = "/x", .body = "{}"},
			.loop = w->loop};
	struct server *server;
	struct err e;

	snprintf(path, sizeof(path), "%s/s", w->dir);
	cli_call(&c);
	assert_int_equal(c.r, -ENOENT);
	assert_int_equal(server_new(&spec, &server, &e), 0);
	cli_call(&c);
	assert_int_equal(c.r, 0);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.body, "{\"len\":2,\"first\":\"{\"}");
	free(c.body);
	c.spec = (struct http_unix_spec){
		.socket = path, .method = "GET", .path = "/lines", .line = one_line, .arg = &c};
	cli_call(&c);
	assert_int_equal(c.r, 0);
	assert_int_equal(c.lines, 3);
	assert_string_equal(c.body, "");
	free(c.body);
	c.spec = (struct http_unix_spec){
		.socket = path, .method = "GET", .path = "/redirect", .line = one_line, .arg = &c};
	cli_call(&c);
	assert_int_equal(c.status, 404);
	assert_non_null(strstr(c.body, "nothing at"));
	free(c.body);
	server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_resting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_in_handshake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_shaped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abort, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pin_taken_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
