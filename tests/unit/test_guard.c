/*
 * test_guard.c: images by qemu-img, with the bytes changed that an open or unclean one has.
 */
#include "scheduler/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/temp.h"

static void make(const struct temp *t, const char *format, const char *name)
{
	char command[700];

	snprintf(command, sizeof(command), "qemu-img create -q -f %s '%s/%s' 16M", format, t->path,
		 name);
	assert_int_equal(system(command), 0);
}

static struct guard_mark mark;
static char lock[NAME_MAX + 1]; /* of the last look */

static const char *objects(const struct temp *t, const char *name)
{
	struct group_cfg g = {.unclean = UNCLEAN_HOLD};
	const struct guard *guard, *sent;

	assert_int_equal(lockfile_parse(LOCKFILE_DEFAULT, &g.lock, NULL), 0);
	guard = guard_objects(t->fd, name, &g, &mark, lock);
	assert_true(!guard || strlen(guard->advice) > 20);
	assert_int_equal(lock[0] != '\0', guard && !strcmp(guard->word, "lock"));
	/* Sent as it is: what is in use is held all the same. */
	g.unclean = UNCLEAN_SEND;
	sent = guard_objects(t->fd, name, &g, &mark, lock);
	assert_ptr_equal(sent, guard && strstr("open lock", guard->word) ? guard : NULL);
	return guard ? guard_says(guard) : NULL;
}

static int edit(const struct temp *t, const char *name)
{
	int fd = openat(t->fd, name, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static uint32_t crc32c(const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len * 8; i++) {
		crc ^= (uint32_t)(p[i / 8] >> i % 8 & 1);
		crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

static void put_crc(uint8_t h[4096])
{
	uint32_t crc = crc32c(h, 4096);

	for (unsigned i = 0; i < 4; i++)
		h[4 + i] = (uint8_t)(crc >> 8 * i);
}

/* Sets a byte of the log GUID in the header at offset, and its sequence number. */
static void vhdx_header(const struct temp *t, const char *name, off_t offset, uint8_t log,
			uint8_t sequence)
{
	uint8_t h[4096];
	int fd = edit(t, name);

	assert_int_equal(pread(fd, h, sizeof(h), offset), sizeof(h));
	memset(h + 4, 0, 12);
	h[8] = sequence;
	memset(h + 48, 0, 16);
	h[50] = log;
	put_crc(h);
	assert_int_equal(pwrite(fd, h, sizeof(h), offset), sizeof(h));
	close(fd);
}

static void test_vhdx_log(void **state)
{
	struct temp t;

	(void)state;
	mark.has = false;
	temp_new(&t);
	make(&t, "vhdx", "a.vhdx");
	assert_null(objects(&t, "a.vhdx"));
	/* The header with the larger sequence is the one that counts, whichever it is. */
	vhdx_header(&t, "a.vhdx", 128 << 10, 1, 9);
	vhdx_header(&t, "a.vhdx", 64 << 10, 0, 8);
	assert_non_null(strstr(objects(&t, "a.vhdx"), "log"));
	vhdx_header(&t, "a.vhdx", 64 << 10, 0, 10);
	mark.has = false;
	assert_null(objects(&t, "a.vhdx"));
	/* A raw image is never probed, whatever a guest writes into it. */
	vhdx_header(&t, "a.vhdx", 64 << 10, 1, 11);
	assert_int_equal(renameat(t.fd, "a.vhdx", t.fd, "a.raw"), 0);
	assert_null(objects(&t, "a.raw"));
	temp_done(&t);
}

/*
 * Two headers, and the current one moved on between two looks: somebody writes. Catches: a mark
 * that leaves out the identifiers, or is not taken anew.
 */
static void test_vhdx_moves(void **state)
{
	struct temp t;

	(void)state;
	mark.has = false;
	temp_new(&t);
	make(&t, "vhdx", "a.vhdx");
	assert_null(objects(&t, "a.vhdx")); /* no look before */
	assert_true(mark.has);
	for (unsigned i = 0; i < 2; i++) { /* FileWriteGuid, DataWriteGuid: same sequence number */
		uint8_t h[4096], other[4096];
		int fd = edit(&t, "a.vhdx");

		assert_int_equal(pread(fd, h, sizeof(h), 128 << 10), sizeof(h));
		assert_int_equal(pread(fd, other, sizeof(other), 64 << 10), sizeof(other));
		if (h[8] < other[8])
			memcpy(h, other, sizeof(h));
		h[16 + 16 * i] ^= 1;
		memset(h + 4, 0, 4);
		put_crc(h);
		assert_int_equal(pwrite(fd, h, sizeof(h), 128 << 10), sizeof(h));
		assert_int_equal(pwrite(fd, h, sizeof(h), 64 << 10), sizeof(h));
		close(fd);
		assert_non_null(strstr(objects(&t, "a.vhdx"), "between two looks"));
		assert_null(objects(&t, "a.vhdx"));
		guard_mark_take(t.fd, "a.vhdx", &mark);
		assert_null(objects(&t, "a.vhdx"));
	}
	/* Both valid, the same sequence number, and not alike; then neither valid. */
	vhdx_header(&t, "a.vhdx", 128 << 10, 1, 7);
	vhdx_header(&t, "a.vhdx", 64 << 10, 0, 7);
	assert_non_null(strstr(objects(&t, "a.vhdx"), "damaged"));
	for (unsigned at = 64; at <= 128; at += 64) {
		int fd = edit(&t, "a.vhdx");

		assert_int_equal(pwrite(fd, "x", 1, at << 10 | 100), 1);
		close(fd);
	}
	assert_non_null(strstr(objects(&t, "a.vhdx"), "damaged"));
	temp_done(&t);
}

static void test_qcow2_bits(void **state)
{
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	make(&t, "qcow2", "a.qcow2");
	assert_null(objects(&t, "a.qcow2"));
	fd = edit(&t, "a.qcow2");
	assert_int_equal(pwrite(fd, "\1", 1, 79), 1);
	assert_string_equal(objects(&t, "a.qcow2"), "open for writing");
	close(fd);
	assert_non_null(strstr(objects(&t, "a.qcow2"), "dirty"));
	fd = edit(&t, "a.qcow2");
	assert_int_equal(pwrite(fd, "\3", 1, 79), 1);
	close(fd);
	assert_non_null(strstr(objects(&t, "a.qcow2"), "corrupt"));
	temp_done(&t);
}

static void test_lock_beside(void **state)
{
	static const char *const locks[] = {"d.raw.lok", "d.lok", "D.Raw.LOK", "D.lok"};
	struct temp t;

	(void)state;
	temp_new(&t);
	make(&t, "raw", "d.raw");
	for (unsigned i = 0; i < ARRAY_LEN(locks); i++) {
		int fd = openat(t.fd, locks[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		close(fd);
		assert_non_null(strstr(objects(&t, "d.raw"), "lock file"));
		assert_string_equal(lock, locks[i]);
		assert_null(objects(&t, locks[i]));
		assert_int_equal(unlinkat(t.fd, locks[i], 0), 0);
		assert_null(objects(&t, "d.raw"));
	}
	temp_done(&t);
}

static void test_no_sense_is_no_guard(void **state)
{
	struct temp t;

	(void)state;
	temp_new(&t);
	make(&t, "raw", "short.vhdx");
	make(&t, "raw", "short.qcow2");
	assert_null(objects(&t, "short.vhdx"));
	assert_null(objects(&t, "short.qcow2"));
	assert_null(objects(&t, "none.vhdx"));
	temp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vhdx_log),
		cmocka_unit_test(test_vhdx_moves),
		cmocka_unit_test(test_qcow2_bits),
		cmocka_unit_test(test_lock_beside),
		cmocka_unit_test(test_no_sense_is_no_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
