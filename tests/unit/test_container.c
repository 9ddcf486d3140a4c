/*
 * test_container.c: what images say of themselves: images that qemu-img made, the fields that it
 * does not write put in by hand, and each of them damaged, one by one.
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

static void read_at(int fd, void *buf, size_t len, uint64_t at)
{
	assert_int_equal(pread(fd, buf, len, (off_t)at), len);
}

/* 8 MiB of disk with something here and there, as qemu-img converts it. */
static int make(const struct temp *t, const char *name, const char *format, const char *options)
{
	char command[2000];
	uint64_t seed = 5;
	uint8_t data[8192];
	int fd = temp_file(t, "raw");

	assert_int_equal(ftruncate(fd, 8 << 20), 0);
	for (unsigned i = 0; i < 3; i++) {
		temp_fill(&seed, data, sizeof(data));
		temp_write(fd, data, sizeof(data), i * 3 * MIB + 4096);
	}
	close(fd);
	snprintf(command, sizeof(command), "qemu-img convert -f raw -O %s %s '%s/raw' '%s/%s'",
		 format, options, t->path, t->path, name);
	assert_int_equal(system(command), 0);
	fd = openat(t->fd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static uint64_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

static void expect(int fd, const char *path, const char *parent)
{
	struct container c;

	container_look(fd, path, &c);
	assert_int_equal(c.has_parent, parent != NULL);
	assert_false(parent && c.untold);
	if (parent)
		assert_string_equal(c.parent, parent);
}

static enum container_fault fault(int fd, const char *path)
{
	struct container c;

	container_look(fd, path, &c);
	assert_int_equal(container_fault_text(c.fault) != NULL, c.fault != CONTAINER_SOUND);
	return c.fault;
}

/* A byte there is another one: the fault is this one; then it is as before. */
static void damaged(int fd, const char *path, uint64_t at, enum container_fault want)
{
	uint8_t byte, other;

	read_at(fd, &byte, 1, at);
	other = byte ^ 0x10;
	temp_write(fd, &other, 1, at);
	assert_int_equal(fault(fd, path), want);
	temp_write(fd, &byte, 1, at);
	assert_int_equal(fault(fd, path), CONTAINER_SOUND);
}

/* The file without its last bytes. */
static void cut(int fd, const char *path, uint64_t bytes, enum container_fault want)
{
	uint64_t size = size_of(fd);
	uint8_t *end = xcalloc(bytes, 1);

	read_at(fd, end, bytes, size - bytes);
	assert_int_equal(ftruncate(fd, (off_t)(size - bytes)), 0);
	assert_int_equal(fault(fd, path), want);
	temp_write(fd, end, bytes, size - bytes);
	assert_int_equal(fault(fd, path), CONTAINER_SOUND);
	free(end);
}

/* ---- VHDX ---- */

static const uint8_t metadata_guid[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
					  0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
static const uint8_t bat_guid[16] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
				     0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const uint8_t parameters_guid[16] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
					    0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
static const uint8_t locator_guid[16] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
					 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};

/* Where the entry with this GUID lies in the table at `at`, whose entries begin after head. */
static uint64_t entry(int fd, uint64_t at, uint64_t head, const uint8_t guid[16], uint8_t ret[32])
{
	for (unsigned i = 0; i < 32; i++) {
		read_at(fd, ret, 32, at + head + i * 32);
		if (!memcmp(ret, guid, 16))
			return at + head + i * 32;
	}
	fail();
	return 0;
}

static uint64_t number(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 4; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

#define LOCATOR 0x20000u

struct pair {
	const char *key, *value; /* value: ASCII */
};

/* qemu-img makes no differencing VHDX: one of its own gets a locator of up to 6 keys. Returns its
 * place. */
static uint64_t make_located(int fd, const struct pair *pairs, unsigned n_pairs)
{
	uint8_t e[32], head[32], locator[2048] = {0};
	uint64_t metadata, at, n;
	size_t to = 96;

	(void)entry(fd, 192 << 10, 16, metadata_guid, e);
	metadata = number(e + 16);
	(void)entry(fd, metadata, 32, parameters_guid, e);
	at = metadata + number(e + 16) + 4;
	temp_write(fd, "\2", 1, at); /* HasParent */
	read_at(fd, head, sizeof(head), metadata);
	n = number(head + 10) & 0xffff;
	memset(e, 0, sizeof(e));
	memcpy(e, locator_guid, 16);
	put(e + 16, LOCATOR, 4);
	put(e + 20, sizeof(locator), 4);
	temp_write(fd, e, sizeof(e), metadata + 32 + n * 32);
	put(head + 10, n + 1, 2);
	temp_write(fd, head, sizeof(head), metadata);
	put(locator + 18, n_pairs, 2);
	for (unsigned i = 0; i < n_pairs; i++) {
		uint8_t *k = locator + 20 + 12 * i;
		size_t len = wide(locator + to, pairs[i].key, false);

		put(k, to, 4);
		put(k + 8, len, 2);
		to += len;
		len = wide(locator + to, pairs[i].value, false);
		put(k + 4, to, 4);
		put(k + 10, len, 2);
		to += len;
	}
	temp_write(fd, locator, sizeof(locator), metadata + LOCATOR);
	return metadata;
}

static uint64_t make_child(int fd, const char *relative, const char *last_key)
{
	const struct pair pairs[] = {{"parent_linkage", "{83ed0ec3-24c8-49a6-a959-5e4bd1288015}"},
				     {"relative_path", relative},
				     {last_key, "x"}};

	return make_located(fd, pairs, last_key ? 3 : 2);
}

static void test_vhdx(void **state)
{
	static const struct {
		const char *options, *kind;
	} made[] = {{"-o subformat=dynamic,block_size=1M", "dynamic"},
		    {"-o subformat=fixed,block_size=1M", "fixed"}};
	struct container c;
	struct temp t;

	(void)state;
	temp_new(&t);
	for (unsigned i = 0; i < ARRAY_LEN(made); i++) {
		int fd = make(&t, "a.vhdx", "vhdx", made[i].options);

		container_look(fd, "a.vhdx", &c);
		assert_true(c.known && c.ids.has_own && c.has_mark && !c.has_parent &&
			    !c.ids.has_parent);
		assert_string_equal(c.kind, made[i].kind);
		assert_int_equal(c.virtual_size, 8 * MIB);
		assert_int_equal(c.block_size, MIB);
		assert_int_equal(c.fault, CONTAINER_SOUND);
		expect(fd, "a.vhdx", NULL);
		/* One header is enough, whichever. */
		damaged(fd, "a.vhdx", (64 << 10) + 200, CONTAINER_SOUND);
		damaged(fd, "a.vhdx", (128 << 10) + 200, CONTAINER_SOUND);
		cut(fd, "a.vhdx", MIB, CONTAINER_SHORT);
		cut(fd, "a.vhdx", 1, CONTAINER_SHORT);
		/* It is being extended. */
		assert_int_equal(ftruncate(fd, (off_t)size_of(fd) + 4096), 0);
		assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_SHORT);
		assert_int_equal(ftruncate(fd, (off_t)size_of(fd) - 4096), 0);
		assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_SOUND);
		/* So short that its tables are not all there. */
		cut(fd, "a.vhdx", size_of(fd) - 4 * MIB + 1, CONTAINER_SHORT);
		cut(fd, "a.vhdx", size_of(fd) - 2 * MIB - 1, CONTAINER_SHORT);
		/* By extension only: a guest may write what it wants into a raw image. */
		container_look(fd, "a.img", &c);
		assert_true(c.format == CONTAINER_RAW && !c.known && c.fault == CONTAINER_SOUND);
		assert_false(container_mark(fd, "a.img", c.mark));
		assert_false(container_mark(fd, "a.vhd", c.mark));
		close(fd);
	}
	temp_done(&t);
}

/* A block table whose entry leads beyond anything, and lengths that wrap round. */
static void test_vhdx_table(void **state)
{
	uint64_t at, table;
	struct temp t;
	uint8_t e[32], word[8];
	int fd;

	(void)state;
	temp_new(&t);
	fd = make(&t, "a.vhdx", "vhdx", "-o subformat=dynamic,block_size=1M");
	at = entry(fd, 192 << 10, 16, bat_guid, e);
	table = number(e + 16);
	read_at(fd, word, sizeof(word), table);
	assert_int_equal(word[0] & 7, 6);
	temp_write(fd, word, sizeof(word), table + 8);
	assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_OVERLAP);
	temp_write(fd, "\0\0\0\0\0\0\0", 8, table + 8);
	assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_SOUND);
	put(word, UINT64_MAX - 1, 8); /* state 6 */
	temp_write(fd, word, sizeof(word), table);
	assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_SHORT);
	put(word, UINT64_MAX - 7, 8); /* state 0: not present */
	temp_write(fd, word, sizeof(word), table);
	assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_SOUND);
	put(e + 16, UINT64_MAX - 20, 8);
	put(e + 24, UINT32_MAX, 4);
	temp_write(fd, e, sizeof(e), at);
	assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_SHORT);
	close(fd);
	temp_done(&t);
}

static void test_vhdx_parent(void **state)
{
	static const uint8_t linkage[16] = {0xc3, 0x0e, 0xed, 0x83, 0xc8, 0x24, 0xa6, 0x49,
					    0xa9, 0x59, 0x5e, 0x4b, 0xd1, 0x28, 0x80, 0x15};
	uint8_t regions[16 + 64];
	struct container c;
	uint64_t metadata, at;
	uint8_t e[32];
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	fd = make(&t, "a.vhdx", "vhdx", "-o subformat=dynamic,block_size=1M");
	metadata = make_child(fd, ".\\base.vhdx", NULL);
	container_look(fd, "dir/A.AVHDX", &c);
	assert_string_equal(c.kind, "differencing");
	assert_string_equal(c.parent, "base.vhdx");
	assert_true(c.has_parent && c.ids.has_parent);
	assert_memory_equal(c.ids.parent, linkage, sizeof(linkage));
	assert_int_equal(c.fault, CONTAINER_SOUND);
	/* The first table is broken: the second counts. */
	read_at(fd, regions, sizeof(regions), 192 << 10);
	temp_write(fd, regions, sizeof(regions), 256 << 10);
	temp_write(fd, "iger", 4, 192 << 10);
	expect(fd, "a.vhdx", "base.vhdx");
	/* The locator's end cuts its value off; then it is beyond the file. */
	at = entry(fd, metadata, 32, locator_guid, e);
	put(e + 20, 140, 4);
	temp_write(fd, e, sizeof(e), at);
	expect(fd, "a.vhdx", NULL);
	put(e + 20, 512, 4);
	put(e + 16, 0xfffffff0, 4);
	temp_write(fd, e, sizeof(e), at);
	expect(fd, "a.vhdx", NULL);
	close(fd);
	fd = make(&t, "a.vhdx", "vhdx", "");
	(void)make_child(fd, "..\\base\\", NULL);
	expect(fd, "a.vhdx", NULL);
	close(fd);
	fd = make(&t, "a.vhdx", "vhdx", "");
	(void)make_child(fd, ".\\base.vhdx", "parent_linkage2");
	assert_int_equal(fault(fd, "a.vhdx"), CONTAINER_MERGE);
	expect(fd, "a.vhdx", "base.vhdx");
	close(fd);
	temp_done(&t);
}

/* Which of the paths counts, in whatever order they come. Seen to catch: a parser that knows only
 * relative_path, one that takes the last or the first, and one to which no name is no parent. */
static void test_vhdx_paths(void **state)
{
#define WIN32  "absolute_win32_path", "D:\\images\\win32.vhdx"
#define VOLUME "volume_path", "\\\\?\\Volume{26a21bda}\\images\\volume.vhdx"
	static const struct {
		struct pair pairs[4];
		unsigned n;
		const char *parent;
	} cases[] = {
		{{{WIN32}}, 1, "win32.vhdx"},
		{{{VOLUME}}, 1, "volume.vhdx"},
		{{{WIN32}, {VOLUME}}, 2, "win32.vhdx"},
		{{{VOLUME}, {WIN32}}, 2, "win32.vhdx"},
		{{{"relative_path", ".\\base.vhdx"}, {VOLUME}, {WIN32}}, 3, "base.vhdx"},
		{{{VOLUME}, {WIN32}, {"relative_path", ".\\base.vhdx"}}, 3, "base.vhdx"},
		{{{"relative_path", "..\\base\\"}, {VOLUME}}, 2, "volume.vhdx"},
		{{{"parent_linkage", "{83ed0ec3-24c8-49a6-a959-5e4bd1288015}"}}, 1, NULL},
		{{{"relative_path", ""}, {"volume_path", "\\\\?\\"}}, 2, NULL},
	};
	struct container c;
	struct temp t;

	(void)state;
	temp_new(&t);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		int fd = make(&t, "a.vhdx", "vhdx", "-o subformat=dynamic,block_size=1M");

		(void)make_located(fd, cases[i].pairs, cases[i].n);
		expect(fd, "a.vhdx", cases[i].parent);
		container_look(fd, "a.vhdx", &c);
		assert_int_equal(c.untold, !cases[i].parent);
		close(fd);
	}
	temp_done(&t);
}

/* ---- VHD ---- */

static void vhd_sum(uint8_t *p, size_t len, size_t at)
{
	uint32_t sum = 0;

	put_big(p + at, 0, 4);
	for (size_t i = 0; i < len; i++)
		sum += p[i];
	put_big(p + at, (uint32_t)~sum, 4);
}

/* Both footers with this byte, and their sums right. */
static void vhd_footers(int fd, unsigned at, uint8_t byte)
{
	uint8_t footer[512];

	read_at(fd, footer, sizeof(footer), size_of(fd) - 512);
	footer[at] = byte;
	vhd_sum(footer, sizeof(footer), 64);
	temp_write(fd, footer, sizeof(footer), size_of(fd) - 512);
	temp_write(fd, footer, sizeof(footer), 0);
}

static void test_vhd(void **state)
{
	uint8_t word[4], front[512], other[512];
	struct container c;
	struct temp t;
	uint64_t size;
	int fd;

	(void)state;
	temp_new(&t);
	fd = make(&t, "a.vhd", "vpc", "-o subformat=dynamic,force_size=on");
	size = size_of(fd);
	container_look(fd, "A.VHD", &c);
	assert_true(c.known && c.ids.has_own && !c.has_parent && !c.ids.has_parent && !c.has_mark);
	assert_string_equal(c.kind, "dynamic");
	assert_int_equal(c.virtual_size, 8 * MIB);
	assert_int_equal(c.block_size, 2 * MIB);
	assert_int_equal(c.fault, CONTAINER_SOUND);
	/* Either of them, whether its sum is right or not. */
	damaged(fd, "a.vhd", 30, CONTAINER_FOOTER);
	damaged(fd, "a.vhd", size - 512 + 30, CONTAINER_FOOTER);
	damaged(fd, "a.vhd", size - 512 + 68, CONTAINER_FOOTER);
	damaged(fd, "a.vhd", 3, CONTAINER_FOOTER);
	cut(fd, "a.vhd", 512, CONTAINER_FOOTER);
	cut(fd, "a.vhd", 100000, CONTAINER_FOOTER);
	/* Both valid, and not alike: another time stamp in front. */
	read_at(fd, front, sizeof(front), 0);
	memcpy(other, front, sizeof(other));
	other[27] ^= 1;
	vhd_sum(other, sizeof(other), 64);
	temp_write(fd, other, sizeof(other), 0);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_FOOTER);
	temp_write(fd, front, sizeof(front), 0);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_SOUND);
	/* A block that the table has beyond the end: the file ends at its footer. */
	read_at(fd, word, sizeof(word), 1536);
	temp_write(fd, "\0\1\0\0", 4, 1536);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_SHORT);
	temp_write(fd, word, sizeof(word), 1536);
	/* Two in one place, and two of which one begins within the other. */
	read_at(fd, front, 4, 1540);
	temp_write(fd, word, sizeof(word), 1540);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_OVERLAP);
	word[3]++;
	temp_write(fd, word, sizeof(word), 1540);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_OVERLAP);
	temp_write(fd, front, 4, 1540);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_SOUND);
	vhd_footers(fd, 84, 1);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_SAVED);
	vhd_footers(fd, 84, 0);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_SOUND);
	close(fd);
	temp_done(&t);
}

/* Its front is the guest's: it may write what looks like the footer of another image there. */
static void test_vhd_fixed(void **state)
{
	uint8_t footer[512];
	struct container c;
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	fd = make(&t, "a.vhd", "vpc", "-o subformat=fixed,force_size=on");
	container_look(fd, "a.vhd", &c);
	assert_string_equal(c.kind, "fixed");
	assert_int_equal(c.virtual_size, 8 * MIB);
	assert_int_equal(c.fault, CONTAINER_SOUND);
	read_at(fd, footer, sizeof(footer), size_of(fd) - 512);
	put_big(footer + 48, 8 * MIB + 1, 8); /* more than there is before it */
	vhd_sum(footer, sizeof(footer), 64);
	temp_write(fd, footer, sizeof(footer), size_of(fd) - 512);
	assert_int_equal(fault(fd, "a.vhd"), CONTAINER_SHORT);
	put_big(footer + 48, 8 * MIB, 8);
	vhd_sum(footer, sizeof(footer), 64);
	temp_write(fd, footer, sizeof(footer), size_of(fd) - 512);
	put_big(footer + 60, 4, 4);
	put_big(footer + 48, GIB, 8);
	vhd_sum(footer, sizeof(footer), 64);
	temp_write(fd, footer, sizeof(footer), 0);
	container_look(fd, "a.vhd", &c);
	assert_string_equal(c.kind, "fixed");
	assert_int_equal(c.virtual_size, 8 * MIB);
	assert_int_equal(c.fault, CONTAINER_SOUND);
	close(fd);
	temp_done(&t);
}

static void test_vhd_parent(void **state)
{
	/* 'b', U+00E4, U+20AC, U+1F4BE, ".vhd" */
	static const uint8_t name[] = {0,    'b', 0,   0xe4, 0x20, 0xac, 0xd8, 0x3d, 0xdc,
				       0xbe, 0,	  '.', 0,    'v',  0,	 'h',  0,    'd'};
	uint8_t header[1024];
	struct container c;
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	fd = make(&t, "a.vhd", "vpc", "-o subformat=dynamic,force_size=on");
	vhd_footers(fd, 63, 4);
	read_at(fd, header, sizeof(header), 512);
	memset(header + 40, 0x5a, 16);
	memcpy(header + 64, name, sizeof(name));
	vhd_sum(header, sizeof(header), 36);
	temp_write(fd, header, sizeof(header), 512);
	container_look(fd, "a.avhd", &c);
	assert_string_equal(c.kind, "differencing");
	assert_string_equal(c.parent, "b\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe.vhd");
	assert_true(c.ids.has_parent && c.ids.parent[0] == 0x5a && c.ids.parent[15] == 0x5a);
	assert_int_equal(c.fault, CONTAINER_SOUND);
	/* Half a surrogate pair; then the same with a sum that is not right. */
	put_big(header + 64 + 8, 'x', 2);
	vhd_sum(header, sizeof(header), 36);
	temp_write(fd, header, sizeof(header), 512);
	expect(fd, "a.vhd", NULL);
	container_look(fd, "a.vhd", &c);
	assert_true(c.untold);
	memset(header + 64, 0, 512);
	(void)wide(header + 64, "C:\\images\\base.vhd", true);
	vhd_sum(header, sizeof(header), 36);
	temp_write(fd, header, sizeof(header), 512);
	expect(fd, "a.avhd", "base.vhd");
	/* A dynamic one has no parent, whatever its header says. */
	vhd_footers(fd, 63, 3);
	expect(fd, "a.vhd", NULL);
	close(fd);
	temp_done(&t);
}

/* ---- qcow2 ---- */

static void test_qcow2(void **state)
{
	static const char *const others[] = {
		"file:other.qcow2", "json:{\"file.filename\":\"other.qcow2\"}",
		"json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/x/"
		"other.qcow2\"}}"};
	char command[1200];
	struct container c;
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	fd = make(&t, "d.qcow2", "qcow2", "");
	container_look(fd, "d.qcow2", &c);
	assert_true(c.known && !c.has_parent && !c.ids.has_own && !c.outside);
	assert_string_equal(c.kind, "dynamic");
	assert_int_equal(c.virtual_size, 8 * MIB);
	assert_int_equal(c.block_size, 64 * KIB);
	temp_write(fd, "\1", 1, 79);
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_DIRTY);
	temp_write(fd, "\3", 1, 79);
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_CORRUPT);
	temp_write(fd, "\4", 1, 79);
	container_look(fd, "d.qcow2", &c);
	assert_true(c.outside && c.fault == CONTAINER_SOUND);
	temp_write(fd, "\1\0\0\0\2", 5, 75); /* version 2 has no such bits */
	temp_write(fd, "\0\0\0\2", 4, 4);
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_SOUND);
	temp_write(fd, "\0\0\0\11", 4, 4);
	container_look(fd, "d.qcow2", &c);
	assert_false(c.known);
	close(fd);
	close(make(&t, "base.qcow2", "qcow2", ""));
	snprintf(command, sizeof(command),
		 "cd '%s' && qemu-img create -q -f qcow2 -b ./base.qcow2 -F qcow2 o.qcow2", t.path);
	assert_int_equal(system(command), 0);
	fd = openat(t.fd, "o.qcow2", O_RDWR | O_CLOEXEC);
	container_look(fd, "o.qcow2", &c);
	assert_string_equal(c.kind, "overlay");
	assert_string_equal(c.parent, "base.qcow2");
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		snprintf(command, sizeof(command),
			 "cd '%s' && qemu-img rebase -q -u -b '%s' -F qcow2 o.qcow2", t.path,
			 others[i]);
		assert_int_equal(system(command), 0);
		fd = openat(t.fd, "o.qcow2", O_RDWR | O_CLOEXEC);
		container_look(fd, "o.qcow2", &c);
		assert_string_equal(c.parent, "other.qcow2");
		close(fd);
	}
	temp_done(&t);
}

/* As qemu-img puts a bitmap there; then as a writer, or one who knows no bitmaps, leaves it. */
static void test_qcow2_bitmaps(void **state)
{
	uint8_t head[1024], flags[4];
	uint64_t dir = 0;
	char command[1200];
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	close(make(&t, "d.qcow2", "qcow2", ""));
	snprintf(command, sizeof(command),
		 "cd '%s' && qemu-img bitmap --add d.qcow2 one && qemu-img bitmap --add d.qcow2 "
		 "another",
		 t.path);
	assert_int_equal(system(command), 0);
	fd = openat(t.fd, "d.qcow2", O_RDWR | O_CLOEXEC);
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_SOUND);
	read_at(fd, head, sizeof(head), 0);
	assert_int_equal(head[95], 1);
	temp_write(fd, "\0", 1, 95);
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_BITMAPS);
	temp_write(fd, "\1", 1, 95);
	for (unsigned i = 104; i < 900 && !dir; i += 8)
		if (!memcmp(head + i, "\x23\x85\x28\x75", 4))
			for (unsigned k = 0; k < 8; k++)
				dir = dir << 8 | head[i + 8 + 16 + k];
	assert_true(dir > 0);
	/* Of the second: one, of 3 bytes, takes 32. */
	read_at(fd, flags, sizeof(flags), dir + 32 + 12);
	flags[3] |= 1;
	temp_write(fd, flags, sizeof(flags), dir + 32 + 12);
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_BITMAPS);
	flags[3] &= 0xfe;
	temp_write(fd, flags, sizeof(flags), dir + 32 + 12);
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_SOUND);
	temp_write(fd, "\xff\xff\xff\xff", 4, dir + 20); /* nonsense is no fault */
	assert_int_equal(fault(fd, "d.qcow2"), CONTAINER_SOUND);
	close(fd);
	temp_done(&t);
}

static void test_qcow2_backing(void **state)
{
	struct container c;
	uint8_t head[104] = "QFI\xfb\0\0\0\3";
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
	put_big(head + 20, 16, 4); /* clusters: the rest of it makes sense */
	temp_write(fd, head, sizeof(head), 0);
	container_look(fd, "a.qcow2", &c);
	assert_true(c.known && c.untold);
	assert_string_equal(c.kind, "overlay");
	put_big(head + 8, 0, 8);
	temp_write(fd, head, sizeof(head), 0);
	container_look(fd, "a.qcow2", &c);
	assert_true(c.known && !c.untold);
	close(fd);
	temp_done(&t);
}

/* Bytes that changed here and there: an answer, whichever, and no read out of bounds. */
static void test_damaged(void **state)
{
	static const char *const formats[] = {"vhdx", "vpc", "qcow2"};
	static const char *const names[] = {"a.vhdx", "a.vhd", "a.qcow2"};
	uint64_t seed = 3;
	struct temp t;

	(void)state;
	temp_new(&t);
	for (unsigned k = 0; k < 3; k++) {
		int fd = make(&t, names[k], formats[k], "");
		uint64_t metadata = k ? 0 : make_child(fd, ".\\base.vhdx", NULL);
		uint64_t places[] = {k ? size_of(fd) - 512 : 192 << 10, metadata,
				     metadata + (k ? 512 : LOCATOR), k ? 1536 : 64 << 10};

		for (unsigned i = 0; i < 300; i++) {
			uint64_t at = places[temp_random(&seed) % 4] + temp_random(&seed) % 200;
			uint8_t byte, other = (uint8_t)temp_random(&seed);
			struct container c;

			read_at(fd, &byte, 1, at);
			temp_write(fd, &other, 1, at);
			container_look(fd, names[k], &c);
			assert_true(c.fault < CONTAINER_FAULTS);
			if (c.has_parent)
				assert_in_range(strlen(c.parent), 1, sizeof(c.parent) - 1);
			if (i % 4 == 0)
				temp_write(fd, &byte, 1, at);
		}
		close(fd);
	}
	temp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vhdx),	      cmocka_unit_test(test_vhdx_table),
		cmocka_unit_test(test_vhdx_parent),   cmocka_unit_test(test_vhdx_paths),
		cmocka_unit_test(test_vhd),	      cmocka_unit_test(test_vhd_fixed),
		cmocka_unit_test(test_vhd_parent),    cmocka_unit_test(test_qcow2),
		cmocka_unit_test(test_qcow2_backing), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_qcow2_bitmaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
