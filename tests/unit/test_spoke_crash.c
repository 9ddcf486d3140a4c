/*
 * test_spoke_crash.c: a spoke that is started after a crash: intents are rolled forward or back,
 * what is preserved is listed, and what lies there is known again before the hub may send it.
 */
#include "tests/unit/spoke_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/spoke_publish.h"
#include "scheduler/spoke_state.h"

/* The crash came after the intent and before the rename, and once more after the rename. */
static void roll_forward(struct rig *f, bool renamed)
{
	struct spoke_intent i = {.mode = 0640};
	struct publish_attr attr = {{1000000000, 0}, 0640, (uid_t)-1, (gid_t)-1};
	struct spoke_group *g;
	struct identity now, old;
	struct err e = {""};
	char one[65];
	int64_t id;
	json_t *j;

	rig_put_text(f, "g/file", "what was there");
	rig_start(f);
	rig_settle(f);
	rig_send_text(f, "file", "version one", one);
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
	rig_stop(f);
	rig_start(f);
	assert_string_equal(rig_get_text(f, "g/file"), "version one");
	assert_int_equal(rig_count_preserved(f), 1);
	rig_settle(f);
	assert_int_equal(rig_offer(f, &j, "again", one, 11), 200);
	assert_true(rig_flag(j, "have_it")); /* hashed again by now, so it is proof */
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
	struct rig *f = *state;
	struct wire_op op = {.path = "file"};
	struct publishing other = {.ops = {.ops = &op, .n_ops = 1}};
	struct wire_op_result res;
	struct spoke_group *g;
	char one[65], reading[] = "file";
	struct hash root;
	json_t *j;

	rig_start(f);
	rig_send_text(f, "file", "version one", one);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
	assert_true(res.done);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(hash_parse(one, &root), 0);
	assert_int_equal(spoke_db_unsure(g->db, &root), 0);
	g->indexing = true;
	g->indexing_path = reading;
	assert_int_equal(rig_offer(f, &j, "file", one, 11), 503);
	json_decref(j);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
	assert_false(res.done);
	assert_int_equal(res.refused, REFUSED_BUSY);
	g->indexing = false;
	g->indexing_path = NULL;
	/* A publication that may fail is under way when it has been hashed: it is looked at again.
	 */
	other.g = g;
	spoke_index_later(g, "file");
	TAILQ_INSERT_TAIL(&g->publishing, &other, entry);
	rig_settle(f);
	assert_true(spoke_hashing(g, "file"));
	TAILQ_REMOVE(&g->publishing, &other, entry);
	spoke_index_go(g);
	rig_settle(f);
	assert_false(spoke_hashing(g, "file"));
	rig_publish(f, WIRE_PUT, "file", one, one, &res);
	assert_true(res.done && !res.drift);
	assert_int_equal(rig_offer(f, &j, "again", one, 11), 200);
	assert_true(rig_flag(j, "have_it"));
	json_decref(j);
	assert_int_equal(rig_count_preserved(f), 0);
}

static int count_listed(void *arg, const struct spoke_preserved *p)
{
	struct spoke_file *last = arg;

	snprintf(last->path, sizeof(last->path), "%s", p->name);
	last->seq++;
	return 0;
}

/* How many are listed; last: the name of one of them. */
static unsigned listed(struct rig *f, char last[256])
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
static void killed_aside(struct rig *f, enum aside how)
{
	struct spoke_intent i = {.path = "file", .keep = "1700000000.5.0.file"};
	struct spoke_group *g;
	char last[256];
	int64_t id;

	rig_put_text(f, "g/file", "what was there");
	rig_start(f);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_intent(g->db, &i, &id), 0);
	if (how != BEGUN)
		assert_int_equal(
			linkat(g->store->root_fd, "file", g->store->preserved_fd, i.keep, 0), 0);
	if (how == MOVED)
		assert_int_equal(unlinkat(g->store->root_fd, "file", 0), 0);
	rig_stop(f);
	rig_start(f);
	rig_settle(f);
	assert_int_equal(rig_count_preserved(f), how == MOVED);
	assert_int_equal(listed(f, last), how == MOVED);
	assert_string_equal(last, how == MOVED ? i.keep : "");
	if (how == MOVED)
		assert_null(rig_get_text(f, "g/file"));
	else
		assert_string_equal(rig_get_text(f, "g/file"), "what was there");
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
	struct rig *f = *state;
	struct spoke_group *g;
	uint64_t n, bytes;
	char path[128], last[256];
	size_t i;

	rig_start(f);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserve(g->db, &gone), 0);
	snprintf(path, sizeof(path), "g/.spokesync/preserved/%s", was);
	rig_put_text(f, path, "kept");
	for (i = 0; i < ARRAY_LEN(foreign); i++) {
		snprintf(path, sizeof(path), "g/.spokesync/preserved/%s", foreign[i]);
		rig_put_text(f, path, "not ours");
	}
	rig_stop(f);
	rig_start(f);
	rig_settle(f);
	assert_int_equal(listed(f, last), 1);
	assert_string_equal(last, was);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserved_totals(g->db, &n, &bytes), 0);
	assert_int_equal(n, 1);
	assert_true(bytes >= 4);
	assert_int_equal(rig_count_preserved(f), 1 + ARRAY_LEN(foreign));
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
	struct rig *f = *state;
	struct spoke_intent i = {.path = "file", .keep = "1.2.3.file"};
	struct spoke_preserved row = {0};
	struct wire_op_result res;
	struct spoke_file file;
	struct spoke_group *g;
	struct identity old;
	struct err e = {""};
	char one[65], hex[65];
	int64_t id;

	rig_start(f);
	rig_send_text(f, "file", "version one", one);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_intent(g->db, &i, &id), 0);
	assert_int_equal(publish_remove(g->store, "file", i.keep, &old, &e), 0);
	rig_stop(f);
	rig_start(f);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserved_each(g->db, take_row, &row), 1);
	assert_true(row.sure);
	assert_string_equal(hash_hex(&row.root, hex), one);
	assert_int_equal(rig_offer(f, NULL, "again", one, 11), 200);
	assert_int_equal(spoke_db_file(g->db, "file", &file), 0);
	assert_true(file.gone && file.local == LOCAL_NOT);
}

/* An intent for what was sent as this content, or with what "-" to take path away. */
static void set_intent(struct rig *f, int64_t set, const char *path, const char *what)
{
	struct spoke_group *g = spoke_group_get(f->d.spoke, "g");
	struct spoke_intent i = {.set = set, .mode = 0640};
	struct publish_attr attr = {{1000000000, 0}, 0640, (uid_t)-1, (gid_t)-1};
	struct publish_look look;
	struct err e = {""};
	int64_t id;

	strcpy(i.path, path);
	strcpy(i.source, what);
	if (strcmp(what, SPOKE_REMOVES) != 0) {
		snprintf(i.source, sizeof(i.source), "%s/image", what);
		assert_int_equal(hash_parse(what, &i.root), 0);
		assert_int_equal(publish_prepare(g->store, i.source, path, &attr, &i.identity, &e),
				 0);
	} else {
		assert_int_equal(publish_look(g->store, path, &look, &e), 0);
		i.identity = look.identity;
	}
	assert_int_equal(spoke_db_intent(g->db, &i, &id), 0);
}

static int no_intent(void *arg, const struct spoke_intent *i)
{
	(void)arg;
	(void)i;
	return -EEXIST;
}

/*
 * The crash came between two names of a set, and then one of them cannot be done: what was to come
 * after it is not done either, at the next start as at this one, and may be had again; what is of
 * another set, or of none, is done. Catches: the rest of a set rolled on, as it was (a child beside
 * a base that it was not made from).
 */
static void roll_set(struct rig *f, bool removal)
{
	char base[65], child[65], other[65], alone[65], cmd[300];
	struct spoke_group *g;
	int64_t first, second;
	json_t *j;

	rig_put_text(f, "g/manifest", "of yesterday");
	rig_start(f);
	rig_settle(f);
	rig_send_text(f, "base", "a base", base);
	rig_send_text(f, "child", "a child", child);
	rig_send_text(f, "other", "of another set", other);
	rig_send_text(f, "alone", "of no set", alone);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_intent_set(g->db, &first), 0);
	if (removal)
		set_intent(f, first, "manifest", SPOKE_REMOVES);
	set_intent(f, first, "base", base);
	set_intent(f, first, "child", child);
	assert_int_equal(spoke_db_intent_set(g->db, &second), 0);
	assert_int_not_equal(first, second);
	set_intent(f, second, "other", other);
	set_intent(f, 0, "alone", alone);
	rig_stop(f);
	if (removal)
		snprintf(cmd, sizeof(cmd), "cd %s/g && mv manifest was && echo new >manifest",
			 f->dir);
	else
		snprintf(cmd, sizeof(cmd), "rm %s/g/.spokesync/staging/%s/image", f->dir, base);
	assert_int_equal(system(cmd), 0);
	for (int i = 0; i < 2; i++) {
		rig_start(f);
		assert_null(rig_get_text(f, "g/base"));
		assert_null(rig_get_text(f, "g/child"));
		assert_string_equal(rig_get_text(f, "g/manifest"),
				    removal ? "new\n" : "of yesterday");
		assert_string_equal(rig_get_text(f, "g/other"), "of another set");
		assert_string_equal(rig_get_text(f, "g/alone"), "of no set");
		g = spoke_group_get(f->d.spoke, "g");
		assert_int_equal(spoke_db_intents(g->db, no_intent, NULL), 0);
		rig_settle(f);
		if (i == 0)
			rig_stop(f);
	}
	assert_int_equal(rig_offer(f, &j, "child", child, 7), 200);
	assert_true(rig_flag(j, "staged"));
	json_decref(j);
}

static void test_roll_set(void **state)
{
	roll_set(*state, false);
}

static void test_roll_set_removal(void **state)
{
	roll_set(*state, true);
}

/* The database is lost: what is preserved is listed again, under its name, with its content. */
static void test_preserved_unlisted(void **state)
{
	struct rig *f = *state;
	struct spoke_preserved row = {0};
	struct wire_op_result res;
	struct spoke_group *g;
	char one[65], cmd[128];
	struct spoke_file held;

	rig_start(f);
	rig_send_text(f, "file", "version one", one);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
	rig_publish(f, WIRE_DELETE, "file", NULL, one, &res);
	rig_stop(f);
	snprintf(cmd, sizeof(cmd), "rm %s/g/.spokesync/spoke.db*", f->dir);
	assert_int_equal(system(cmd), 0);
	rig_start(f);
	rig_settle(f);
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(spoke_db_preserved_each(g->db, take_row, &row), 1);
	assert_true(row.sure && row.at > 0);
	assert_int_equal(spoke_db_holds(g->db, &row.root, &held), 0);
	assert_true(held.in_preserved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_roll_forward, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_roll_forward_renamed, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_being_read, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_killed_before_aside, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_killed_linked_aside, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_killed_moved_aside, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_preserved_is_listed, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_roll_removal, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_roll_set, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_roll_set_removal, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_preserved_unlisted, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
