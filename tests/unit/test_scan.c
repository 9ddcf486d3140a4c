/*
 * test_scan.c: what a walk finds, what it passes over and why, and hints of inotify about the same.
 */
#include "scheduler/scan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>
#include <ev.h>

#include "scheduler/strmap.h"
#include "scheduler/watch.h"
#include "tests/unit/temp.h"

static int setup(void **state)
{
	struct temp *t = xcalloc(1, sizeof(*t));

	temp_new(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	temp_done(*state);
	free(*state);
	return 0;
}

static const struct scan_entry *entry(const struct scan_result *r, const char *path)
{
	for (size_t i = 0; i < r->n_entries; i++)
		if (!strcmp(r->entries[i].path, path))
			return &r->entries[i];
	return NULL;
}

static void test_kinds(void **state)
{
	struct temp *t = *state;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const atomic_bool cancel = false;
	struct scan_result r;
	struct stat st;
	int s;

	close(temp_file(t, "a.img"));
	assert_int_equal(mkdirat(t->fd, "sub", 0755), 0);
	assert_int_equal(mkdirat(t->fd, "sub/.spokesync", 0755), 0);
	assert_int_equal(mkdirat(t->fd, ".spokesync", 0755), 0);
	close(temp_file(t, ".spokesync/x"));
	close(temp_file(t, "sub/.spokesync/x"));
	close(temp_file(t, "sub/b.img"));
	close(temp_file(t, "bad\nname"));
	assert_int_equal(symlinkat("a.img", t->fd, "link"), 0);
	assert_int_equal(symlinkat("/", t->fd, "root"), 0);
	assert_int_equal(mkfifoat(t->fd, "fifo", 0600), 0);
	assert_true(snprintf(sun.sun_path, sizeof(sun.sun_path), "%.90s/sock", t->path) < 100);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	scan_run(t->fd, &cancel, &r);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.n_entries, 7);
	assert_null(entry(&r, "a.img")->skip);
	assert_null(entry(&r, "sub/b.img")->skip);
	assert_non_null(strstr(entry(&r, "bad\nname")->skip, "name"));
	assert_non_null(strstr(entry(&r, "link")->skip, "link"));
	assert_non_null(strstr(entry(&r, "root")->skip, "link"));
	assert_non_null(strstr(entry(&r, "fifo")->skip, "pipe"));
	assert_non_null(strstr(entry(&r, "sock")->skip, "socket"));
	assert_int_equal(r.n_dirs, 2);
	assert_string_equal(r.dirs[0], "");
	assert_string_equal(r.dirs[1], "sub");
	/* Its own files are not there for anybody. */
	assert_int_equal(r.n_present, 8);
	assert_int_equal(fstatat(t->fd, "sub/b.img", &st, 0), 0);
	assert_int_equal(entry(&r, "sub/b.img")->identity.ino, st.st_ino);
	scan_done(&r);
	close(s);
}

static void test_another_filesystem(void **state)
{
	struct temp *t = *state;
	struct stat st;

	close(temp_file(t, "a"));
	assert_int_equal(fstatat(t->fd, "a", &st, 0), 0);
	assert_null(scan_judge("a", &st, (uint64_t)st.st_dev));
	assert_non_null(strstr(scan_judge("a", &st, (uint64_t)st.st_dev + 1), "filesystem"));
}

static void test_too_deep_is_an_error(void **state)
{
	struct temp *t = *state;
	const atomic_bool cancel = false;
	struct scan_result r;
	int fd = dup(t->fd), next;

	for (unsigned i = 0; i < SCAN_DEPTH_MAX + 2; i++) {
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	scan_run(t->fd, &cancel, &r);
	assert_int_equal(r.error, -ELOOP);
	assert_non_null(strstr(r.text, "levels"));
	scan_done(&r);
}

static void test_cancel(void **state)
{
	struct temp *t = *state;
	const atomic_bool cancel = true;
	struct scan_result r;

	close(temp_file(t, "a"));
	scan_run(t->fd, &cancel, &r);
	assert_int_equal(r.error, -ECANCELED);
	scan_done(&r);
}

struct hints {
	unsigned touched, scans;
	char last[64];
};

static void touched(void *arg, const char *path)
{
	struct hints *h = arg;

	h->touched++;
	snprintf(h->last, sizeof(h->last), "%s", path);
}

static void scan_wanted(void *arg)
{
	((struct hints *)arg)->scans++;
}

/* Events are there as soon as the call that made them has returned. */
static void take(struct ev_loop *loop, struct hints *h)
{
	memset(h, 0, sizeof(*h));
	ev_run(loop, EVRUN_NOWAIT);
}

static void test_watch(void **state)
{
	struct temp *t = *state;
	struct ev_loop *loop = ev_loop_new(0);
	struct hints h = {0};
	struct watch_events ev = {.touched = touched, .scan = scan_wanted, .arg = &h};
	struct err e;
	struct watch *w;

	w = watch_new(loop, t->path, &ev, &e);
	if (!w) {
		ev_loop_destroy(loop);
		skip();
	}
	assert_int_equal(mkdirat(t->fd, "sub", 0755), 0);
	assert_int_equal(watch_add(w, ""), 1);
	assert_int_equal(watch_add(w, "sub"), 1);
	assert_int_equal(watch_add(w, "sub"), 0);
	assert_true(watch_add(w, "nowhere") < 0);
	close(temp_file(t, "sub/a"));
	take(loop, &h);
	assert_true(h.touched > 0);
	assert_string_equal(h.last, "sub/a");
	assert_int_equal(h.scans, 0);
	assert_int_equal(mkdirat(t->fd, ".spokesync", 0755), 0);
	take(loop, &h);
	assert_int_equal(h.touched + h.scans, 0);
	assert_int_equal(mkdirat(t->fd, "new", 0755), 0);
	take(loop, &h);
	assert_int_equal(h.scans, 1);
	/* Moved: the old name is forgotten, and the new one may be watched. */
	assert_int_equal(renameat(t->fd, "sub", t->fd, "other"), 0);
	take(loop, &h);
	assert_true(h.scans > 0);
	close(temp_file(t, "other/b"));
	take(loop, &h);
	assert_int_equal(h.touched, 0);
	assert_int_equal(watch_add(w, "other"), 1);
	assert_int_equal(unlinkat(t->fd, "other/b", 0), 0);
	take(loop, &h);
	assert_string_equal(h.last, "other/b");
	watch_free(w);
	ev_loop_destroy(loop);
}

static void count(void *arg, void *value)
{
	(void)value;
	++*(unsigned *)arg;
}

static void test_strmap(void **state)
{
	static char keys[1000][8];
	struct strmap m = {0};
	unsigned n = 0;

	(void)state;
	assert_null(strmap_get(&m, "x"));
	assert_null(strmap_remove(&m, "x"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%u", i);
		strmap_put(&m, keys[i], keys[i]);
	}
	assert_int_equal(m.n, 1000);
	for (unsigned i = 0; i < 1000; i += 2)
		assert_ptr_equal(strmap_remove(&m, keys[i]), keys[i]);
	for (unsigned i = 0; i < 1000; i++)
		assert_ptr_equal(strmap_get(&m, keys[i]), i % 2 ? keys[i] : NULL);
	strmap_put(&m, keys[1], keys[2]);
	assert_ptr_equal(strmap_get(&m, keys[1]), keys[2]);
	strmap_each(&m, count, &n);
	assert_int_equal(n, 500);
	strmap_done(&m);
	assert_null(strmap_get(&m, keys[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_filesystem, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_deep_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test(test_strmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
