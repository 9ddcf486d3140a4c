/*
 * spoke_rig.c: see spoke_rig.h.
 */
#include "tests/unit/spoke_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scheduler/log.h"
#include "scheduler/spoke_state.h"
#include "tests/unit/aside.h"
#include "transfer/frame.h"
#include "transfer/worker.h"

void rig_configure(struct rig *f)
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
		f->dir, f->dir, f->dir, f->dir, pin_print(&p, pin), f->dir, f->lines);
	fclose(o);
}

/* A free port: the configuration does not know 0. */
void rig_start(struct rig *f)
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

void rig_stop(struct rig *f)
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

int rig_setup(void **state)
{
	struct rig *f = xcalloc(1, sizeof(*f));
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
	rig_configure(f);
	*state = f;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *f = *state;
	char cmd[128];

	if (f->d.spoke)
		rig_stop(f);
	key_free(f->hub_key);
	key_free(f->d.key);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

long rig_curl(struct rig *f, json_t **ret, const char *args, const char *path)
{
	char cmd[2048], *out, *status;

	snprintf(cmd, sizeof(cmd),
		 "curl -sk --cert %s/hub.pem --key %s/hub.pem %s 'https://127.0.0.1:%u%s' "
		 "-w '\n%%{http_code}'",
		 f->dir, f->dir, args, f->port, path);
	out = aside_shell(f->d.loop, cmd);
	status = strrchr(out, '\n');
	assert_non_null(status);
	*status = '\0';
	if (ret)
		*ret = json_loads(out, 0, NULL);
	return strtol(status + 1, NULL, 10);
}

void rig_settle(struct rig *f)
{
	struct spoke *s = f->d.spoke;

	while (s->works)
		ev_run(f->d.loop, EVRUN_ONCE);
}

void rig_put_text(struct rig *f, const char *name, const char *text)
{
	char path[256];
	FILE *o;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	o = fopen(path, "w");
	assert_non_null(o);
	fputs(text, o);
	fclose(o);
}

char *rig_get_text(struct rig *f, const char *name)
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

unsigned rig_count_preserved(struct rig *f)
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

void rig_make_bundle(struct rig *f, const char *text, char root[65], char id[65], size_t *ret_len)
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

long rig_offer(struct rig *f, json_t **ret, const char *path, const char *root, size_t size)
{
	struct wire_offer o = {.size = size, .nonzero_bytes = size, .mode = 0640};
	char args[200], *json;

	snprintf(o.path, sizeof(o.path), "%s", path);
	assert_int_equal(hash_parse(root, &o.root), 0);
	o.mtime.sec = 1000000000;
	o.literal_bytes = size;
	json = wire_offer_encode(&o);
	rig_put_text(f, "body", json);
	free(json);
	snprintf(args, sizeof(args), "-d @%s/body", f->dir);
	return rig_curl(f, ret, args, "/v1/groups/g/offers");
}

void rig_publish_ops(struct rig *f, const struct wire_publish *p, struct wire_published *ret)
{
	char args[200], *json = wire_publish_encode(p);
	struct err e = {""};
	json_t *j;

	rig_put_text(f, "body", json);
	free(json);
	snprintf(args, sizeof(args), "-d @%s/body", f->dir);
	assert_int_equal(rig_curl(f, &j, args, "/v1/groups/g/publish"), 200);
	json = json_dumps(j, 0);
	assert_int_equal(wire_published_decode(json, strlen(json), ret, &e), 0);
	assert_int_equal(ret->n_results, p->n_ops);
	free(json);
	json_decref(j);
}

void rig_publish(struct rig *f, enum wire_op_kind kind, const char *path, const char *root,
		 const char *was, struct wire_op_result *ret)
{
	struct wire_op op = {.kind = kind, .mode = 0640, .mtime = {1000000000, 5}};
	struct wire_publish p = {.ops = &op, .n_ops = 1};
	struct wire_published answer;

	snprintf(op.path, sizeof(op.path), "%s", path);
	if (root)
		assert_int_equal(hash_parse(root, &op.root), 0);
	op.was_absent = !was;
	op.was_known = was != NULL;
	if (was)
		assert_int_equal(hash_parse(was, &op.was), 0);
	rig_publish_ops(f, &p, &answer);
	*ret = answer.results[0];
	wire_published_done(&answer);
}

bool rig_flag(const json_t *j, const char *name)
{
	return json_is_true(json_object_get(j, name));
}

void rig_send_text(struct rig *f, const char *path, const char *text, char root[65])
{
	char id[65], url[400], args[300];
	size_t len;
	json_t *j;

	rig_make_bundle(f, text, root, id, &len);
	assert_int_equal(rig_offer(f, &j, path, root, strlen(text)), 200);
	json_decref(j);
	snprintf(args, sizeof(args), "-X PUT --data-binary @%s/bundle", f->dir);
	snprintf(url, sizeof(url), "/v1/transfers/g/%s?bundle=%s&offset=7", root, id);
	assert_int_equal(rig_curl(f, &j, args, url), 409);
	json_decref(j);
	snprintf(args, sizeof(args), "-X PUT --data-binary @%s/part", f->dir);
	snprintf(url, sizeof(url),
		 "head -c 60 %s/bundle > %s/part; tail -c +61 %s/bundle > %s/rest", f->dir, f->dir,
		 f->dir, f->dir);
	assert_int_equal(system(url), 0);
	snprintf(url, sizeof(url), "/v1/transfers/g/%s?bundle=%s&offset=0", root, id);
	assert_int_equal(rig_curl(f, &j, args, url), 200);
	assert_int_equal(json_integer_value(json_object_get(j, "offset")), 60);
	assert_false(rig_flag(j, "staged"));
	json_decref(j);
	snprintf(args, sizeof(args), "-X PUT --data-binary @%s/rest", f->dir);
	snprintf(url, sizeof(url), "/v1/transfers/g/%s?bundle=%s&offset=60", root, id);
	assert_int_equal(rig_curl(f, &j, args, url), 200);
	assert_true(rig_flag(j, "staged"));
	json_decref(j);
}

uint64_t rig_changes(struct rig *f, uint64_t since, unsigned wait_s)
{
	char *path = wire_changes_path(since, wait_s);
	uint64_t seq;
	json_t *j;

	assert_int_equal(rig_curl(f, &j, "", path), 200);
	seq = (uint64_t)json_integer_value(json_object_get(j, "seq"));
	json_decref(j);
	free(path);
	return seq;
}
