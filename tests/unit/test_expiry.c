/*
 * test_expiry.c: of transfers and leaf records those go that are old and not wanted; those that
 * are young, listed, built or pinned stay.
 */
#include "transfer/expiry.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/index.h"
#include "transfer/index_build.h"
#include "transfer/staging.h"

#define OLD   ((time_t)1000000)
#define LIMIT ((time_t)2000000)

struct fixture {
	struct temp t;
	struct store *store;
	struct assembler *as;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = {""};

	temp_new(&f->t);
	assert_int_equal(store_open(f->t.path, &f->store, &e), 0);
	f->as = assembler_new(NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[600];

	store_close(f->store);
	assembler_free(f->as);
	snprintf(cmd, sizeof(cmd), "rm -rf %s/.spokesync", f->t.path);
	assert_int_equal(system(cmd), 0);
	temp_done(&f->t);
	free(f);
	return 0;
}

static void age(int dirfd, const char *name)
{
	struct timespec t[2] = {{.tv_sec = OLD}, {.tv_sec = OLD}};

	assert_int_equal(utimensat(dirfd, name, t, 0), 0);
}

static struct hash root_of(uint8_t c)
{
	struct hash h;

	memset(&h, c, sizeof(h));
	return h;
}

static bool there(int dirfd, const struct hash *root)
{
	char hex[HASH_HEX + 1];

	return faccessat(dirfd, hash_hex(root, hex), F_OK, 0) == 0;
}

/* A leaf record, as far as its name and its time go. */
static struct hash record(struct fixture *f, uint8_t c, bool old)
{
	struct hash root = root_of(c);
	char hex[HASH_HEX + 1];
	int fd = openat(f->store->index_fd, hash_hex(&root, hex), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
	if (old)
		age(f->store->index_fd, hex);
	return root;
}

static struct staging *transfer(struct fixture *f, const struct hash *root)
{
	struct staging *st;
	struct err e = {""};

	assert_int_equal(staging_create(f->store, f->as, root, 1 << 20, &st, &e), 0);
	return st;
}

static void age_transfer(struct fixture *f, const struct hash *root)
{
	char hex[HASH_HEX + 1], name[HASH_HEX + 16];

	snprintf(name, sizeof(name), "%s/" STAGING_JOURNAL, hash_hex(root, hex));
	age(f->store->staging_fd, name);
}

/* Catches: bases counted as a transfer's own; another order. */
static void test_transfers(void **state)
{
	struct fixture *f = *state;
	struct hash a = root_of(1), b = root_of(2);
	struct expiry_transfer *got;
	char name[HASH_HEX + 16], hex[HASH_HEX + 1];
	uint64_t before;
	int fd;

	assert_int_equal(expiry_transfers(f->store, true, &got), 0);
	free(got);
	staging_close(transfer(f, &a));
	staging_close(transfer(f, &b));
	age_transfer(f, &b);
	close(openat(f->store->staging_fd, "copy.1", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(expiry_transfers(f->store, true, &got), 2);
	assert_true(hash_equal(&got[0].root, &b) && hash_equal(&got[1].root, &a));
	assert_true(got[0].at == OLD && got[1].at > LIMIT);
	before = got[1].bytes;
	free(got);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s/%s", hash_hex(&a, hex),
			 i ? "pin.0" : STAGING_IMAGE);
		fd = openat(f->store->staging_fd, name, O_CREAT | O_WRONLY, 0600);
		assert_int_equal(posix_fallocate(fd, 0, MIB), 0);
		close(fd);
	}
	assert_int_equal(expiry_transfers(f->store, true, &got), 2);
	assert_int_equal(got[1].bytes, before + MIB);
	free(got);
}

static void test_leaves(void **state)
{
	struct fixture *f = *state;
	const atomic_bool no = false, yes = true;
	struct hash old = record(f, 1, true), young = record(f, 2, false),
		    listed = record(f, 3, true), built = record(f, 4, true), pinned;
	struct identity_change change;
	struct identity id;
	struct staging *st;
	struct err e = {""};
	struct stat sb;
	char hex[HASH_HEX + 1], delta[HASH_HEX + 8];
	int fd = temp_file(&f->t, "base");

	temp_write(fd, "base", 4, 0);
	assert_int_equal(index_build(fd, f->store->index_fd, NULL, NULL, &pinned, &e), 0);
	age(f->store->index_fd, hash_hex(&pinned, hex));
	assert_int_equal(fstat(fd, &sb), 0);
	identity_of(&sb, &id);
	st = transfer(f, &built);
	assert_int_equal(staging_pin(st, &pinned, fd, &id, &change, &e), 0);

	assert_int_equal(expiry_leaves(f->store, LIMIT, &listed, 1, 9, &yes), -ECANCELED);
	assert_int_equal(expiry_leaves(f->store, LIMIT, &listed, 1, 0, &no), 0);
	/* A record of changes waits to be merged: nothing goes. */
	snprintf(delta, sizeof(delta), "%s.delta", hash_hex(&young, hex));
	close(openat(f->store->index_fd, delta, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(expiry_leaves(f->store, LIMIT, &listed, 1, 9, &no), 0);
	assert_true(there(f->store->index_fd, &old));
	unlinkat(f->store->index_fd, delta, 0);

	assert_int_equal(expiry_leaves(f->store, LIMIT, &listed, 1, 9, &no), 1);
	assert_false(there(f->store->index_fd, &old));
	assert_true(there(f->store->index_fd, &young));
	assert_true(there(f->store->index_fd, &listed));
	assert_true(there(f->store->index_fd, &built));
	assert_true(there(f->store->index_fd, &pinned));

	/* The transfer is over: what it kept may go, a piece at a time. */
	(void)staging_unpin(st, &change);
	staging_close(st);
	assert_int_equal(staging_discard(f->store, &built), 0);
	assert_int_equal(expiry_leaves(f->store, LIMIT, &listed, 1, 1, &no), 1);
	assert_int_equal(expiry_leaves(f->store, LIMIT, &listed, 1, 9, &no), 1);
	assert_int_equal(expiry_leaves(f->store, LIMIT, &listed, 1, 9, &no), 0);
	assert_true(there(f->store->index_fd, &listed));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_transfers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
