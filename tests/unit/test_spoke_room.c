/*
 * test_spoke_room.c: a spoke's quotas: what transfers, what rests of them and what is preserved may
 * take, what gives way, and how a hub is refused and told that there is room.
 */
#include "tests/unit/spoke_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"

/* Transfers that nobody goes on with do not keep others out, and are not lost. */
static void test_many_transfers(void **state)
{
	struct rig *f = *state;
	char root[65], path[100];
	unsigned i;

	rig_start(f);
	for (i = 0; i < SPOKE_TRANSFERS_MAX + 2; i++) {
		snprintf(root, sizeof(root), "%064x", i);
		assert_int_equal(rig_offer(f, NULL, "file", root, 4096), 200);
	}
	for (i = 0; i < SPOKE_TRANSFERS_MAX + 2; i++) {
		snprintf(path, sizeof(path), "/v1/transfers/g/%064x", i);
		assert_int_equal(rig_curl(f, NULL, "", path), 200);
	}
}

static void test_quota(void **state)
{
	struct rig *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	json_t *j;

	strcpy(f->lines, "preserve_quota = 4KiB\nstaging_quota = 64MiB");
	rig_configure(f);
	rig_start(f);
	rig_send_text(f, "file", "version one", one);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
	rig_send_text(f, "file", "version two", two);
	rig_publish(f, WIRE_PUT, "file", two, one, &res);
	assert_true(res.done);
	assert_int_equal(rig_count_preserved(f), 1);
	rig_publish(f, WIRE_DELETE, "file", NULL, two, &res);
	assert_true(res.done);
	assert_int_equal(rig_count_preserved(f), 1); /* the oldest gave way */
	assert_int_equal(rig_offer(f, &j, "big", one, 100 << 20), 507);
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
	struct rig *f = *state;
	struct wire_op_result res;
	char root[4][65];
	size_t i;

	strcpy(f->lines, "staging_quota = 40MiB");
	rig_configure(f);
	rig_start(f);
	for (i = 0; i < 4; i++)
		rig_send_text(f, names[i], names[i], root[i]);
	for (i = 0; i < 4; i++) {
		rig_publish(f, WIRE_PUT, names[i], root[i], NULL, &res);
		assert_true(res.done);
	}
}

/* Of the hello: the transfers that the hub is asked about, by their first digit. */
static void idle_is(struct rig *f, const char *digits)
{
	const char *root;
	char got[17] = "";
	json_t *j, *list;
	size_t i;

	assert_int_equal(rig_curl(f, &j, "", "/v1/hello?version=2"), 200);
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
	struct rig *f = *state;
	char root[65], path[200], cmd[300];
	struct spoke_group *g;
	unsigned i;

	strcpy(f->lines, "staging_quota = 80MiB\nstaging_high = 50\nstaging_low = 25");
	rig_configure(f);
	rig_start(f);
	for (i = 1; i <= 3; i++) {
		snprintf(root, sizeof(root), "%064x", i);
		assert_int_equal(rig_offer(f, NULL, "file", root, 4096), i < 3 ? 200 : 507);
	}
	rig_stop(f);
	for (i = 1; i <= 2; i++) {
		snprintf(cmd, sizeof(cmd),
			 "cd %s/g/.spokesync/staging/%064x && fallocate -l 30M image && "
			 "touch -d '-%u hours' journal",
			 f->dir, i, 4 - i);
		assert_int_equal(system(cmd), 0);
	}
	rig_start(f);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_true(spoke_space_used(g) >= 60 * MIB && spoke_space_used(g) < 61 * MIB);
	assert_int_equal(spoke_space_promised(g), 0);
	idle_is(f, "12"); /* 30 MiB would be left, and 20 may be */
	snprintf(path, sizeof(path), "/v1/transfers/g/%064x", 1u);
	assert_int_equal(rig_curl(f, NULL, "-X DELETE", path), 200);
	assert_true(spoke_space_used(g) >= 30 * MIB && spoke_space_used(g) < 31 * MIB);
	idle_is(f, ""); /* below the high mark */
	snprintf(root, sizeof(root), "%064x", 3u);
	assert_int_equal(rig_offer(f, NULL, "file", root, 40 * MIB), 507);
	idle_is(f, "2");
	snprintf(cmd, sizeof(cmd), "rm -r %s/g/.spokesync/staging/%064x", f->dir, 2u);
	assert_int_equal(system(cmd), 0);
	idle_is(f, "");
	assert_int_equal(spoke_space_used(g), 0);
	assert_int_equal(rig_offer(f, NULL, "file", root, 40 * MIB), 200);
}

/*
 * Room for what lies there in part already. Catches: a wait for all that it takes beside what it
 * holds itself, which never comes: its own bytes counted as another's.
 */
static void test_room_for_a_part(void **state)
{
	struct rig *f = *state;
	char text[3000], root[65], path[200], cmd[300];
	uint64_t seq;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	strcpy(f->lines, "staging_quota = 32775KiB"); /* it, and less than half of it more */
	rig_configure(f);
	rig_start(f);
	rig_send_text(f, "file", text, root);
	rig_stop(f);
	snprintf(cmd, sizeof(cmd),
		 "cd %s/g/.spokesync/staging && mkdir %064x && fallocate -l 1M %064x/image", f->dir,
		 2u, 2u);
	assert_int_equal(system(cmd), 0);
	rig_start(f);
	rig_settle(f);
	seq = rig_changes(f, 0, 0);
	assert_int_equal(rig_offer(f, NULL, "file", root, strlen(text)), 507);
	assert_int_equal(rig_changes(f, seq, 0), seq);
	snprintf(path, sizeof(path), "/v1/transfers/g/%064x", 2u);
	assert_int_equal(rig_curl(f, NULL, "-X DELETE", path), 200);
	assert_int_equal(rig_changes(f, seq, 5), seq + 1);
	assert_int_equal(rig_offer(f, NULL, "file", root, strlen(text)), 200);
}

/* Nothing is copied or promised any more. */
static void no_copies(struct rig *f, struct spoke_group *g)
{
	char cmd[200];

	assert_int_equal(spoke_space_used(g), 0);
	assert_int_equal(spoke_space_promised(g), 0);
	snprintf(cmd, sizeof(cmd), "! ls %s/g/.spokesync/staging | grep copy", f->dir);
	assert_int_equal(system(cmd), 0);
}

/*
 * What lies there once more, on a filesystem where that takes room: as for a transfer, it is asked
 * before, refused with figures, and told when there is room. Catches: a copy that is made without,
 * as it was, and one that is charged when it is done.
 */
static void test_room_for_a_copy(void **state)
{
	struct rig *f = *state;
	struct wire_op_result res;
	struct spoke_group *g;
	char one[65];
	uint64_t seq;

	strcpy(f->lines, "staging_quota = 40MiB");
	rig_configure(f);
	rig_start(f);
	rig_send_text(f, "file", "version one", one);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
	g = spoke_group_get(f->d.spoke, "g");
	g->store->reflink = false;
	seq = rig_changes(f, 0, 0);
	spoke_space_hold(g, 40 * (int64_t)MIB);
	rig_publish(f, WIRE_PUT, "again", one, NULL, &res);
	assert_false(res.done || res.never);
	assert_int_equal(res.refused, REFUSED_OVER_QUOTA);
	assert_non_null(strstr(res.text, "staging quota: needs "));
	assert_null(rig_get_text(f, "g/again"));
	assert_int_equal(rig_changes(f, seq, 0), seq);
	spoke_space_hold(g, -40 * (int64_t)MIB);
	assert_int_equal(rig_changes(f, seq, 5), seq + 1);
	spoke_space_written(g, -(UINT64_MAX / 2)); /* promised to others */
	rig_publish(f, WIRE_PUT, "again", one, NULL, &res);
	assert_false(res.done || res.never);
	assert_int_equal(res.refused, REFUSED_NO_SPACE);
	assert_non_null(strstr(res.text, "disk: needs "));
	assert_int_equal(rig_changes(f, seq + 1, 0), seq + 1);
	spoke_space_written(g, UINT64_MAX / 2);
	assert_int_equal(rig_changes(f, seq + 1, 5), seq + 2);
	rig_publish(f, WIRE_PUT, "again", one, NULL, &res);
	assert_true(res.done);
	no_copies(f, g);
}

/* A set's copies count together; what it needs is what all of them need so far, so that it is not
 * tried again for the room of those that went with it. */
static void test_room_for_copies_of_a_set(void **state)
{
	struct rig *f = *state;
	struct wire_op ops[2] = {{.kind = WIRE_PUT, .path = "one", .mode = 0640},
				 {.kind = WIRE_PUT, .path = "two", .mode = 0640}};
	struct wire_publish p = {.set = "one", .ops = ops, .n_ops = 2};
	struct wire_published answer;
	struct spoke_group *g;
	struct spoke_file big;
	char cmd[200];
	uint64_t seq;

	snprintf(cmd, sizeof(cmd), "fallocate -l 24M %s/g/big", f->dir);
	assert_int_equal(system(cmd), 0);
	strcpy(f->lines, "staging_quota = 40MiB");
	rig_configure(f);
	rig_start(f);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	g->store->reflink = false;
	assert_int_equal(spoke_db_file(g->db, "big", &big), 0);
	ops[0].root = ops[1].root = big.root;
	ops[0].size = ops[1].size = big.identity.size;
	seq = rig_changes(f, 0, 0);
	rig_publish_ops(f, &p, &answer);
	assert_false(answer.results[0].done || answer.results[1].done);
	assert_int_equal(answer.results[0].refused, REFUSED_NOT);
	assert_int_equal(answer.results[1].refused, REFUSED_OVER_QUOTA);
	assert_true(answer.results[1].never);
	assert_non_null(strstr(answer.results[1].text, "all of it is 40"));
	wire_published_done(&answer);
	no_copies(f, g);
	assert_int_equal(rig_changes(f, seq, 0), seq);
	p.n_ops = 1;
	rig_publish_ops(f, &p, &answer);
	assert_true(answer.results[0].done);
	wire_published_done(&answer);
	no_copies(f, g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_transfers, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_quota, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_quota_staged, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_resting, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_room_for_a_part, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_room_for_a_copy, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_room_for_copies_of_a_set, rig_setup,
						rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
