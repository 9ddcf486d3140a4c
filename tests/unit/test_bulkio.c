/* test_bulkio.c: every length and place is read as it is, on a disk and on tmpfs (which may have
 * no direct reads), and pages that were not in the cache before are not there afterwards. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/bulkio.h"

#define SIZE ((1u << 20) + 777)

static unsigned resident(int fd, size_t len)
{
	size_t pages = (len + 4095) / 4096;
	unsigned char *map = calloc(pages, 1);
	unsigned n = 0;
	void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mincore(p, len, map), 0);
	for (size_t i = 0; i < pages; i++)
		n += map[i] & 1;
	munmap(p, len);
	free(map);
	return n;
}

static void check_reads(int fd, const uint8_t *want)
{
	static const size_t lengths[] = {1, 4095, 4096, 4097, 100000, SIZE, SIZE + 5000};
	uint8_t *buf = bulk_buffer(SIZE + 8192);
	struct bulk *b;

	assert_int_equal(bulk_open(fd, &b), 0);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		for (uint64_t at = 0; at < SIZE + 8192; at += 65536 * 4 + 4096) {
			size_t left = at < SIZE ? SIZE - at : 0, n = MIN(lengths[i], left);

			memset(buf, 0xaa, SIZE + 8192);
			assert_int_equal(bulk_read(b, buf, lengths[i], at), n);
			assert_memory_equal(buf, want + at, n);
			/* nothing is written beyond what was asked for */
			assert_int_equal(buf[(lengths[i] + 4095) / 4096 * 4096], 0xaa);
		}
	}
	bulk_close(b);
	free(buf);
}

static void on(const char *where)
{
	uint8_t *bytes = malloc(SIZE + 300000);
	uint64_t seed = 3;
	struct temp t;
	int fd;

	if (where != NULL)
		setenv("TMPDIR", where, 1);
	temp_new(&t);
	if (where != NULL)
		unsetenv("TMPDIR");
	temp_fill(&seed, bytes, SIZE);
	fd = temp_file(&t, "f");
	temp_write(fd, bytes, SIZE, 0);
	check_reads(fd, bytes);
	close(fd);
	temp_done(&t);
	free(bytes);
}

static void test_on_disk(void **state)
{
	(void)state;
	on(NULL);
}

static void test_on_tmpfs(void **state)
{
	(void)state;
	on("/dev/shm");
}

static void test_cache_is_left(void **state)
{
	uint8_t *bytes = calloc(1, SIZE), *buf = bulk_buffer(SIZE);
	struct temp t;
	struct bulk *b;
	unsigned before;
	int fd;

	(void)state;
	temp_new(&t);
	fd = temp_file(&t, "f");
	temp_write(fd, bytes, SIZE, 0);
	assert_int_equal(fsync(fd), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	assert_int_equal(pread(fd, bytes, 4096, 40960), 4096);
	before = resident(fd, SIZE);
	assert_int_equal(bulk_open(fd, &b), 0);
	assert_int_equal(bulk_read(b, buf, SIZE, 0), SIZE);
	assert_int_equal(resident(fd, SIZE), before);
	bulk_close(b);
	close(fd);
	temp_done(&t);
	free(bytes);
	free(buf);
}

static void test_cached_until_closed(void **state)
{
	uint8_t *bytes = calloc(1, SIZE), *buf = bulk_buffer(SIZE + 4096);
	uint64_t seed = 9;
	struct temp t;
	struct bulk *b;
	int fd;

	(void)state;
	temp_new(&t);
	temp_fill(&seed, bytes, SIZE);
	fd = temp_file(&t, "f");
	temp_write(fd, bytes, SIZE, 0);
	assert_int_equal(fsync(fd), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	assert_int_equal(pread(fd, buf, 4096, 40960), 4096);
	assert_int_equal(resident(fd, SIZE), 1);
	/* What it brings in goes in the end; what was there does not. */
	assert_int_equal(bulk_open_cached(fd, &b), 0);
	assert_int_equal(bulk_read(b, buf, 8192, 36864), 8192);
	assert_int_equal(bulk_read(b, buf, 4096, 49152), 4096);
	assert_int_equal(resident(fd, SIZE), 3);
	assert_int_equal(bulk_take(b, buf, 8192, 0), -EAGAIN);
	assert_int_equal(bulk_take(b, buf, 8192, 49152), -EAGAIN);
	assert_int_equal(resident(fd, SIZE), 3);
	bulk_close(b);
	assert_int_equal(resident(fd, SIZE), 1);
	/* What it leaves is there for whoever takes it, the end of the file too. */
	assert_int_equal(bulk_open_cached(fd, &b), 0);
	assert_int_equal(bulk_read(b, buf, 65536 + 777, 1 << 20), 777);
	assert_int_equal(bulk_read(b, buf, 8192, 4096), 8192);
	bulk_leave(b);
	bulk_close(b);
	assert_int_equal(resident(fd, SIZE), 4);
	assert_int_equal(bulk_open_cached(fd, &b), 0);
	assert_int_equal(bulk_take(b, buf, 8192, 4096), 8192);
	assert_memory_equal(buf, bytes + 4096, 8192);
	assert_int_equal(bulk_take(b, buf, 777, 1 << 20), 777);
	assert_memory_equal(buf, bytes + (1 << 20), 777);
	bulk_close(b);
	assert_int_equal(resident(fd, SIZE), 1);
	close(fd);
	temp_done(&t);
	free(bytes);
	free(buf);
}

static void test_errors(void **state)
{
	struct bulk *b;

	(void)state;
	assert_true(bulk_open(-1, &b) < 0);
	assert_null(bulk_close(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_disk),	      cmocka_unit_test(test_on_tmpfs),
		cmocka_unit_test(test_cache_is_left), cmocka_unit_test(test_cached_until_closed),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
