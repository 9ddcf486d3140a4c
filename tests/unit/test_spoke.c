/*
 * test_spoke.c: a spoke in this process, spoken to over TLS by the curl command: inventory of what
 * lies there, offers and their refusals, a bundle in pieces, publication, drift and deletion. Its
 * quotas, files in use and crashes are in test_spoke_room.c, _use.c and _crash.c.
 */
#include "tests/unit/spoke_rig.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/spoke_local.h"
#include "scheduler/spoke_state.h"
#include "transfer/frame.h"

static void test_inventory(void **state)
{
	struct rig *f = *state;
	json_t *j;

	rig_put_text(f, "g/seed", "preseeded");
	rig_put_text(f, "g/x.lok", "the spoke's own");
	rig_start(f);
	rig_settle(f);
	assert_int_equal(rig_curl(f, &j, "", "/v1/hello"), 200);
	json_decref(j);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/hello?version=1"), 200);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/hello?version=3"), 200);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/hello?version=x"), 400);
	assert_int_equal(rig_curl(f, &j, "", "/v1/hello?version=4"), 400);
	assert_non_null(strstr(json_string_value(json_object_get(j, "detail")),
			       "speaks version 4 of the protocol; we speak 1 to 3"));
	json_decref(j);
	assert_int_equal(rig_curl(f, &j, "", "/v1/groups/g/inventory?since=0"), 200);
	assert_int_equal(json_array_size(json_object_get(j, "entries")), 1);
	json_decref(j);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/other/inventory"), 404);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since=x"), 400);
	/* No sign, no space, and nothing that would wrap round. */
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since=-1"), 400);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since=%%2B1"), 400);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since="), 400);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since=9223372036854775808"),
			 400);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since=18446744073709551617"),
			 400);
	assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since=9223372036854775807"),
			 200);
	assert_int_equal(rig_curl(f, NULL, "", "/"), 404);
}

static void test_hostile_paths(void **state)
{
	static const char *const bad[] = {"../x", "/x",	   "a/../../x",	    ".spokesync/x",
					  "a//b", "x.lok", "a/.spokesync/b"};
	struct rig *f = *state;
	char root[65];
	size_t i;

	memset(root, 'a', 64);
	root[64] = '\0';
	rig_start(f);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		long status = rig_offer(f, NULL, bad[i], root, 5);

		assert_true(status == 400 || status == 403);
	}
	assert_int_equal(rig_curl(f, NULL, "", "/v1/transfers/g/zz"), 404);
	assert_int_equal(rig_curl(f, NULL, "-d '{'", "/v1/groups/g/offers"), 400);
}

/* How much it tells of preserved/, and whether that is what its greeting says. */
static unsigned preserved_told(struct rig *f)
{
	struct wire_hello h;
	struct wire_inventory i;
	struct hash tag;
	struct err e;
	char *text;
	json_t *j;
	unsigned n;

	assert_int_equal(rig_curl(f, &j, "", "/v1/hello?version=3"), 200);
	text = json_dumps(j, 0);
	assert_int_equal(wire_hello_decode(text, strlen(text), &h, &e), 0);
	free(text);
	json_decref(j);
	assert_int_equal(rig_curl(f, &j, "", "/v1/groups/g/inventory?since=9"), 200);
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
	struct rig *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	json_t *j;

	rig_start(f);
	rig_send_text(f, "dir/file", "version one", one);
	rig_publish(f, WIRE_PUT, "dir/file", one, NULL, &res);
	assert_true(res.done && !res.drift && !res.preserved);
	assert_string_equal(rig_get_text(f, "g/dir/file"), "version one");
	assert_int_equal(preserved_told(f), 0);
	rig_publish(f, WIRE_PUT, "dir/file", one, NULL, &res); /* once more: the same */
	assert_true(res.done && !res.drift);
	assert_int_equal(rig_offer(f, &j, "other", one, 11), 200);
	assert_true(rig_flag(j, "have_it"));
	json_decref(j);
	rig_publish(f, WIRE_PUT, "other", one, NULL, &res); /* held: a copy */
	assert_true(res.done);
	assert_string_equal(rig_get_text(f, "g/other"), "version one");
	rig_send_text(f, "dir/file", "version two", two);
	rig_publish(f, WIRE_PUT, "dir/file", two, one, &res);
	assert_true(res.done && !res.drift && res.preserved);
	assert_int_equal(preserved_told(f), 1);
	assert_string_equal(rig_get_text(f, "g/dir/file"), "version two");
	assert_int_equal(rig_count_preserved(f), 1);
	rig_put_text(f, "g/other", "somebody wrote here");
	rig_publish(f, WIRE_DELETE, "other", NULL, one, &res);
	assert_true(res.done && res.drift);
	assert_null(rig_get_text(f, "g/other"));
	assert_int_equal(rig_count_preserved(f), 2);
	/* One of them alone, or both: what somebody wrote there is told once it is hashed. */
	assert_in_range(preserved_told(f), 1, 2);
	rig_publish(f, WIRE_PUT, "nothing",
		    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", NULL, &res);
	assert_false(res.done);
	assert_int_equal(res.refused, REFUSED_NO_BASE);
	/* What lies there is known after a restart, and needs no look at its bytes. */
	rig_stop(f);
	rig_start(f);
	rig_settle(f);
	assert_int_equal(rig_offer(f, &j, "again", two, 11), 200);
	assert_true(rig_flag(j, "have_it"));
	json_decref(j);
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
	struct rig *f = *state;
	char root[65], id[65], other[65];
	struct background put = {.cmd = ""};
	pthread_t t;
	size_t len;
	json_t *j;

	sem_init(&held.begun, 0, 0);
	sem_init(&held.go_on, 0, 0);
	held.loop = pthread_self();
	rig_start(f);
	rig_make_bundle(f, "what takes long", root, id, &len);
	assert_int_equal(rig_offer(f, NULL, "file", root, strlen("what takes long")), 200);
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
		assert_int_equal(rig_curl(f, NULL, "", "/v1/hello?version=3"), 200);
		assert_int_equal(rig_curl(f, NULL, "", "/v1/groups/g/inventory?since=0"), 200);
		snprintf(other, sizeof(other), "%064x", i);
		assert_int_equal(rig_offer(f, NULL, "other", other, 4096), 200);
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
	assert_true(rig_flag(j, "staged"));
	json_decref(j);
}

/* What lies there without the hub is told as what it is: changed, damaged, removed, as before. */
static void test_local(void **state)
{
	struct rig *f = *state;
	struct wire_op_result res;
	struct spoke_file row, was;
	struct spoke_group *g;
	struct hash other;
	char one[65];

	rig_start(f);
	rig_settle(f);
	rig_send_text(f, "file", "version one", one);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
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
	struct rig *f = *state;
	struct spoke_group *g;
	json_t *j;

	strcpy(f->lines, "scrub = mon-sun 00:00-24:00 closed");
	rig_configure(f);
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		rig_start(f);
		rig_settle(f);
		g = spoke_group_get(f->d.spoke, "g");
		assert_int_equal(spoke_db_set_note(g->db, "scrub", notes[i]), 0);
		rig_stop(f);
		rig_start(f);
		j = spoke_scrub_json(spoke_group_get(f->d.spoke, "g"));
		if (paths[i])
			assert_string_equal(json_string_value(json_object_get(j, "path")),
					    paths[i]);
		else
			assert_true(json_is_null(j));
		json_decref(j);
		rig_stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inventory, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_loop_while_decoding, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_hostile_paths, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_life, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_local, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_scrub_goes_on, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
