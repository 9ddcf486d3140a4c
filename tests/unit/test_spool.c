/*
 * test_spool.c: memory used round and round: what goes over its end is read in one piece, and what
 * is written a round later takes the place of what was there. The file has what was stored.
 */
#include "transfer/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LEN ((size_t)3 << 20)

static void test_round_and_round(void **state)
{
	char path[] = "/tmp/test_spool.XXXXXX";
	uint8_t *buf = xcalloc(1, LEN);
	struct spool *s;
	struct stat st;
	int fd = mkstemp(path), w;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(spool_open(fd, &s), 0);
	w = spool_dup(s);
	assert_true(w >= 0);
	for (uint64_t at = 0; at < 5 * SPOOL_SIZE; at += LEN) {
		for (size_t i = 0; i < LEN; i++)
			buf[i] = (uint8_t)((at + i) * 2654435761u >> 24);
		assert_int_equal(spool_write(w, at, buf, LEN), 0);
		assert_memory_equal(spool_at(s, at), buf, LEN);
	}
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_blocks, 0); /* nothing was asked to stay */
	assert_int_equal(spool_clear(s), 0);
	assert_int_equal(*spool_at(s, 7), 0);
	close(w);
	spool_close(s);
	free(buf);
}

/* A full spool, from any offset on. */
static void test_all_of_it(void **state)
{
	uint8_t *buf = xcalloc(1, SPOOL_SIZE);
	char path[] = "/tmp/test_spool.XXXXXX";
	struct spool *s;
	int fd = mkstemp(path), w;

	(void)state;
	unlink(path);
	assert_int_equal(spool_open(fd, &s), 0);
	w = spool_dup(s);
	assert_true(w >= 0);
	memset(buf, 'a', SPOOL_SIZE / 3);
	memset(buf + SPOOL_SIZE / 3, 'b', SPOOL_SIZE - SPOOL_SIZE / 3);
	assert_int_equal(spool_write(w, 7 * SPOOL_SIZE - 12345, buf, SPOOL_SIZE), 0);
	assert_memory_equal(spool_at(s, 7 * SPOOL_SIZE - 12345), buf, SPOOL_SIZE);
	close(w);
	spool_close(s);
	free(buf);
}

/* What was stored, over the end of a round too, is there after the memory was given back. */
static void test_stored(void **state)
{
	const uint64_t at = 3 * SPOOL_SIZE - LEN / 3;
	uint8_t *buf = xcalloc(1, LEN);
	char path[] = "/tmp/test_spool.XXXXXX";
	struct spool *s;
	struct stat st;
	int fd = mkstemp(path), w;

	(void)state;
	unlink(path);
	assert_int_equal(spool_open(fd, &s), 0);
	w = spool_dup(s);
	assert_true(w >= 0);
	for (size_t i = 0; i < LEN; i++)
		buf[i] = (uint8_t)(i * 2654435761u >> 24);
	assert_int_equal(spool_write(w, at, buf, LEN), 0);
	assert_int_equal(spool_store(s, at, at + LEN / 2), 0);
	assert_int_equal(spool_store(s, at + LEN / 2, at + LEN - 5), 0);
	spool_rest(s);
	assert_int_equal(fstat(w, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(spool_load(s, at, at + LEN - 5), 0);
	assert_memory_equal(spool_at(s, at), buf, LEN - 5);
	assert_int_equal(*spool_at(s, at + LEN - 5), 0); /* this was not stored */
	assert_int_equal(spool_clear(s), 0);
	assert_int_equal(spool_load(s, at, at + 1), -EIO);
	close(w);
	spool_close(s);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_and_round),
		cmocka_unit_test(test_all_of_it),
		cmocka_unit_test(test_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
