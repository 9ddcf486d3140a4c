/*
 * test_spoke.c: a spoke in this process, spoken to over TLS by the curl command: inventory of what
 * lies there, offers and their refusals, a bundle in pieces, publication, drift, deletion, quota,
 * and publications that a crash interrupted.
 */
#include "scheduler/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "scheduler/log.h"
#include "scheduler/spoke_local.h"
#include "scheduler/spoke_publish.h"
#include "scheduler/spoke_state.h"
#include "transfer/frame.h"
#include "transfer/index.h"
#include "transfer/key.h"
#include "transfer/worker.h"

struct fixture {
	struct daemon d;
	struct node_key *hub_key;
	char dir[64];
	unsigned port;
	char quota[80];
};

static void write_config(struct fixture *f)
{
	char path[128], pin[PIN_TEXT + 1];
	struct pin p;
	FILE *o;

	memcpy(p.sha256, f->hub_key->pin, 32);
	snprintf(path, sizeof(path), "%s/s.ini", f->dir);
	o = fopen(path, "w");
	assert_non_null(o);
	fprintf(o,
		"[daemon]\nrole = spoke\nstate_dir = %s/state\ncontrol = %s/c.sock\n"
		"job_log = %s/jobs\nkey = %s/spoke.pem\nlisten = 127.0.0.1:4480\nhub_key = %s\n"
		"[group g]\npath = %s/g\nprotect_local = \\.lok$\n%s\n",
		f->dir, f->dir, f->dir, f->dir, pin_print(&p, pin), f->dir, f->quota);
	fclose(o);
}

/* A free port: the configuration does not know 0. */
static void start(struct fixture *f)
{
	struct config_errors errors = {NULL, 0};
	const char *listen;
	char path[128];
	struct err e = {""};
	json_t *j;

	snprintf(path, sizeof(path), "%s/s.ini", f->dir);
	if (config_load(path, &f->d.config, &errors) < 0)
		fail_msg("%s", errors.n ? errors.text[0] : "?");
	f->d.pool = pool_new(f->d.loop, 2);
	listen = f->d.config->listen;
	f->d.config->listen = "127.0.0.1:0";
	assert_int_equal(spoke_start(&f->d, &e), 0);
	f->d.config->listen = listen;
	j = spoke_status_json(f->d.spoke);
	f->port = (unsigned)json_integer_value(json_object_get(j, "port"));
	json_decref(j);
}

static void on_stopped(struct daemon *d)
{
	ev_break(d->loop, EVBREAK_ALL);
}

static void stop(struct fixture *f)
{
	spoke_stop(&f->d, on_stopped);
	if (f->d.spoke)
		ev_run(f->d.loop, EVRUN_NOWAIT);
	while (((struct spoke *)f->d.spoke)->works)
		ev_run(f->d.loop, EVRUN_ONCE);
	f->d.spoke = spoke_free(f->d.spoke);
	f->d.pool = pool_free(f->d.pool);
	f->d.config = config_unref(f->d.config);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char path[128];
	struct err e = {""};

	log_init(LOG_LEVEL_ERROR);
	strcpy(f->dir, "/tmp/test_spoke.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->d.loop = ev_default_loop(0);
	snprintf(path, sizeof(path), "%s/g", f->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/hub.pem", f->dir);
	assert_int_equal(key_load(path, true, &f->hub_key, &e), 0);
	snprintf(path, sizeof(path), "%s/spoke.pem", f->dir);
	assert_int_equal(key_load(path, true, &f->d.key, &e), 0);
	write_config(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	if (f->d.spoke)
		stop(f);
	key_free(f->hub_key);
	key_free(f->d.key);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

struct shell {
	struct ev_loop *loop;
	ev_async done;
	char cmd[2048];
	char out[65536];
};

static void *shell_main(void *arg)
{
	struct shell *s = arg;
	FILE *p = popen(s->cmd, "r");
	size_t n = fread(s->out, 1, sizeof(s->out) - 1, p);

	s->out[n] = '\0';
	pclose(p);
	ev_async_send(s->loop, &s->done);
	return NULL;
}

static void shell_done(struct ev_loop *loop, ev_async *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(loop, EVBREAK_ONE);
}

/* curl as the hub: the answer's status (then its JSON, the caller's). */
static long curl(struct fixture *f, json_t **ret, const char *args, const char *path)
{
	static struct shell s;
	pthread_t t;
	char *status;

	memset(&s, 0, sizeof(s));
	s.loop = f->d.loop;
	snprintf(s.cmd, sizeof(s.cmd),
		 "curl -sk --cert %s/hub.pem --key %s/hub.pem %s 'https://127.0.0.1:%u%s' "
		 "-w '\n%%{http_code}'",
		 f->dir, f->dir, args, f->port, path);
	ev_async_init(&s.done, shell_done);
	ev_async_start(s.loop, &s.done);
	assert_int_equal(pthread_create(&t, NULL, shell_main, &s), 0);
	ev_run(s.loop, 0);
	pthread_join(t, NULL);
	ev_async_stop(s.loop, &s.done);
	status = strrchr(s.out, '\n');
	assert_non_null(status);
	*status = '\0';
	if (ret)
		*ret = json_loads(s.out, 0, NULL);
	return strtol(status + 1, NULL, 10);
}

static void settle(struct fixture *f)
{
	struct spoke *s = f->d.spoke;

	while (s->works)
		ev_run(f->d.loop, EVRUN_ONCE);
}

static void put_text(struct fixture *f, const char *name, const char *text)
{
	char path[256];
	FILE *o;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	o = fopen(path, "w");
	assert_non_null(o);
	fputs(text, o);
	fclose(o);
}

static char *get_text(struct fixture *f, const char *name)
{
	static char buf[4096];
	char path[256];
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	in = fopen(path, "r");
	if (!in)
		return NULL;
	n = fread(buf, 1, sizeof(buf) - 1, in);
	buf[n] = '\0';
	fclose(in);
	return buf;
}

static unsigned count_preserved(struct fixture *f)
{
	char path[128];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/g/.spokesync/preserved", f->dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A bundle of one literal frame for a text of less than a block; returns root and E in hex. */
static void make_bundle(struct fixture *f, const char *text, char root[65], char id[65],
			size_t *ret_len)
{
	size_t len = strlen(text), n, m;
	struct hash leaf, node, h;
	struct bundle_header bh = {.size = len, .effort = 3, .n_frames = 1};
	struct op op = {OP_LIT, 0, 0, 1};
	struct frame fr = {
		.head = {.n_nodes = 1, .n_ops = 1, .n_hashes = 1, .literals_len = (uint32_t)len},
		.ops = &op,
		.hashes = &node,
		.literals = (const uint8_t *)text};
	struct frame_encoder *x = frame_encoder_new();
	uint8_t *a, *b;
	char path[128];
	FILE *o;

	digest_block(text, len, &leaf);
	digest_node(&leaf, 1, &node);
	digest_root(len, &node, &leaf, &bh.root);
	assert_int_equal(bundle_header_encode(&bh, &a, &n, &h), 0);
	assert_int_equal(frame_encode(x, &fr, NULL, 3, &b, &m), 0);
	snprintf(path, sizeof(path), "%s/bundle", f->dir);
	o = fopen(path, "w");
	assert_int_equal(fwrite(a, 1, n, o), n);
	assert_int_equal(fwrite(b, 1, m, o), m);
	fclose(o);
	hash_hex(&bh.root, root);
	hash_hex(&h, id);
	*ret_len = n + m;
	frame_encoder_free(x);
	free(a);
}

static long offer(struct fixture *f, json_t **ret, const char *path, const char *root, size_t size)
{
	struct wire_offer o = {.size = size, .nonzero_bytes = size, .mode = 0640};
	char args[200], *json;

	snprintf(o.path, sizeof(o.path), "%s", path);
	assert_int_equal(hash_parse(root, &o.root), 0);
	o.mtime.sec = 1000000000;
	o.literal_bytes = size;
	json = wire_offer_encode(&o);
	put_text(f, "body", json);
	free(json);
	snprintf(args, sizeof(args), "-d @%s/body", f->dir);
	return curl(f, ret, args, "/v1/groups/g/offers");
}

static void publish(struct fixture *f, enum wire_op_kind kind, const char *path, const char *root,
		    const char *was, struct wire_op_result *ret)
{
	struct wire_op op = {.kind = kind, .mode = 0640, .mtime = {1000000000, 5}};
	struct wire_publish p = {.ops = &op, .n_ops = 1};
	struct wire_published answer;
	char args[200], *json;
	struct err e = {""};
	json_t *j;

	snprintf(op.path, sizeof(op.path), "%s", path);
	if (root)
		assert_int_equal(hash_parse(root, &op.root), 0);
	op.was_absent = !was;
	op.was_known = was != NULL;
	if (was)
		assert_int_equal(hash_parse(was, &op.was), 0);
	json = wire_publish_encode(&p);
	put_text(f, "body", json);
	free(json);
	snprintf(args, sizeof(args), "-d @%s/body", f->dir);
	assert_int_equal(curl(f, &j, args, "/v1/groups/g/publish"), 200);
	json = json_dumps(j, 0);
	assert_int_equal(wire_published_decode(json, strlen(json), &answer, &e), 0);
	assert_int_equal(answer.n_results, 1);
	*ret = answer.results[0];
	wire_published_done(&answer);
	free(json);
	json_decref(j);
}

static bool flag(const json_t *j, const char *name)
{
	return json_is_true(json_object_get(j, name));
}

/* Sends a text by offer, PUT in two pieces, and leaves it staged. */
static void send_text(struct fixture *f, const char *path, const char *text, char root[65])
{
	char id[65], url[400], args[300];
	size_t len;
	json_t *j;

	make_bundle(f, text, root, id, &len);
	assert_int_equal(offer(f, &j, path, root, strlen(text)), 200);
	json_decref(j);
	snprintf(args, sizeof(args), "-X PUT --data-binary @%s/bundle", f->dir);
	snprintf(url, sizeof(url), "/v1/transfers/g/%s?bundle=%s&offset=7", root, id);
	assert_int_equal(curl(f, &j, args, url), 409);
	json_decref(j);
	snprintf(args, sizeof(args), "-X PUT --data-binary @%s/part", f->dir);
	snprintf(url, sizeof(url),
		 "head -c 60 %s/bundle > %s/part; tail -c +61 %s/bundle > %s/rest", f->dir, f->dir,
		 f->dir, f->dir);
	assert_int_equal(system(url), 0);
	snprintf(url, sizeof(url), "/v1/transfers/g/%s?bundle=%s&offset=0", root, id);
	assert_int_equal(curl(f, &j, args, url), 200);
	assert_int_equal(json_integer_value(json_object_get(j, "offset")), 60);
	assert_false(flag(j, "staged"));
	json_decref(j);
	snprintf(args, sizeof(args), "-X PUT --data-binary @%s/rest", f->dir);
	snprintf(url, sizeof(url), "/v1/transfers/g/%s?bundle=%s&offset=60", root, id);
	assert_int_equal(curl(f, &j, args, url), 200);
	assert_true(flag(j, "staged"));
	json_decref(j);
}

static void test_inventory(void **state)
{
	struct fixture *f = *state;
	json_t *j;

	put_text(f, "g/seed", "preseeded");
	put_text(f, "g/x.lok", "the spoke's own");
	start(f);
	settle(f);
	assert_int_equal(curl(f, &j, "", "/v1/hello"), 200);
	json_decref(j);
	assert_int_equal(curl(f, NULL, "", "/v1/hello?version=1"), 200);
	assert_int_equal(curl(f, NULL, "", "/v1/hello?version=3"), 200);
	assert_int_equal(curl(f, NULL, "", "/v1/hello?version=x"), 400);
	assert_int_equal(curl(f, &j, "", "/v1/hello?version=4"), 400);
	assert_non_null(strstr(json_string_value(json_object_get(j, "detail")),
			       "speaks version 4 of the protocol; we speak 1 to 3"));
	json_decref(j);
	assert_int_equal(curl(f, &j, "", "/v1/groups/g/inventory?since=0"), 200);
	assert_int_equal(json_array_size(json_object_get(j, "entries")), 1);
	json_decref(j);
	assert_int_equal(curl(f, NULL, "", "/v1/groups/other/inventory"), 404);
	assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since=x"), 400);
	/* No sign, no space, and nothing that would wrap round. */
	assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since=-1"), 400);
	assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since=%%2B1"), 400);
	assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since="), 400);
	assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since=9223372036854775808"),
			 400);
	assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since=18446744073709551617"),
			 400);
	assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since=9223372036854775807"),
			 200);
	assert_int_equal(curl(f, NULL, "", "/"), 404);
}

static void test_hostile_paths(void **state)
{
	static const char *const bad[] = {"../x", "/x",	   "a/../../x",	    ".spokesync/x",
					  "a//b", "x.lok", "a/.spokesync/b"};
	struct fixture *f = *state;
	char root[65];
	size_t i;

	memset(root, 'a', 64);
	root[64] = '\0';
	start(f);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		long status = offer(f, NULL, bad[i], root, 5);

		assert_true(status == 400 || status == 403);
	}
	assert_int_equal(curl(f, NULL, "", "/v1/transfers/g/zz"), 404);
	assert_int_equal(curl(f, NULL, "-d '{'", "/v1/groups/g/offers"), 400);
}

/* How much it tells of preserved/, and whether that is what its greeting says. */
static unsigned preserved_told(struct fixture *f)
{
	struct wire_hello h;
	struct wire_inventory i;
	struct hash tag;
	struct err e;
	char *text;
	json_t *j;
	unsigned n;

	assert_int_equal(curl(f, &j, "", "/v1/hello?version=3"), 200);
	text = json_dumps(j, 0);
	assert_int_equal(wire_hello_decode(text, strlen(text), &h, &e), 0);
	free(text);
	json_decref(j);
	assert_int_equal(curl(f, &j, "", "/v1/groups/g/inventory?since=9"), 200);
	text = json_dumps(j, 0);
	assert_int_equal(wire_inventory_decode(text, strlen(text), &i, &e), 0);
	free(text);
	json_decref(j);
	wire_preserved_tag(i.preserved, i.n_preserved, &tag);
	n = i.n_preserved;
	assert_int_equal(h.groups[0].has_preserved, n > 0);
	if (n)
		assert_true(hash_equal(&h.groups[0].preserved_tag, &tag));
	wire_inventory_done(&i);
	wire_hello_done(&h);
	return n;
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	json_t *j;

	start(f);
	send_text(f, "dir/file", "version one", one);
	publish(f, WIRE_PUT, "dir/file", one, NULL, &res);
	assert_true(res.done && !res.drift && !res.preserved);
	assert_string_equal(get_text(f, "g/dir/file"), "version one");
	assert_int_equal(preserved_told(f), 0);
	publish(f, WIRE_PUT, "dir/file", one, NULL, &res); /* once more: the same */
	assert_true(res.done && !res.drift);
	assert_int_equal(offer(f, &j, "other", one, 11), 200);
	assert_true(flag(j, "have_it"));
	json_decref(j);
	publish(f, WIRE_PUT, "other", one, NULL, &res); /* held: a copy */
	assert_true(res.done);
	assert_string_equal(get_text(f, "g/other"), "version one");
	send_text(f, "dir/file", "version two", two);
	publish(f, WIRE_PUT, "dir/file", two, one, &res);
	assert_true(res.done && !res.drift && res.preserved);
	assert_int_equal(preserved_told(f), 1);
	assert_string_equal(get_text(f, "g/dir/file"), "version two");
	assert_int_equal(count_preserved(f), 1);
	put_text(f, "g/other", "somebody wrote here");
	publish(f, WIRE_DELETE, "other", NULL, one, &res);
	assert_true(res.done && res.drift);
	assert_null(get_text(f, "g/other"));
	assert_int_equal(count_preserved(f), 2);
	/* One of them alone, or both: what somebody wrote there is told once it is hashed. */
	assert_in_range(preserved_told(f), 1, 2);
	publish(f, WIRE_PUT, "nothing",
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", NULL, &res);
	assert_false(res.done);
	assert_int_equal(res.refused, REFUSED_NO_BASE);
	/* What lies there is known after a restart, and needs no look at its bytes. */
	stop(f);
	start(f);
	settle(f);
	assert_int_equal(offer(f, &j, "again", two, 11), 200);
	assert_true(flag(j, "have_it"));
	json_decref(j);
}

/* Transfers that nobody goes on with do not keep others out, and are not lost. */
static void test_many_transfers(void **state)
{
	struct fixture *f = *state;
	char root[65], path[100];
	unsigned i;

	start(f);
	for (i = 0; i < SPOKE_TRANSFERS_MAX + 2; i++) {
		snprintf(root, sizeof(root), "%064x", i);
		assert_int_equal(offer(f, NULL, "file", root, 4096), 200);
	}
	for (i = 0; i < SPOKE_TRANSFERS_MAX + 2; i++) {
		snprintf(path, sizeof(path), "/v1/transfers/g/%064x", i);
		assert_int_equal(curl(f, NULL, "", path), 200);
	}
}

static void test_quota(void **state)
{
	struct fixture *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	json_t *j;

	strcpy(f->quota, "preserve_quota = 4KiB\nstaging_quota = 64MiB");
	write_config(f);
	start(f);
	send_text(f, "file", "version one", one);
	publish(f, WIRE_PUT, "file", one, NULL, &res);
	send_text(f, "file", "version two", two);
	publish(f, WIRE_PUT, "file", two, one, &res);
	assert_true(res.done);
	assert_int_equal(count_preserved(f), 1);
	publish(f, WIRE_DELETE, "file", NULL, two, &res);
	assert_true(res.done);
	assert_int_equal(count_preserved(f), 1); /* the oldest gave way */
	assert_int_equal(offer(f, &j, "big", one, 100 << 20), 507);
	assert_string_equal(json_string_value(json_object_get(j, "error")), "over_quota");
	json_decref(j);
}

/*
 * Members of a set wait for each other staged: what they hold is their bytes, no longer their
 * spools. Catches: spoke_space_staged() left out (the second is refused: "over_quota", for good).
 */
static void test_quota_staged(void **state)
{
	static const char *const names[] = {"win.vhdx", "win.1.vhdx", "win.pvp", "win.xml"};
	struct fixture *f = *state;
	struct wire_op_result res;
	char root[4][65];
	size_t i;

	strcpy(f->quota, "staging_quota = 40MiB");
	write_config(f);
	start(f);
	for (i = 0; i < 4; i++)
		send_text(f, names[i], names[i], root[i]);
	for (i = 0; i < 4; i++) {
		publish(f, WIRE_PUT, names[i], root[i], NULL, &res);
		assert_true(res.done);
	}
}

/* Of the hello: the transfers that the hub is asked about, by their first digit. */
static void idle_is(struct fixture *f, const char *digits)
{
	const char *root;
	char got[17] = "";
	json_t *j, *list;
	size_t i;

	assert_int_equal(curl(f, &j, "", "/v1/hello?version=2"), 200);
	list = json_object_get(json_array_get(json_object_get(j, "groups"), 0), "idle");
	for (i = 0; i < json_array_size(list); i++) {
		root = json_string_value(json_array_get(list, i));
		got[i] = root[strlen(root) - 1];
	}
	assert_string_equal(got, digits);
	json_decref(j);
}

/*
 * What a spoke finds in staging when it starts counts for the quota; beyond the high mark the
 * oldest are named to the hub until the low one would be met, and all while there is no room.
 * Catches: what rests counted as nothing (as it was), or still when it is gone; the marks mixed up.
 */
static void test_resting(void **state)
{
	struct fixture *f = *state;
	char root[65], path[200], cmd[300];
	struct spoke_group *g;
	unsigned i;

	strcpy(f->quota, "staging_quota = 80MiB\nstaging_high = 50\nstaging_low = 25");
	write_config(f);
	start(f);
	for (i = 1; i <= 3; i++) {
		snprintf(root, sizeof(root), "%064x", i);
		assert_int_equal(offer(f, NULL, "file", root, 4096), i < 3 ? 200 : 507);
	}
	stop(f);
	for (i = 1; i <= 2; i++) {
		snprintf(cmd, sizeof(cmd),
			 "cd %s/g/.spokesync/staging/%064x && fallocate -l 30M image && "
			 "touch -d '-%u hours' journal",
			 f->dir, i, 4 - i);
		assert_int_equal(system(cmd), 0);
	}
	start(f);
	settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_true(spoke_space_used(g) >= 60 * MIB && spoke_space_used(g) < 61 * MIB);
	assert_int_equal(spoke_space_promised(g), 0);
	idle_is(f, "12"); /* 30 MiB would be left, and 20 may be */
	snprintf(path, sizeof(path), "/v1/transfers/g/%064x", 1u);
	assert_int_equal(curl(f, NULL, "-X DELETE", path), 200);
	assert_true(spoke_space_used(g) >= 30 * MIB && spoke_space_used(g) < 31 * MIB);
	idle_is(f, ""); /* below the high mark */
	snprintf(root, sizeof(root), "%064x", 3u);
	assert_int_equal(offer(f, NULL, "file", root, 40 * MIB), 507);
	idle_is(f, "2");
	snprintf(cmd, sizeof(cmd), "rm -r %s/g/.spokesync/staging/%064x", f->dir, 2u);
	assert_int_equal(system(cmd), 0);
	idle_is(f, "");
	assert_int_equal(spoke_space_used(g), 0);
	assert_int_equal(offer(f, NULL, "file", root, 40 * MIB), 200);
}

/*
 * Catches: a replacement, deletion or renaming away of what is in use; new names that wait;
 * attributes that wait; an intent or something in preserved/ that a refusal left behind.
 */
static void test_in_use(void **state)
{
	struct fixture *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	struct spoke_group *g;

	start(f);
	g = spoke_group_get(f->d.spoke, "g");
	send_text(f, "d/file.vhdx", "version one", one);
	put_text(f, "g/file.lok", "another directory's");
	mkdirat(g->store->root_fd, "d", 0755);
	put_text(f, "g/d/file.lok", "");
	publish(f, WIRE_PUT, "d/file.vhdx", one, NULL, &res); /* a new name */
	assert_true(res.done);
	send_text(f, "d/file.vhdx", "version two", two);
	publish(f, WIRE_PUT, "d/file.vhdx", two, one, &res);
	assert_int_equal(res.refused, REFUSED_IN_USE);
	assert_non_null(strstr(res.text, "file.lok"));
	publish(f, WIRE_DELETE, "d/file.vhdx", NULL, one, &res);
	assert_int_equal(res.refused, REFUSED_IN_USE);
	publish(f, WIRE_META, "d/file.vhdx", one, one, &res);
	assert_true(res.done);
	publish(f, WIRE_PUT, "d/file.vhdx", one, one, &res); /* a repetition */
	assert_true(res.done);
	assert_string_equal(get_text(f, "g/d/file.vhdx"), "version one");
	assert_int_equal(count_preserved(f), 0);
	/* The directory of the test is not the other name's: its lock file counts there. */
	publish(f, WIRE_PUT, "file.vhdx", one, NULL, &res);
	assert_true(res.done);
	assert_string_equal(get_text(f, "g/d/file.lok"), "");
	stop(f); /* what was refused left no intent that a restart would go on with */
	start(f);
	settle(f);
	assert_string_equal(get_text(f, "g/d/file.vhdx"), "version one");
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(unlinkat(g->store->root_fd, "d/file.lok", 0), 0);
	publish(f, WIRE_PUT, "d/file.vhdx", two, one, &res);
	assert_true(res.done && !res.drift);
	assert_string_equal(get_text(f, "g/d/file.vhdx"), "version two");
}

/* A worker that decodes a frame is held there until it is let go; not longer than a minute, so that
 * a loop that waits for it fails and does not hang. */
static struct {
	atomic_bool on, on_loop;
	pthread_t loop;
	sem_t begun, go_on;
} held;

int __real_frame_decode(struct frame_decoder *d, const struct frame_head *head, const uint8_t *body,
			uint64_t file_size, uint32_t n_bases, struct frame *ret, struct err *e);
int __wrap_frame_decode(struct frame_decoder *d, const struct frame_head *head, const uint8_t *body,
			uint64_t file_size, uint32_t n_bases, struct frame *ret, struct err *e);

int __wrap_frame_decode(struct frame_decoder *d, const struct frame_head *head, const uint8_t *body,
			uint64_t file_size, uint32_t n_bases, struct frame *ret, struct err *e)
{
	struct timespec end;

	if (held.on && pthread_equal(pthread_self(), held.loop)) {
		held.on_loop = true;
		sem_post(&held.begun);
	} else if (held.on) {
		sem_post(&held.begun);
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += 60;
		(void)sem_timedwait(&held.go_on, &end);
	}
	return __real_frame_decode(d, head, body, file_size, n_bases, ret, e);
}

struct background {
	char cmd[1024], out[1024];
	atomic_bool over;
};

static void *background_main(void *arg)
{
	struct background *b = arg;
	FILE *p = popen(b->cmd, "r");

	b->out[fread(b->out, 1, sizeof(b->out) - 1, p)] = '\0';
	pclose(p);
	b->over = true;
	return NULL;
}

/*
 * While a worker decodes a frame the loop answers others, also who offers a file and asks what lies
 * here. Catches: a PUT that applies what came on the loop.
 */
static void test_loop_while_decoding(void **state)
{
	struct fixture *f = *state;
	char root[65], id[65], other[65];
	struct background put = {.cmd = ""};
	pthread_t t;
	size_t len;
	json_t *j;

	sem_init(&held.begun, 0, 0);
	sem_init(&held.go_on, 0, 0);
	held.loop = pthread_self();
	start(f);
	make_bundle(f, "what takes long", root, id, &len);
	assert_int_equal(offer(f, NULL, "file", root, strlen("what takes long")), 200);
	snprintf(put.cmd, sizeof(put.cmd),
		 "curl -sk --cert %s/hub.pem --key %s/hub.pem -X PUT --data-binary @%s/bundle "
		 "'https://127.0.0.1:%u/v1/transfers/g/%s?bundle=%s&offset=0'",
		 f->dir, f->dir, f->dir, f->port, root, id);
	held.on = true;
	assert_int_equal(pthread_create(&t, NULL, background_main, &put), 0);
	while (sem_trywait(&held.begun) < 0) {
		ev_run(f->d.loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(curl(f, NULL, "", "/v1/hello?version=3"), 200);
		assert_int_equal(curl(f, NULL, "", "/v1/groups/g/inventory?since=0"), 200);
		snprintf(other, sizeof(other), "%064x", i);
		assert_int_equal(offer(f, NULL, "other", other, 4096), 200);
	}
	assert_false(put.over);
	assert_false(held.on_loop);
	held.on = false;
	sem_post(&held.go_on);
	while (!put.over) {
		ev_run(f->d.loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	pthread_join(t, NULL);
	j = json_loads(put.out, 0, NULL);
	assert_true(flag(j, "staged"));
	json_decref(j);
}

static int lock_dir = -1; /* where a lock file is to appear as soon as something is ready */

int __real_publish_prepare(const struct store *s, const char *staged, const char *path,
			   const struct publish_attr *attr, struct identity *ret, struct err *e);
int __wrap_publish_prepare(const struct store *s, const char *staged, const char *path,
			   const struct publish_attr *attr, struct identity *ret, struct err *e);

int __wrap_publish_prepare(const struct store *s, const char *staged, const char *path,
			   const struct publish_attr *attr, struct identity *ret, struct err *e)
{
	int r = __real_publish_prepare(s, staged, path, attr, ret, e);

	if (lock_dir >= 0)
		close(openat(lock_dir, "file.lok", O_CREAT | O_WRONLY, 0644));
	return r;
}

static void unlock(struct ev_loop *loop, ev_timer *t, int revents)
{
	const struct fixture *f = t->data;

	(void)loop;
	(void)revents;
	assert_int_equal(unlinkat(spoke_group_get(f->d.spoke, "g")->store->root_fd, "file.lok", 0),
			 0);
}

static uint64_t changes(struct fixture *f, uint64_t since, unsigned wait_s)
{
	char *path = wire_changes_path(since, wait_s);
	uint64_t seq;
	json_t *j;

	assert_int_equal(curl(f, &j, "", path), 200);
	seq = (uint64_t)json_integer_value(json_object_get(j, "seq"));
	json_decref(j);
	free(path);
	return seq;
}

/*
 * Room for what lies there in part already. Catches: a wait for all that it takes beside what it
 * holds itself, which never comes: its own bytes counted as another's.
 */
static void test_room_for_a_part(void **state)
{
	struct fixture *f = *state;
	char text[3000], root[65], path[200], cmd[300];
	uint64_t seq;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	strcpy(f->quota, "staging_quota = 32775KiB"); /* it, and less than half of it more */
	write_config(f);
	start(f);
	send_text(f, "file", text, root);
	stop(f);
	snprintf(cmd, sizeof(cmd),
		 "cd %s/g/.spokesync/staging && mkdir %064x && fallocate -l 1M %064x/image", f->dir,
		 2u, 2u);
	assert_int_equal(system(cmd), 0);
	start(f);
	settle(f);
	seq = changes(f, 0, 0);
	assert_int_equal(offer(f, NULL, "file", root, strlen(text)), 507);
	assert_int_equal(changes(f, seq, 0), seq);
	snprintf(path, sizeof(path), "/v1/transfers/g/%064x", 2u);
	assert_int_equal(curl(f, NULL, "-X DELETE", path), 200);
	assert_int_equal(changes(f, seq, 5), seq + 1);
	assert_int_equal(offer(f, NULL, "file", root, strlen(text)), 200);
}

/*
 * A lock file that comes after the image was made ready, and goes while the hub waits. Catches: no
 * second look; one whose refusal leaves an intent, or what was staged unusable; a hub that is told
 * at once, by a look every ten seconds, or only when its time is over.
 */
static void test_in_use_late(void **state)
{
	struct fixture *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	uint64_t seq;
	ev_timer t;

	start(f);
	settle(f);
	send_text(f, "file.vhdx", "version one", one);
	publish(f, WIRE_PUT, "file.vhdx", one, NULL, &res);
	send_text(f, "file.vhdx", "version two", two);
	seq = changes(f, 0, 0);
	lock_dir = spoke_group_get(f->d.spoke, "g")->store->root_fd;
	publish(f, WIRE_PUT, "file.vhdx", two, one, &res);
	lock_dir = -1;
	assert_int_equal(res.refused, REFUSED_IN_USE);
	assert_string_equal(get_text(f, "g/file.vhdx"), "version one");
	assert_int_equal(count_preserved(f), 0);
	assert_int_equal(changes(f, seq, 0), seq);
	ev_timer_init(&t, unlock, 0.2, 0.0);
	t.data = f;
	ev_timer_start(f->d.loop, &t);
	/* Where the kernel has no watch left for it, by the look every ten seconds. */
	assert_int_not_equal(changes(f, seq, spoke_group_get(f->d.spoke, "g")->watch ? 5 : 30),
			     seq);
	assert_int_equal(changes(f, seq, 5), seq + 1); /* told to whoever missed it */
	publish(f, WIRE_PUT, "file.vhdx", two, one, &res);
	assert_true(res.done && !res.drift);
	assert_string_equal(get_text(f, "g/file.vhdx"), "version two");
	assert_int_equal(curl(f, NULL, "", "/v1/changes?since=x"), 400);
}

/* The pattern is the spoke's to say; lock files by it are its own without protect_local. */
static void test_lock_names(void **state)
{
	struct fixture *f = *state;
	struct wire_op_result res;
	char one[65], two[65];

	strcpy(f->quota, "lock = .{name}.busy");
	write_config(f);
	start(f);
	send_text(f, "file", "version one", one);
	publish(f, WIRE_PUT, "file", one, NULL, &res);
	put_text(f, "g/file.lok", "");
	send_text(f, "file", "version two", two);
	publish(f, WIRE_PUT, "file", two, one, &res);
	assert_true(res.done);
	put_text(f, "g/.file.busy", "held");
	publish(f, WIRE_DELETE, "file", NULL, two, &res);
	assert_int_equal(res.refused, REFUSED_IN_USE);
	publish(f, WIRE_PUT, ".file.busy", two, NULL, &res);
	assert_int_equal(res.refused, REFUSED_BAD_PATH);
	publish(f, WIRE_DELETE, ".file.busy", NULL, NULL, &res);
	assert_int_equal(res.refused, REFUSED_BAD_PATH);
	assert_string_equal(get_text(f, "g/.file.busy"), "held");
}

static mode_t mode_of(const struct fixture *f, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

/*
 * Published files without write bits: they can be replaced, also after a publication that got as
 * far as the mode and no further, and where the daemon is not root (then the mode counts).
 */
static void test_protect(void **state)
{
	struct publish_attr attr = {{1000000000, 0}, 0440, (uid_t)-1, (gid_t)-1};
	struct fixture *f = *state;
	struct wire_op_result res;
	struct identity now;
	char one[65], two[65], name[80];
	struct err e = {""};
	struct spoke_group *g;

	strcpy(f->quota, "protect = mode\nmode = 0664");
	write_config(f);
	start(f);
	send_text(f, "dir/file", "version one", one);
	publish(f, WIRE_PUT, "dir/file", one, NULL, &res);
	assert_true(res.done);
	assert_int_equal(mode_of(f, "g/dir/file"), 0444);
	assert_int_equal(mode_of(f, "g/dir") & 0700, 0700); /* lock files can be made there */
	send_text(f, "dir/file", "version two", two);
	g = spoke_group_get(f->d.spoke, "g");
	snprintf(name, sizeof(name), "%s/image", two);
	assert_int_equal(publish_prepare(g->store, name, "dir/file", &attr, &now, &e), 0);
	stop(f);
	start(f);
	settle(f);
	publish(f, WIRE_PUT, "dir/file", two, one, &res);
	assert_true(res.done && !res.drift);
	assert_string_equal(get_text(f, "g/dir/file"), "version two");
	assert_int_equal(mode_of(f, "g/dir/file"), 0444);
	publish(f, WIRE_META, "dir/file", two, two, &res);
	assert_true(res.done);
	assert_int_equal(mode_of(f, "g/dir/file"), 0444);
	publish(f, WIRE_DELETE, "dir/file", NULL, two, &res);
	assert_true(res.done);
}

/* The crash came after the intent and before the rename, and once more after the rename. */
static void roll_forward(struct fixture *f, bool renamed)
{
	struct spoke_intent i = {.mode = 0640};
	struct publish_attr attr = {{1000000000, 0}, 0640, (uid_t)-1, (gid_t)-1};
	struct spoke_group *g;
	struct identity now, old;
	struct err e = {""};
	char one[65];
	int64_t id;
	json_t *j;

	put_text(f, "g/file", "what was there");
	start(f);
	settle(f);
	send_text(f, "file", "version one", one);
	g = spoke_group_get(f->d.spoke, "g");
	strcpy(i.path, "file");
	snprintf(i.source, sizeof(i.source), "%s/image", one);
	strcpy(i.keep, "kept");
	assert_int_equal(hash_parse(one, &i.root), 0);
	assert_int_equal(publish_prepare(g->store, i.source, "file", &attr, &i.identity, &e), 0);
	assert_int_equal(spoke_db_intent(g->db, &i, &id), 0);
	if (renamed)
		assert_int_equal(publish_commit(g->store, i.source, "file", "kept", &now, &old, &e),
				 0);
	stop(f);
	start(f);
	assert_string_equal(get_text(f, "g/file"), "version one");
	assert_int_equal(count_preserved(f), 1);
	settle(f);
	assert_int_equal(offer(f, &j, "again", one, 11), 200);
	assert_true(flag(j, "have_it")); /* hashed again by now, so it is proof */
	json_decref(j);
}

static void test_roll_forward(void **state)
{
	roll_forward(*state, false);
}

static void test_roll_forward_renamed(void **state)
{
	roll_forward(*state, true);
}

/*
 * As after a crash while a publication was recorded, until what lies there has been hashed: the hub
 * offers and publishes once more, and is to come back. Told that it is not here, it sent all of it
 * again, and what was right was put aside as drift.
 */
static void test_being_read(void **state)
{
	struct fixture *f = *state;
	struct wire_op op = {.path = "file"};
	struct publishing other = {.ops = {.ops = &op, .n_ops = 1}};
	struct wire_op_result res;
	struct spoke_group *g;
	char one[65], reading[] = "file";
	struct hash root;
	json_t *j;

	start(f);
	send_text(f, "file", "version one", one);
	publish(f, WIRE_PUT, "file", one, NULL, &res);
	assert_true(res.done);
	settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(hash_parse(one, &root), 0);
	assert_int_equal(spoke_db_unsure(g->db, &root), 0);
	g->indexing = true;
	g->indexing_path = reading;
	assert_int_equal(offer(f, &j, "file", one, 11), 503);
	json_decref(j);
	publish(f, WIRE_PUT, "file", one, NULL, &res);
	assert_false(res.done);
	assert_int_equal(res.refused, REFUSED_BUSY);
	g->indexing = false;
	g->indexing_path = NULL;
	/* A publication that may fail is under way when it has been hashed: it is looked at again.
	 */
	other.g = g;
	spoke_index_later(g, "file");
	TAILQ_INSERT_TAIL(&g->publishing, &other, entry);
	settle(f);
	assert_true(spoke_hashing(g, "file"));
	TAILQ_REMOVE(&g->publishing, &other, entry);
	spoke_index_go(g);
	settle(f);
	assert_false(spoke_hashing(g, "file"));
	publish(f, WIRE_PUT, "file", one, one, &res);
	assert_true(res.done && !res.drift);
	assert_int_equal(offer(f, &j, "again", one, 11), 200);
	assert_true(flag(j, "have_it"));
	json_decref(j);
	assert_int_equal(count_preserved(f), 0);
}

static int count_listed(void *arg, const struct spoke_preserved *p)
{
	struct spoke_file *last = arg;

	snprintf(last->path, sizeof(last->path), "%s", p->name);
	last->seq++;
	return 0;
}

/* How many are listed; last: the name of one of them. */
static unsigned listed(struct fixture *f, char last[256])
{
	struct spoke_file got = {.seq = 0};

	assert_int_equal(
		spoke_db_preserved_each(spoke_group_get(f->d.spoke, "g")->db, count_listed, &got),
		0);
	snprintf(last, 256, "%.255s", got.path);
	return (unsigned)got.seq;
}

enum aside { BEGUN, LINKED, MOVED };

/*
 * A deletion, or a renaming over a file, that was killed: before it began, with the file there
 * under both names, or with the file in preserved/ alone. Seen to catch: no intent for these, and
 * no sweep, left a file in preserved/ that nobody listed.
 */
static void killed_aside(struct fixture *f, enum aside how)
{
	struct spoke_intent i = {.path = "file", .keep = "1700000000.5.0.file"};
	struct spoke_group *g;
	char last[256];
	int64_t id;

	put_text(f, "g/file", "what was there");
	start(f);
	settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_intent(g->db, &i, &id), 0);
	if (how != BEGUN)
		assert_int_equal(
			linkat(g->store->root_fd, "file", g->store->preserved_fd, i.keep, 0), 0);
	if (how == MOVED)
		assert_int_equal(unlinkat(g->store->root_fd, "file", 0), 0);
	stop(f);
	start(f);
	settle(f);
	assert_int_equal(count_preserved(f), how == MOVED);
	assert_int_equal(listed(f, last), how == MOVED);
	assert_string_equal(last, how == MOVED ? i.keep : "");
	if (how == MOVED)
		assert_null(get_text(f, "g/file"));
	else
		assert_string_equal(get_text(f, "g/file"), "what was there");
}

static void test_killed_before_aside(void **state)
{
	killed_aside(*state, BEGUN);
}

static void test_killed_linked_aside(void **state)
{
	killed_aside(*state, LINKED);
}

static void test_killed_moved_aside(void **state)
{
	killed_aside(*state, MOVED);
}

/* A database that was lost lists nothing, one of yesterday what is gone; foreign files are let be.
 */
static void test_preserved_is_listed(void **state)
{
	static const char was[] = "1700000000.5.0.an image.vhdx";
	static const char *const foreign[] = {"README", "1700000000.5.0.", "1700.x.1.f", "5.0.f"};
	struct spoke_preserved gone = {.name = "1.1.1.gone",
				       .path = "gone",
				       .why = "deleted",
				       .identity = {.size = 5},
				       .bytes = 4096,
				       .at = 1};
	struct fixture *f = *state;
	struct spoke_group *g;
	uint64_t n, bytes;
	char path[128], last[256];
	size_t i;

	start(f);
	settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserve(g->db, &gone), 0);
	snprintf(path, sizeof(path), "g/.spokesync/preserved/%s", was);
	put_text(f, path, "kept");
	for (i = 0; i < ARRAY_LEN(foreign); i++) {
		snprintf(path, sizeof(path), "g/.spokesync/preserved/%s", foreign[i]);
		put_text(f, path, "not ours");
	}
	stop(f);
	start(f);
	settle(f);
	assert_int_equal(listed(f, last), 1);
	assert_string_equal(last, was);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserved_totals(g->db, &n, &bytes), 0);
	assert_int_equal(n, 1);
	assert_true(bytes >= 4);
	assert_int_equal(count_preserved(f), 1 + ARRAY_LEN(foreign));
}

static int take_row(void *arg, const struct spoke_preserved *p)
{
	struct spoke_preserved *ret = arg;

	*ret = *p; /* its strings are gone after this: only numbers are looked at */
	assert_string_equal(p->path, "file");
	return 1;
}

/*
 * The crash came after a deletion had moved the file away, and before that was recorded: it is
 * listed at the next start, hashed, and so can be restored. Fails where a removal records no intent
 * or roll_removal() does nothing.
 */
static void test_roll_removal(void **state)
{
	struct fixture *f = *state;
	struct spoke_intent i = {.path = "file", .keep = "1.2.3.file"};
	struct spoke_preserved row = {0};
	struct wire_op_result res;
	struct spoke_file file;
	struct spoke_group *g;
	struct identity old;
	struct err e = {""};
	char one[65], hex[65];
	int64_t id;

	start(f);
	send_text(f, "file", "version one", one);
	publish(f, WIRE_PUT, "file", one, NULL, &res);
	settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_intent(g->db, &i, &id), 0);
	assert_int_equal(publish_remove(g->store, "file", i.keep, &old, &e), 0);
	stop(f);
	start(f);
	settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserved_each(g->db, take_row, &row), 1);
	assert_true(row.sure);
	assert_string_equal(hash_hex(&row.root, hex), one);
	assert_int_equal(offer(f, NULL, "again", one, 11), 200);
	assert_int_equal(spoke_db_file(g->db, "file", &file), 0);
	assert_true(file.gone && file.local == LOCAL_NOT);
}

/* The database is lost: what is preserved is listed again, under its name, with its content. */
static void test_preserved_unlisted(void **state)
{
	struct fixture *f = *state;
	struct spoke_preserved row = {0};
	struct wire_op_result res;
	struct spoke_group *g;
	char one[65], cmd[128];
	struct spoke_file held;

	start(f);
	send_text(f, "file", "version one", one);
	publish(f, WIRE_PUT, "file", one, NULL, &res);
	publish(f, WIRE_DELETE, "file", NULL, one, &res);
	stop(f);
	snprintf(cmd, sizeof(cmd), "rm %s/g/.spokesync/spoke.db*", f->dir);
	assert_int_equal(system(cmd), 0);
	start(f);
	settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserved_each(g->db, take_row, &row), 1);
	assert_true(row.sure && row.at > 0);
	assert_int_equal(spoke_db_holds(g->db, &row.root, &held), 0);
	assert_true(held.in_preserved);
}

/* What lies there without the hub is told as what it is: changed, damaged, removed, as before. */
static void test_local(void **state)
{
	struct fixture *f = *state;
	struct wire_op_result res;
	struct spoke_file row, was;
	struct spoke_group *g;
	struct hash other;
	char one[65];

	start(f);
	settle(f);
	send_text(f, "file", "version one", one);
	publish(f, WIRE_PUT, "file", one, NULL, &res);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_file(g->db, "file", &was), 0);
	assert_true(was.was_published && was.local == LOCAL_NOT);
	digest_block("x", 1, &other);
	row = was;
	row.root = other; /* the same times, other bytes */
	assert_int_equal(spoke_local_found(g, &row), 0);
	assert_int_equal(row.local, LOCAL_DAMAGED);
	row.identity.mtime.tv_sec++;
	assert_int_equal(spoke_local_found(g, &row), 0);
	assert_int_equal(row.local, LOCAL_DAMAGED); /* it is the same damage */
	row.root.b[0] ^= 1;
	row.identity.mtime.tv_sec++;
	assert_int_equal(spoke_local_found(g, &row), 0);
	assert_int_equal(row.local, LOCAL_CHANGED);
	assert_int_equal(spoke_local_lost(g, "file", LOCAL_REMOVED), 0);
	assert_int_equal(spoke_db_file(g->db, "file", &row), 0);
	assert_true(row.gone && row.local == LOCAL_REMOVED);
	assert_true(row.seq == g->seq);
	assert_int_equal(spoke_local_lost(g, "file", LOCAL_REMOVED), 0); /* no news */
	assert_true(row.seq == g->seq);
	row = was;
	assert_int_equal(spoke_local_found(g, &row), 0); /* somebody put it back */
	assert_int_equal(row.local, LOCAL_NOT);
	strcpy(row.path, "foreign");
	assert_int_equal(spoke_local_found(g, &row), 0);
	assert_int_equal(row.local, LOCAL_NOT);
	assert_false(row.was_published);
}

/* Catches: a name that begins with a space read without it: the file would be read as another's. */
static void test_scrub_goes_on(void **state)
{
	static const char *const notes[] = {"9 0 2 3 4 5 4096 1  a b", "9 0 2 3 4 5 4096 1 a",
					    "9 0 2 3 4 5 4097 1 a", "9 0 2 3 4 5 4096 1", "x"};
	static const char *const paths[] = {" a b", "a", NULL, NULL, NULL};
	struct fixture *f = *state;
	struct spoke_group *g;
	json_t *j;

	strcpy(f->quota, "scrub = mon-sun 00:00-24:00 closed");
	write_config(f);
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		start(f);
		settle(f);
		g = spoke_group_get(f->d.spoke, "g");
		assert_int_equal(spoke_db_set_note(g->db, "scrub", notes[i]), 0);
		stop(f);
		start(f);
		j = spoke_scrub_json(spoke_group_get(f->d.spoke, "g"));
		if (paths[i])
			assert_string_equal(json_string_value(json_object_get(j, "path")),
					    paths[i]);
		else
			assert_true(json_is_null(j));
		json_decref(j);
		stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inventory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loop_while_decoding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_transfers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota_staged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room_for_a_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_use_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_protect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roll_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roll_forward_renamed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_being_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_before_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_linked_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_moved_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preserved_is_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roll_removal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preserved_unlisted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_local, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scrub_goes_on, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
