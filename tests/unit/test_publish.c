/*
 * test_publish.c: files that take their place, what they replace, and names that lead outside.
 */
#include "transfer/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/mounted.h"
#include "transfer/index.h"

struct fixture {
	char dir[64];
	struct store *s;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = {""};

	strcpy(f->dir, "/tmp/test_publish.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, &f->s, &e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	store_close(f->s);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

static void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *get(int dir, const char *name)
{
	static char buf[256];
	int fd = openat(dir, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static const struct publish_attr attr = {
	.mtime = {1000000000, 123456789}, .mode = 0640, .uid = (uid_t)-1, .gid = (gid_t)-1};

static void test_put_and_replace(void **state)
{
	struct fixture *f = *state;
	struct identity made, now, old;
	struct publish_look look;
	struct err e = {""};

	put(f->s->staging_fd, "new", "one");
	assert_int_equal(publish_prepare(f->s, "new", "a/b/file", &attr, &made, &e), 0);
	assert_int_equal(publish_commit(f->s, "new", "a/b/file", "kept.1", &now, &old, &e), 0);
	assert_string_equal(get(f->s->root_fd, "a/b/file"), "one");
	assert_int_equal(now.ino, made.ino);
	assert_int_equal(old.ino, 0);
	assert_null(get(f->s->preserved_fd, "kept.1"));
	assert_int_equal(publish_look(f->s, "a/b/file", &look, &e), 0);
	assert_true(look.present && identity_equal(&look.identity, &now));
	assert_int_equal(look.mode, 0640);
	assert_int_equal(now.mtime.tv_sec, 1000000000);
	assert_int_equal(now.mtime.tv_nsec, 123456789);

	put(f->s->staging_fd, "new", "two");
	assert_int_equal(publish_prepare(f->s, "new", "a/b/file", &attr, &made, &e), 0);
	assert_int_equal(publish_commit(f->s, "new", "a/b/file", "kept.1", &now, &old, &e), 0);
	assert_string_equal(get(f->s->root_fd, "a/b/file"), "two");
	assert_string_equal(get(f->s->preserved_fd, "kept.1"), "one");
	assert_int_equal(old.ino, look.identity.ino);
	/* A name in preserved/ that is taken is never overwritten. */
	put(f->s->staging_fd, "new", "three");
	assert_int_equal(publish_commit(f->s, "new", "a/b/file", "kept.1", &now, &old, &e),
			 -EEXIST);
	assert_string_equal(get(f->s->root_fd, "a/b/file"), "two");
	assert_int_equal(publish_remove(f->s, "a/b/file", "kept.2", &old, &e), 0);
	assert_null(get(f->s->root_fd, "a/b/file"));
	assert_string_equal(get(f->s->preserved_fd, "kept.2"), "two");
	assert_int_equal(publish_remove(f->s, "a/b/file", "kept.2", &old, &e), 0);
	assert_int_equal(publish_remove(f->s, "a/none/file", NULL, &old, &e), 0);
}

/* After a crash between the link and the rename, the same again. */
static void test_repeated_commit(void **state)
{
	struct fixture *f = *state;
	struct identity now, old;
	struct err e = {""};

	put(f->s->root_fd, "file", "old");
	put(f->s->staging_fd, "new", "new");
	assert_int_equal(linkat(f->s->root_fd, "file", f->s->preserved_fd, "kept", 0), 0);
	assert_int_equal(publish_commit(f->s, "new", "file", "kept", &now, &old, &e), 0);
	assert_string_equal(get(f->s->root_fd, "file"), "new");
	assert_string_equal(get(f->s->preserved_fd, "kept"), "old");
}

static void test_outside(void **state)
{
	struct fixture *f = *state;
	struct identity now, old;
	struct publish_look look;
	struct err e = {""};
	char out[96], at[128];

	snprintf(out, sizeof(out), "%s.out", f->dir); /* beside the group's directory */
	snprintf(at, sizeof(at), "%s/x", out);
	assert_int_equal(mkdir(out, 0700), 0);
	put(f->s->staging_fd, "new", "x");
	assert_int_equal(symlinkat(out, f->s->root_fd, "link"), 0);
	assert_int_equal(symlinkat("/etc/passwd", f->s->root_fd, "leaf"), 0);
	assert_true(publish_commit(f->s, "new", "link/x", NULL, &now, &old, &e) < 0);
	assert_true(publish_commit(f->s, "new", "../x", NULL, &now, &old, &e) < 0);
	assert_true(publish_commit(f->s, "new", at, NULL, &now, &old, &e) < 0);
	assert_true(publish_remove(f->s, "link/x", NULL, &old, &e) < 0);
	assert_true(publish_look(f->s, "leaf", &look, &e) < 0);
	assert_true(publish_attr(f->s, "leaf", &attr, &now, &e) < 0);
	assert_string_equal(get(f->s->staging_fd, "new"), "x");
	assert_int_equal(rmdir(out), 0); /* empty: nothing came */
}

static void test_copy(void **state)
{
	struct fixture *f = *state;
	struct publish_look look;
	struct hash root, other = {{1}};
	struct err e = {""};
	int fd;

	put(f->s->root_fd, "from", "content");
	fd = openat(f->s->root_fd, "from", O_RDONLY);
	assert_int_equal(index_build(fd, f->s->index_fd, NULL, NULL, &root, &e), 0);
	close(fd);
	assert_int_equal(publish_look(f->s, "from", &look, &e), 0);
	assert_int_equal(publish_copy(f->s, "from", false, &look.identity, &root, "copy", NULL, &e),
			 0);
	assert_string_equal(get(f->s->staging_fd, "copy"), "content");
	look.identity.size++;
	assert_int_equal(publish_copy(f->s, "from", false, &look.identity, &root, "copy", NULL, &e),
			 -ESTALE);
	look.identity.size--;
	if (!f->s->reflink)
		assert_int_equal(
			publish_copy(f->s, "from", false, &look.identity, &other, "copy", NULL, &e),
			-ESTALE);
	assert_int_equal(publish_copy(f->s, "gone", false, &look.identity, &root, "copy", NULL, &e),
			 -ESTALE);
}

static void test_rename_and_attr(void **state)
{
	struct fixture *f = *state;
	struct identity now, old;
	struct err e = {""};

	put(f->s->root_fd, "a", "a");
	put(f->s->root_fd, "b", "b");
	assert_int_equal(publish_rename(f->s, "a", "b", "kept", &now, &old, &e), 0);
	assert_string_equal(get(f->s->root_fd, "b"), "a");
	assert_string_equal(get(f->s->preserved_fd, "kept"), "b");
	assert_null(get(f->s->root_fd, "a"));
	assert_int_equal(publish_attr(f->s, "b", &attr, &now, &e), 0);
	assert_int_equal(now.mtime.tv_sec, 1000000000);
	assert_int_equal(publish_attr(f->s, "none", &attr, &now, &e), -ENOENT);
}

/* Empty directories give way to a file of their name; one with a file in it does not. */
static void test_directory_in_the_way(void **state)
{
	struct fixture *f = *state;
	struct identity made, now, old;
	struct publish_look look;
	struct err e = {""};

	assert_int_equal(mkdirat(f->s->root_fd, "d", 0700), 0);
	assert_int_equal(mkdirat(f->s->root_fd, "d/a", 0700), 0);
	assert_int_equal(mkdirat(f->s->root_fd, "d/a/b", 0700), 0);
	put(f->s->root_fd, "d/a/mine", "mine");
	put(f->s->staging_fd, "one", "one");
	assert_int_equal(publish_look(f->s, "d", &look, &e), 0);
	assert_true(look.directory && !look.present);
	assert_int_equal(publish_prepare(f->s, "one", "d", &attr, &made, &e), 0);
	assert_int_equal(publish_commit(f->s, "one", "d", NULL, &now, &old, &e), -EISDIR);
	assert_string_equal(get(f->s->root_fd, "d/a/mine"), "mine");

	assert_int_equal(unlinkat(f->s->root_fd, "d/a/mine", 0), 0);
	assert_int_equal(publish_commit(f->s, "one", "d", NULL, &now, &old, &e), 0);
	assert_string_equal(get(f->s->root_fd, "d"), "one");
	assert_int_equal(publish_look(f->s, "d/below", &look, &e), -ENOTDIR);
}

/* What is kept of a file costs what the new one changed. Catches: all of it charged, as it was. */
static void test_differs(void **state)
{
	static uint8_t block[MIB];
	struct mounted m = {0};
	struct store *s;
	struct err e = {""};
	uint64_t seed = 3, all = 77 * MIB;
	int fd;

	(void)state;
	if (!mounted_new(&m, "xfs", "defaults"))
		skip();
	assert_int_equal(store_open(m.t.path, &s, &e), 0);
	fd = openat(s->root_fd, "old", O_RDWR | O_CREAT, 0600);
	temp_fill(&seed, block, sizeof(block));
	temp_write(fd, block, sizeof(block), 0);
	temp_write(fd, block, sizeof(block), 2 * MIB);
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(source_clone(fd, s->staging_fd, "new"), 0);
	assert_int_equal(publish_differs(s, "old", "new", all, NULL), 0);
	close(fd);
	fd = openat(s->staging_fd, "new", O_RDWR);
	temp_write(fd, block, 64 * KIB, 512 * KIB);
	assert_int_equal(fsync(fd), 0);
	close(fd);
	assert_int_equal(publish_differs(s, "old", "new", all, NULL), 64 * KIB);
	assert_int_equal(publish_differs(s, "old", "none", all, NULL), all);
	s->reflink = false;
	assert_int_equal(publish_differs(s, "old", "new", all, NULL), all);
	store_close(s);
	mounted_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put_and_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeated_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rename_and_attr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_in_the_way, setup, teardown),
		cmocka_unit_test(test_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
