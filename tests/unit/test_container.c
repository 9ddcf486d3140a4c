/*
 * test_container.c: the parent that an image names: each format as its specification lays it out,
 * and headers that make no sense, which name none.
 */
#include "transfer/container.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/temp.h"

static void put(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

static void put_big(uint8_t *p, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

/* ASCII as UTF-16; the bytes. */
static size_t wide(uint8_t *p, const char *s, bool big_endian)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++) {
		p[2 * i + big_endian] = (uint8_t)s[i];
		p[2 * i + !big_endian] = 0;
	}
	return 2 * n;
}

static void expect(int fd, const char *path, const char *parent)
{
	char name[64];

	assert_int_equal(container_parent(fd, path, name, sizeof(name)), parent ? 0 : -ENOENT);
	if (parent)
		assert_string_equal(name, parent);
}

#define METADATA 0x200000u
#define LOCATOR	 0x10000u

/* MS-VHDX 2.2.3 (region table), 2.6 (metadata table), 2.6.2.6 (parent locator). */
static int make_vhdx(struct temp *t, const char *relative)
{
	static const uint8_t region[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
					   0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
	static const uint8_t item[16] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
					 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};
	uint8_t regions[16 + 64] = {0}, table[32 + 96] = {0}, locator[512] = {0};
	const char *keys[] = {"parent_linkage", "relative_path"};
	const char *values[] = {"{83ed0ec3-24c8-49a6-a959-5e4bd1288015}", relative};
	size_t at = 64;
	int fd = temp_file(t, "x");

	memcpy(regions, "regi", 4);
	put(regions + 8, 2, 4);
	memcpy(regions + 16 + 32, region, 16); /* the BAT's comes first */
	put(regions + 16 + 32 + 16, METADATA, 8);
	memcpy(table, "metadata", 8);
	put(table + 10, 3, 2);
	memcpy(table + 32 + 64, item, 16);
	put(table + 32 + 64 + 16, LOCATOR, 4);
	put(table + 32 + 64 + 20, sizeof(locator), 4);
	put(locator + 18, 2, 2);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *e = locator + 20 + 12 * i;
		size_t n = wide(locator + at, keys[i], false);

		put(e, at, 4);
		put(e + 8, n, 2);
		at += n;
		n = wide(locator + at, values[i], false);
		put(e + 4, at, 4);
		put(e + 10, n, 2);
		at += n;
	}
	temp_write(fd, regions, sizeof(regions), 192 << 10);
	temp_write(fd, table, sizeof(table), METADATA);
	temp_write(fd, locator, sizeof(locator), METADATA + LOCATOR);
	return fd;
}

static void test_vhdx(void **state)
{
	uint8_t regions[16 + 64];
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	fd = make_vhdx(&t, ".\\base.vhdx");
	expect(fd, "a.vhdx", "base.vhdx");
	expect(fd, "dir/A.AVHDX", "base.vhdx");
	expect(fd, "a.img", NULL); /* a guest may write what it wants into a raw image */
	/* The first table is broken: the second counts. */
	assert_int_equal(pread(fd, regions, sizeof(regions), 192 << 10), sizeof(regions));
	temp_write(fd, regions, sizeof(regions), 256 << 10);
	temp_write(fd, "iger", 4, 192 << 10);
	expect(fd, "a.vhdx", "base.vhdx");
	/* The locator's end cuts its value off; then it is beyond the file. */
	put(regions, 140, 4);
	temp_write(fd, regions, 4, METADATA + 32 + 64 + 20);
	expect(fd, "a.vhdx", NULL);
	put(regions, 512, 4);
	put(regions + 4, 0xfffffff0, 4);
	temp_write(fd, regions, 4, METADATA + 32 + 64 + 20);
	temp_write(fd, regions + 4, 4, METADATA + 32 + 64 + 16);
	expect(fd, "a.vhdx", NULL);
	close(fd);
	fd = make_vhdx(&t, "..\\base\\");
	expect(fd, "a.vhdx", NULL);
	close(fd);
	fd = make_vhdx(&t, "");
	expect(fd, "a.vhdx", NULL);
	close(fd);
	temp_done(&t);
}

static void test_vhd(void **state)
{
	/* 'b', U+00E4, U+20AC, U+1F4BE, ".vhd" */
	static const uint8_t name[] = {0,    'b', 0,   0xe4, 0x20, 0xac, 0xd8, 0x3d, 0xdc,
				       0xbe, 0,	  '.', 0,    'v',  0,	 'h',  0,    'd'};
	uint8_t footer[512] = "conectix", header[1024] = "cxsparse";
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	fd = temp_file(&t, "x");
	put_big(footer + 16, 512, 8);
	put_big(footer + 60, 4, 4);
	memcpy(header + 64, name, sizeof(name));
	temp_write(fd, footer, sizeof(footer), 0);
	temp_write(fd, header, sizeof(header), 512);
	expect(fd, "a.vhd", "b\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe.vhd");
	/* Half a surrogate pair. */
	put_big(header + 64 + 8, 'x', 2);
	temp_write(fd, header, sizeof(header), 512);
	expect(fd, "a.vhd", NULL);
	(void)wide(header + 64, "C:\\images\\base.vhd", true);
	temp_write(fd, header, sizeof(header), 512);
	expect(fd, "a.avhd", "base.vhd");
	/* A dynamic one has no parent, whatever its header says. */
	put_big(footer + 60, 3, 4);
	temp_write(fd, footer, sizeof(footer), 0);
	expect(fd, "a.vhd", NULL);
	close(fd);
	temp_done(&t);
}

static void test_qcow2(void **state)
{
	uint8_t head[104] = "QFI\xfb";
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	fd = temp_file(&t, "x");
	temp_write(fd, head, sizeof(head), 0);
	expect(fd, "a.qcow2", NULL);
	put_big(head + 8, 104, 8);
	put_big(head + 16, 12, 4);
	temp_write(fd, head, sizeof(head), 0);
	expect(fd, "a.qcow2", NULL); /* the file ends before it */
	temp_write(fd, "d/base.qcow2", 12, 104);
	expect(fd, "a.qcow2", "base.qcow2");
	temp_write(fd, "\0", 1, 110);
	expect(fd, "a.qcow2", NULL);
	put_big(head + 8, UINT64_MAX, 8);
	temp_write(fd, head, sizeof(head), 0);
	expect(fd, "a.qcow2", NULL);
	put_big(head + 8, 104, 8);
	put_big(head + 16, UINT32_MAX, 4);
	temp_write(fd, head, sizeof(head), 0);
	expect(fd, "a.qcow2", NULL);
	close(fd);
	temp_done(&t);
}

/* Bytes that changed here and there: an answer, whichever, and no read out of bounds. */
static void test_damaged(void **state)
{
	static const uint64_t places[] = {192 << 10, METADATA, METADATA + LOCATOR};
	uint64_t seed = 3;
	struct temp t;

	(void)state;
	temp_new(&t);
	for (unsigned i = 0; i < 300; i++) {
		int fd = make_vhdx(&t, ".\\base.vhdx");
		char name[64];

		for (unsigned k = 0; k < 4; k++) {
			uint8_t byte = (uint8_t)temp_random(&seed);

			temp_write(fd, &byte, 1,
				   places[temp_random(&seed) % 3] + temp_random(&seed) % 200);
		}
		if (container_parent(fd, "a.vhdx", name, sizeof(name)) == 0)
			assert_in_range(strlen(name), 1, sizeof(name) - 1);
		close(fd);
	}
	temp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vhdx),
		cmocka_unit_test(test_vhd),
		cmocka_unit_test(test_qcow2),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
