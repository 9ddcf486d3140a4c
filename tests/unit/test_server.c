/*
 * test_server.c: the server on a Unix socket and on TLS, spoken to by the curl command. Seen to
 * catch: a server that runs as long as a part of a handshake is there (five bytes kept a core
 * busy).
 */
#include "transfer/server.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>

#include "tests/unit/aside.h"
#include "transfer/key.h"

struct fixture {
	struct ev_loop *loop;
	struct server *server;
	struct node_key *key, *friend_key, *other_key;
	char dir[64];
	char sock[128];
	uint8_t known[32];
	/* what the handler saw */
	unsigned requests;
	uint64_t streamed;
	bool ended, closed, over, pause_each, resumed;
	struct sreq *held;
	ev_timer later;
	uid_t uid;
	char query[64];
	char line[65536]; /* of a flood */
	unsigned pushed;
};

static bool pin_known(void *arg, const uint8_t pin[32])
{
	struct fixture *f = arg;

	return memcmp(pin, f->known, 32) == 0;
}

static void echo(void *arg, struct sreq *r, const char *body, size_t len)
{
	(void)arg;
	sreq_reply(r, 200, "text/plain", body, len);
}

static void on_later(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct fixture *f = w->data;
	struct sreq *r = f->held;

	(void)loop;
	(void)revents;
	f->held = NULL;
	if (f->pause_each) {
		f->resumed = true;
		sreq_continue(r);
	} else {
		sreq_problem(r, 409, "late %s", "answer");
	}
}

static void later(struct fixture *f, struct sreq *r)
{
	f->held = r;
	ev_timer_init(&f->later, on_later, 0.001, 0.0);
	f->later.data = f;
	ev_timer_start(f->loop, &f->later);
}

struct upload {
	struct fixture *f;
	struct sreq *r;
};

static bool up_data(void *arg, const void *buf, size_t len)
{
	struct upload *u = arg;
	const uint8_t *b = buf;
	size_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(b[i], (u->f->streamed + i) % 251);
	u->f->streamed += len;
	if (!u->f->pause_each || u->f->held)
		return true;
	later(u->f, u->r);
	return false;
}

static void up_end(void *arg)
{
	struct upload *u = arg;
	char text[64];

	u->f->ended = true;
	snprintf(text, sizeof(text), "{\"got\":%llu}", (unsigned long long)u->f->streamed);
	sreq_reply_json(u->r, 200, text);
}

static void up_closed(void *arg)
{
	struct upload *u = arg;

	u->f->closed = true;
}

static void up_over(void *arg)
{
	struct upload *u = arg;

	u->f->over = true;
	if (u->f->held == u->r)
		ev_timer_stop(u->f->loop, &u->f->later);
	u->f->held = NULL;
	free(u);
}

static void handler(void *arg, struct sreq *r)
{
	struct fixture *f = arg;
	const char *path = sreq_path(r), *q = sreq_query(r, "q");
	gid_t gid;
	pid_t pid;

	f->requests++;
	snprintf(f->query, sizeof(f->query), "%s", q ? q : "");
	(void)sreq_creds(r, &f->uid, &gid, &pid);
	if (strcmp(path, "/echo") == 0) {
		sreq_collect(r, 1000, echo, NULL);
	} else if (strcmp(path, "/late") == 0) {
		later(f, r);
	} else if (strcmp(path, "/refuse") == 0) {
		sreq_problem(r, 409, "not now");
	} else if (strcmp(path, "/drop") == 0) {
		sreq_drop(r);
	} else if (strcmp(path, "/lines") == 0) {
		sreq_lines_begin(r);
		assert_int_equal(sreq_lines_push(r, "one"), 0);
		assert_int_equal(sreq_lines_push(r, "two"), 0);
		sreq_lines_end(r);
	} else if (strcmp(path, "/flood") == 0) {
		sreq_lines_begin(r);
		while (sreq_lines_push(r, f->line) == 0)
			f->pushed++;
	} else if (strcmp(path, "/up") == 0) {
		struct upload *u = xcalloc(1, sizeof(*u));
		struct sreq_sink sink = {up_data, up_end, up_closed, u};

		u->f = f;
		u->r = r;
		sreq_on_over(r, up_over, u);
		sreq_stream(r, &sink);
	} else {
		sreq_reply(r, 404, "text/plain", path, strlen(path));
	}
}

static const char *sh(struct fixture *f, const char *fmt, ...) PRINTF(2, 3);
static const char *sh(struct fixture *f, const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return aside_shell(f->loop, cmd);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_server.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->loop = ev_loop_new(EVFLAG_AUTO);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	server_free(f->server);
	key_free(f->key);
	key_free(f->friend_key);
	key_free(f->other_key);
	ev_loop_destroy(f->loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

static void start_unix(struct fixture *f)
{
	struct server_spec spec = {.loop = f->loop,
				   .unix_path = f->sock,
				   .unix_gid = (gid_t)-1,
				   .max_connections = 20,
				   .max_per_peer = 8,
				   .handler = handler,
				   .arg = f};
	struct err e = {""};

	snprintf(f->sock, sizeof(f->sock), "%s/run/sock", f->dir);
	assert_int_equal(server_new(&spec, &f->server, &e), 0);
}

static void test_unix_words(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	const char *out;

	start_unix(f);
	assert_int_equal(stat(f->sock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	out = sh(f, "curl -s --unix-socket %s 'http://x/no%%2Fpe?q=a%%20b'", f->sock);
	assert_string_equal(out, "/no/pe");
	assert_string_equal(f->query, "a b");
	assert_int_equal(f->uid, getuid());
	out = sh(f, "curl -s --unix-socket %s -d 'hello' http://x/echo", f->sock);
	assert_string_equal(out, "hello");
	out = sh(f, "curl -s --unix-socket %s -X POST http://x/echo -w '%%{http_code}'", f->sock);
	assert_string_equal(out, "200");
	out = sh(f, "curl -s --unix-socket %s http://x/late", f->sock);
	assert_non_null(strstr(out, "\"detail\":\"late answer\""));
	out = sh(f, "curl -s --unix-socket %s http://x/lines", f->sock);
	assert_string_equal(out, "one\ntwo\n");
	/* A reader that lets a megabyte wait is cut off, and nothing more is kept for it. */
	memset(f->line, 'x', sizeof(f->line) - 1);
	out = sh(f, "curl -s --unix-socket %s http://x/flood | wc -c", f->sock);
	assert_int_equal(f->pushed, 16);
	assert_true(atoi(out) <= 1 << 20);
	out = sh(f, "curl -s --unix-socket %s http://x/drop -w '%%{http_code}'", f->sock);
	assert_string_equal(out, "000");
}

static void test_body_limits(void **state)
{
	struct fixture *f = *state;
	const char *out;

	start_unix(f);
	out = sh(f,
		 "head -c 1001 /dev/zero | curl -s --unix-socket %s --data-binary @- "
		 "http://x/echo -o /dev/null -w '%%{http_code}'",
		 f->sock);
	assert_string_equal(out, "413");
	out = sh(f,
		 "head -c 1001 /dev/zero | curl -s --unix-socket %s -H 'Transfer-Encoding: chunked'"
		 " --data-binary @- http://x/echo -o /dev/null -w '%%{http_code}'",
		 f->sock);
	assert_string_equal(out, "413");
	out = sh(f,
		 "curl -s --unix-socket %s -H \"X: $(head -c 17000 /dev/zero | tr '\\0' a)\" "
		 "http://x/echo -o /dev/null -w '%%{http_code}'",
		 f->sock);
	assert_string_equal(out, "431");
}

static void make_upload(struct fixture *f, unsigned size)
{
	char path[128];
	unsigned i;
	FILE *o;

	snprintf(path, sizeof(path), "%s/up", f->dir);
	o = fopen(path, "w");
	assert_non_null(o);
	for (i = 0; i < size; i++)
		fputc((int)(i % 251), o);
	fclose(o);
}

static void test_streams(void **state)
{
	struct fixture *f = *state;
	const char *out;

	start_unix(f);
	make_upload(f, 3000000);
	out = sh(f, "curl -s --unix-socket %s -T %s/up http://x/up", f->sock, f->dir);
	assert_string_equal(out, "{\"got\":3000000}");
	assert_true(f->ended && f->over && !f->closed);
	f->streamed = 0;
	f->pause_each = true;
	out = sh(f, "curl -s --unix-socket %s -H 'Transfer-Encoding: chunked' -T %s/up http://x/up",
		 f->sock, f->dir);
	assert_string_equal(out, "{\"got\":3000000}");
	assert_true(f->resumed);
}

/* Answered before the body: not one byte of it is sent, whether at once or late. */
static void test_refused_before_body(void **state)
{
	struct fixture *f = *state;
	const char *out;

	start_unix(f);
	make_upload(f, 3000000);
	out = sh(f,
		 "curl -s --unix-socket %s -T %s/up http://x/refuse -o /dev/null "
		 "-w '%%{http_code} %%{size_upload}'",
		 f->sock, f->dir);
	assert_string_equal(out, "409 0");
	out = sh(f,
		 "curl -s --unix-socket %s -T %s/up http://x/late -o /dev/null "
		 "-w '%%{http_code} %%{size_upload}'",
		 f->sock, f->dir);
	assert_string_equal(out, "409 0");
}

static void test_peer_leaves(void **state)
{
	struct fixture *f = *state;

	start_unix(f);
	make_upload(f, 3000000);
	sh(f, "curl -s --unix-socket %s -T %s/up --limit-rate 100k --max-time 0.3 http://x/up",
	   f->sock, f->dir);
	while (!f->over)
		ev_run(f->loop, EVRUN_ONCE);
	assert_true(f->closed && !f->ended);
}

static void test_socket_in_use(void **state)
{
	struct fixture *f = *state;
	struct server_spec spec = {.loop = f->loop,
				   .unix_path = f->sock,
				   .unix_gid = (gid_t)-1,
				   .max_connections = 2,
				   .max_per_peer = 2,
				   .handler = handler};
	struct server *s = NULL;
	struct err e = {""};

	start_unix(f);
	assert_true(server_new(&spec, &s, &e) < 0);
	assert_non_null(strstr(e.text, "another daemon"));
}

static void start_tls(struct fixture *f)
{
	struct server_spec spec = {.loop = f->loop,
				   .listen = "127.0.0.1:0",
				   .pin_known = pin_known,
				   .max_connections = 20,
				   .max_per_peer = 8,
				   .handler = handler,
				   .arg = f};
	char path[128];
	struct err e = {""};

	snprintf(path, sizeof(path), "%s/spoke.pem", f->dir);
	assert_int_equal(key_load(path, true, &f->key, &e), 0);
	snprintf(path, sizeof(path), "%s/hub.pem", f->dir);
	assert_int_equal(key_load(path, true, &f->friend_key, &e), 0);
	snprintf(path, sizeof(path), "%s/other.pem", f->dir);
	assert_int_equal(key_load(path, true, &f->other_key, &e), 0);
	memcpy(f->known, f->friend_key->pin, 32);
	spec.key = f->key;
	assert_int_equal(server_new(&spec, &f->server, &e), 0);
	assert_true(server_port(f->server) > 0);
}

static void test_tls_pins(void **state)
{
	struct fixture *f = *state;
	const char *out;
	unsigned port;

	start_tls(f);
	make_upload(f, 3000000);
	port = server_port(f->server);
	out = sh(f, "curl -sk --cert %s/hub.pem --key %s/hub.pem -T %s/up https://127.0.0.1:%u/up",
		 f->dir, f->dir, f->dir, port);
	assert_string_equal(out, "{\"got\":3000000}");
	assert_int_equal(f->requests, 1);
	out = sh(f,
		 "curl -sk --cert %s/other.pem --key %s/other.pem -T %s/up "
		 "https://127.0.0.1:%u/up -w '%%{http_code} %%{size_download}'",
		 f->dir, f->dir, f->dir, port);
	assert_string_equal(out, "000 0");
	out = sh(f, "curl -sk https://127.0.0.1:%u/up -w '%%{http_code}'", port);
	assert_string_equal(out, "000");
	out = sh(f,
		 "curl -sk --tls-max 1.2 --cert %s/hub.pem --key %s/hub.pem "
		 "https://127.0.0.1:%u/up -w '%%{http_code}'",
		 f->dir, f->dir, port);
	assert_string_equal(out, "000");
	assert_int_equal(f->requests, 1); /* nothing of the strangers reached the handler */
}

static void test_tls_recheck(void **state)
{
	struct fixture *f = *state;

	start_tls(f);
	make_upload(f, 3000000);
	f->pause_each = true;
	f->streamed = 0;
	memset(&f->later, 0, sizeof(f->later));
	/* The key is forgotten in the middle of an upload: it ends, and is told as closed. */
	ev_timer_init(&f->later, on_later, 0, 0);
	sh(f,
	   "curl -sk --cert %s/hub.pem --key %s/hub.pem -T %s/up --limit-rate 200k "
	   "--max-time 0.4 https://127.0.0.1:%u/up",
	   f->dir, f->dir, f->dir, server_port(f->server));
	memset(f->known, 0, 32);
	server_recheck_pins(f->server);
	while (!f->over)
		ev_run(f->loop, EVRUN_ONCE);
	assert_true(f->closed);
	assert_string_equal(sh(f,
			       "curl -sk --cert %s/hub.pem --key %s/hub.pem "
			       "https://127.0.0.1:%u/x -w '%%{http_code}'",
			       f->dir, f->dir, server_port(f->server)),
			    "000");
}

static void on_enough(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(loop, EVBREAK_ONE);
}

/* Who sends a part of a handshake costs nothing until more comes, and is in nobody's way. */
static void test_tls_half_a_hello(void **state)
{
	static const char hello[] = {0x16, 3, 1, 2, 0};
	struct fixture *f = *state;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned turns;
	ev_timer enough;

	start_tls(f);
	make_upload(f, 3000000);
	to.sin_port = htons((uint16_t)server_port(f->server));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, hello, sizeof(hello), 0), sizeof(hello));
	ev_timer_init(&enough, on_enough, 0.5, 0.0);
	ev_timer_start(f->loop, &enough);
	turns = ev_iteration(f->loop);
	ev_run(f->loop, 0);
	assert_in_range(ev_iteration(f->loop) - turns, 1, 40);
	assert_string_equal(sh(f,
			       "curl -sk --cert %s/hub.pem --key %s/hub.pem -T %s/up "
			       "https://127.0.0.1:%u/up",
			       f->dir, f->dir, f->dir, server_port(f->server)),
			    "{\"got\":3000000}");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unix_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_before_body, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peer_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_pins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_recheck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_half_a_hello, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
