/*
 * test_scrub.c: a file read again piece by piece against its record: holes and data, damage found
 * and counted once, where it goes on, and what is not the recorded file. Seen to fail without
 * check_hole(), without check_bytes(), and with identities that are not looked at.
 */
#include "transfer/scrub.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/index.h"

#define SIZE ((uint64_t)5 << 20)

struct fixture {
	struct store *store;
	char dir[64];
	int fd;
	struct hash root;
	struct identity id;
};

static void look(struct fixture *f)
{
	struct stat st;

	assert_int_equal(fstat(f->fd, &st), 0);
	identity_of(&st, &f->id);
}

/* A megabyte of data, three of a hole, some of data, not whole blocks. */
static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = *state = &fixture;
	uint64_t seed = 7;
	uint8_t *buf = xcalloc(1, 1 << 20);
	struct err e;

	strcpy(f->dir, "/tmp/test_scrub.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, &f->store, &e), 0);
	f->fd = openat(f->store->root_fd, "file", O_RDWR | O_CREAT, 0600);
	temp_fill(&seed, buf, 1 << 20);
	temp_write(f->fd, buf, 1 << 20, 0);
	temp_write(f->fd, buf, (1 << 20) - 100, 4 << 20);
	free(buf);
	assert_int_equal(index_build(f->fd, f->store->index_fd, NULL, NULL, &f->root, &e), 0);
	look(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[100];

	close(f->fd);
	store_close(f->store);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	return system(cmd);
}

static int read_all(struct fixture *f, struct scrub *x, uint64_t step, unsigned *ret_steps)
{
	int r;

	for (*ret_steps = 1;
	     (r = scrub_part(f->store, "file", &f->id, &f->root, x, step, NULL)) == 1;)
		++*ret_steps;
	return r;
}

static void test_good(void **state)
{
	struct fixture *f = *state;
	struct scrub x = {0}, y = {0};
	unsigned steps;

	assert_int_equal(read_all(f, &x, UINT64_MAX / 2, &steps), 0);
	assert_int_equal(steps, 1);
	assert_int_equal(x.read, (2 << 20) - 100); /* the hole is not read */
	assert_int_equal(x.bad, 0);
	assert_int_equal(read_all(f, &y, 1 << 20, &steps), 0);
	assert_true(steps > 1);
	assert_int_equal(y.read, x.read);
	assert_int_equal(y.bad, 0);
}

/* The same identity, other bytes: written, and then taken for what was recorded. */
static void test_damage(void **state)
{
	struct fixture *f = *state;
	struct scrub x = {0};
	unsigned steps;

	temp_write(f->fd, "x", 1, 9 * BLOCK_SIZE + 5);
	temp_write(f->fd, "x", 1, (5 << 20) - 200);	 /* the last block */
	temp_write(f->fd, "x", 1, (2 << 20) + 4096 * 3); /* in the hole */
	assert_int_equal(fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 << 20,
				   2 * BLOCK_SIZE),
			 0); /* data that became a hole */
	look(f);
	assert_int_equal(read_all(f, &x, 1 << 20, &steps), 0);
	assert_int_equal(x.bad, 5);
	assert_int_equal(x.first_bad, 9);
}

static void test_other(void **state)
{
	static const struct hash none = {{1}};
	struct fixture *f = *state;
	const atomic_bool cancel = true;
	struct scrub x = {0};

	assert_int_equal(scrub_part(f->store, "none", &f->id, &f->root, &x, 1, NULL), -ENOENT);
	assert_int_equal(scrub_part(f->store, "file", &f->id, &none, &x, 1, NULL), -ENODATA);
	assert_int_equal(scrub_part(f->store, "file", &f->id, &f->root, &x, 1, &cancel),
			 -ECANCELED);
	assert_int_equal(x.next, 0);
	temp_write(f->fd, "x", 1, 0);
	assert_int_equal(scrub_part(f->store, "file", &f->id, &f->root, &x, 1, NULL), -ESTALE);
	assert_int_equal(symlinkat("file", f->store->root_fd, "link"), 0);
	assert_true(scrub_part(f->store, "link", &f->id, &f->root, &x, 1, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
