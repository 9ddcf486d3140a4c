/*
 * test_spoke_use.c: files of a spoke that are in use or protected: lock files, also ones that come
 * in the middle of a publication, and modes without write bits.
 */
#include "tests/unit/spoke_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/spoke_state.h"

/*
 * Catches: a replacement, deletion or renaming away of what is in use; new names that wait;
 * attributes that wait; an intent or something in preserved/ that a refusal left behind.
 */
static void test_in_use(void **state)
{
	struct rig *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	struct spoke_group *g;

	rig_start(f);
	g = spoke_group_get(f->d.spoke, "g");
	rig_send_text(f, "d/file.vhdx", "version one", one);
	rig_put_text(f, "g/file.lok", "another directory's");
	mkdirat(g->store->root_fd, "d", 0755);
	rig_put_text(f, "g/d/File.LOK", "");
	rig_publish(f, WIRE_PUT, "d/file.vhdx", one, NULL, &res); /* a new name */
	assert_true(res.done);
	rig_send_text(f, "d/file.vhdx", "version two", two);
	rig_publish(f, WIRE_PUT, "d/file.vhdx", two, one, &res);
	assert_int_equal(res.refused, REFUSED_IN_USE);
	assert_non_null(strstr(res.text, "File.LOK"));
	rig_publish(f, WIRE_DELETE, "d/file.vhdx", NULL, one, &res);
	assert_int_equal(res.refused, REFUSED_IN_USE);
	rig_publish(f, WIRE_META, "d/file.vhdx", one, one, &res);
	assert_true(res.done);
	rig_publish(f, WIRE_PUT, "d/file.vhdx", one, one, &res); /* a repetition */
	assert_true(res.done);
	assert_string_equal(rig_get_text(f, "g/d/file.vhdx"), "version one");
	assert_int_equal(rig_count_preserved(f), 0);
	/* The directory of the test is not the other name's: its lock file counts there. */
	rig_publish(f, WIRE_PUT, "file.vhdx", one, NULL, &res);
	assert_true(res.done);
	assert_string_equal(rig_get_text(f, "g/d/File.LOK"), "");
	rig_stop(f); /* what was refused left no intent that a restart would go on with */
	rig_start(f);
	rig_settle(f);
	assert_string_equal(rig_get_text(f, "g/d/file.vhdx"), "version one");
	g = spoke_group_get(f->d.spoke, "g");
	assert_int_equal(unlinkat(g->store->root_fd, "d/File.LOK", 0), 0);
	rig_publish(f, WIRE_PUT, "d/file.vhdx", two, one, &res);
	assert_true(res.done && !res.drift);
	assert_string_equal(rig_get_text(f, "g/d/file.vhdx"), "version two");
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
	const struct rig *f = t->data;

	(void)loop;
	(void)revents;
	assert_int_equal(unlinkat(spoke_group_get(f->d.spoke, "g")->store->root_fd, "file.lok", 0),
			 0);
}

/*
 * A lock file that comes after the image was made ready, and goes while the hub waits. Catches: no
 * second look; one whose refusal leaves an intent, or what was staged unusable; a hub that is told
 * at once, by a look every ten seconds, or only when its time is over.
 */
static void test_in_use_late(void **state)
{
	struct rig *f = *state;
	struct wire_op_result res;
	char one[65], two[65];
	uint64_t seq;
	ev_timer t;

	rig_start(f);
	rig_settle(f);
	rig_send_text(f, "file.vhdx", "version one", one);
	rig_publish(f, WIRE_PUT, "file.vhdx", one, NULL, &res);
	rig_send_text(f, "file.vhdx", "version two", two);
	seq = rig_changes(f, 0, 0);
	lock_dir = spoke_group_get(f->d.spoke, "g")->store->root_fd;
	rig_publish(f, WIRE_PUT, "file.vhdx", two, one, &res);
	lock_dir = -1;
	assert_int_equal(res.refused, REFUSED_IN_USE);
	assert_string_equal(rig_get_text(f, "g/file.vhdx"), "version one");
	assert_int_equal(rig_count_preserved(f), 0);
	assert_int_equal(rig_changes(f, seq, 0), seq);
	ev_timer_init(&t, unlock, 0.2, 0.0);
	t.data = f;
	ev_timer_start(f->d.loop, &t);
	/* Where the kernel has no watch left for it, by the look every ten seconds. */
	assert_int_not_equal(rig_changes(f, seq, spoke_group_get(f->d.spoke, "g")->watch ? 5 : 30),
			     seq);
	assert_int_equal(rig_changes(f, seq, 5), seq + 1); /* told to whoever missed it */
	rig_publish(f, WIRE_PUT, "file.vhdx", two, one, &res);
	assert_true(res.done && !res.drift);
	assert_string_equal(rig_get_text(f, "g/file.vhdx"), "version two");
	assert_int_equal(rig_curl(f, NULL, "", "/v1/changes?since=x"), 400);
}

/* The pattern is the spoke's to say; lock files by it are its own without protect_local. */
static void test_lock_names(void **state)
{
	struct rig *f = *state;
	struct wire_op_result res;
	char one[65], two[65];

	strcpy(f->lines, "lock = .{name}.busy");
	rig_configure(f);
	rig_start(f);
	rig_send_text(f, "file", "version one", one);
	rig_publish(f, WIRE_PUT, "file", one, NULL, &res);
	rig_put_text(f, "g/file.lok", "");
	rig_send_text(f, "file", "version two", two);
	rig_publish(f, WIRE_PUT, "file", two, one, &res);
	assert_true(res.done);
	rig_put_text(f, "g/.file.busy", "held");
	rig_publish(f, WIRE_DELETE, "file", NULL, two, &res);
	assert_int_equal(res.refused, REFUSED_IN_USE);
	rig_publish(f, WIRE_PUT, ".file.busy", two, NULL, &res);
	assert_int_equal(res.refused, REFUSED_BAD_PATH);
	rig_publish(f, WIRE_DELETE, ".file.busy", NULL, NULL, &res);
	assert_int_equal(res.refused, REFUSED_BAD_PATH);
	assert_string_equal(rig_get_text(f, "g/.file.busy"), "held");
}

static mode_t mode_of(const struct rig *f, const char *name)
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
	struct rig *f = *state;
	struct wire_op_result res;
	struct identity now;
	char one[65], two[65], name[80];
	struct err e = {""};
	struct spoke_group *g;

	strcpy(f->lines, "protect = mode\nmode = 0664");
	rig_configure(f);
	rig_start(f);
	rig_send_text(f, "dir/file", "version one", one);
	rig_publish(f, WIRE_PUT, "dir/file", one, NULL, &res);
	assert_true(res.done);
	assert_int_equal(mode_of(f, "g/dir/file"), 0444);
	assert_int_equal(mode_of(f, "g/dir") & 0700, 0700); /* lock files can be made there */
	rig_send_text(f, "dir/file", "version two", two);
	g = spoke_group_get(f->d.spoke, "g");
	snprintf(name, sizeof(name), "%s/image", two);
	assert_int_equal(publish_prepare(g->store, name, "dir/file", &attr, &now, &e), 0);
	rig_stop(f);
	rig_start(f);
	rig_settle(f);
	rig_publish(f, WIRE_PUT, "dir/file", two, one, &res);
	assert_true(res.done && !res.drift);
	assert_string_equal(rig_get_text(f, "g/dir/file"), "version two");
	assert_int_equal(mode_of(f, "g/dir/file"), 0444);
	rig_publish(f, WIRE_META, "dir/file", two, two, &res);
	assert_true(res.done);
	assert_int_equal(mode_of(f, "g/dir/file"), 0444);
	rig_publish(f, WIRE_DELETE, "dir/file", NULL, two, &res);
	assert_true(res.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_use, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_in_use_late, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_lock_names, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_protect, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
