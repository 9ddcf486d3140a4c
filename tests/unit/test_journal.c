/*
 * test_journal.c: records come back in order; whatever was not wholly written is cut off.
 */
#include "transfer/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char dir[64];
	int fd;
};

struct seen {
	unsigned n;
	uint32_t type[16];
	size_t len[16];
	int fail_at;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlinkat(f->fd, "j", 0);
	close(f->fd);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int record(void *arg, uint32_t type, const uint8_t *data, size_t len)
{
	struct seen *s = arg;
	size_t i;

	if (s->fail_at && (int)s->n + 1 == s->fail_at)
		return -EBADMSG;
	for (i = 0; i < len; i++)
		assert_int_equal(data[i], (uint8_t)(type + i));
	s->type[s->n] = type;
	s->len[s->n++] = len;
	return 0;
}

static void append(struct journal *j, uint32_t type, size_t len)
{
	uint8_t buf[256];
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (uint8_t)(type + i);
	assert_int_equal(journal_append(j, type, buf, len), 0);
}

static void write_three(struct fixture *f)
{
	struct journal *j;

	assert_int_equal(journal_open(f->fd, "j", true, NULL, NULL, &j), 0);
	append(j, 1, 0);
	append(j, 2, 100);
	append(j, 3, 17);
	assert_int_equal(journal_sync(j), 0);
	journal_close(j);
}

static void reread(struct fixture *f, struct seen *s)
{
	struct journal *j;

	memset(s, 0, sizeof(*s));
	assert_int_equal(journal_open(f->fd, "j", false, record, s, &j), 0);
	journal_close(j);
}

static void test_replay(void **state)
{
	struct fixture *f = *state;
	struct journal *j;
	struct seen s;

	write_three(f);
	assert_int_equal(journal_open(f->fd, "j", true, NULL, NULL, &j), -EEXIST);
	reread(f, &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.type[2], 3);
	assert_int_equal(s.len[1], 100);
}

/* Cut at every byte: always a whole prefix of records, and appending goes on from there. */
static void test_torn_tail(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	struct journal *j;
	struct seen s;
	off_t cut;
	int fd;

	write_three(f);
	assert_int_equal(fstatat(f->fd, "j", &st, 0), 0);
	for (cut = st.st_size; cut >= 0; cut--) {
		unsigned want = cut == st.st_size ? 3 : cut >= 16 + 116 ? 2 : cut >= 16 ? 1 : 0;

		(void)unlinkat(f->fd, "j", 0);
		write_three(f);
		fd = openat(f->fd, "j", O_RDWR);
		assert_int_equal(ftruncate(fd, cut), 0);
		close(fd);
		reread(f, &s);
		assert_int_equal(s.n, want);
		assert_int_equal(journal_open(f->fd, "j", false, NULL, NULL, &j), 0);
		append(j, 9, 5);
		journal_close(j);
		reread(f, &s);
		assert_int_equal(s.n, want + 1);
		assert_int_equal(s.type[want], 9);
	}
}

/* A flipped byte anywhere ends the replay at that record. */
static void test_damage(void **state)
{
	struct fixture *f = *state;
	struct seen s;
	uint8_t b;
	int fd, i;

	for (i = 0; i < 16 + 116 + 33; i++) {
		(void)unlinkat(f->fd, "j", 0);
		write_three(f);
		fd = openat(f->fd, "j", O_RDWR);
		assert_int_equal(pread(fd, &b, 1, i), 1);
		b ^= 0x40;
		assert_int_equal(pwrite(fd, &b, 1, i), 1);
		close(fd);
		reread(f, &s);
		assert_int_equal(s.n, i < 16 ? 0 : i < 16 + 116 ? 1 : 2);
	}
}

static void test_refused_record(void **state)
{
	struct fixture *f = *state;
	struct seen s = {.fail_at = 2};
	struct journal *j;

	write_three(f);
	assert_int_equal(journal_open(f->fd, "j", false, record, &s, &j), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_record, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
