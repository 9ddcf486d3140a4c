/*
 * container_qcow2.c: the header of a qcow2 (QEMU docs/interop/qcow2). Bits for dirty and corrupt
 * are those of version 3; QEMU sets dirty only where refcounts are written late.
 */
#include "transfer/container_private.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define HEAD		  104u
#define HEAD_2		  72u /* of version 2 */
#define BACKING_MOST	  1023u
#define EXTENSION_BITMAPS 0x23852875u
#define EXTENSIONS_MOST	  (64 * KIB)
#define DIRECTORY_MOST	  MIB
#define DIRECTORY_ENTRY	  24u
#define BITMAP_IN_USE	  (1u << 0)
#define AUTOCLEAR_BITMAPS (1u << 0)
#define INCOMPAT_DIRTY	  (1u << 0)
#define INCOMPAT_CORRUPT  (1u << 1)
#define INCOMPAT_EXTERNAL (1u << 2)

#define OPTIONS_DEEP 4u

static bool has_backing(const uint8_t *head)
{
	return container_big(head + 8, 8) != 0 && container_big(head + 16, 4) != 0;
}

/* Of QEMU's options for a file, however deep below the formats over it; NULL: none. */
static const char *file_option(const json_t *o, unsigned depth)
{
	static const char *const keys[] = {"filename", "file.filename", "file.file.filename"};
	const json_t *below = json_object_get(o, "file");

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (json_is_string(json_object_get(o, keys[i])))
			return json_string_value(json_object_get(o, keys[i]));
	return below && depth > 0 ? file_option(below, depth - 1) : NULL;
}

/* json:OPTIONS, in which QEMU takes apostrophes for quotation marks, too. Without a file's name in
 * it nothing is told. */
static void take_options(char *text, struct container *ret)
{
	json_t *o = json_loads(text, 0, NULL);
	const char *path;

	for (char *p = text; !o && (p = strchr(p, '\'')); p++)
		*p = '"';
	if (!o)
		o = json_loads(text, 0, NULL);
	path = o ? file_option(o, OPTIONS_DEEP) : NULL;
	if (path)
		(void)container_file_name(path, ret);
	json_decref(o);
}

/* A path, or what QEMU takes in its place: file:PATH, and json:OPTIONS. */
static void take_name(char *name, struct container *ret)
{
	if (!strncmp(name, "json:", 5))
		take_options(name + 5, ret);
	else
		(void)container_file_name(strncmp(name, "file:", 5) ? name : name + 5, ret);
}

static void take_backing(int fd, const uint8_t *head, struct container *ret)
{
	uint64_t at = container_big(head + 8, 8), len = container_big(head + 16, 4);
	char name[BACKING_MOST + 1];

	if (!has_backing(head) || len > BACKING_MOST || !container_read(fd, name, len, at))
		return;
	name[len] = '\0';
	if (strlen(name) == len)
		take_name(name, ret);
}

/* The entries of the directory of bitmaps: has any of them one who writes to it? */
static bool bitmap_in_use(int fd, const uint8_t *extension)
{
	uint64_t n = container_big(extension, 4), used;
	size_t len, at = 0;
	uint8_t *dir = container_load(
		fd, container_big(extension + 16, 8),
		(size_t)MIN(container_big(extension + 8, 8), (uint64_t)DIRECTORY_MOST), &len);
	bool in_use = false;

	for (; dir && n > 0 && at + DIRECTORY_ENTRY <= len && !in_use; n--, at += (size_t)used) {
		in_use = container_big(dir + at + 12, 4) & BITMAP_IN_USE;
		used = DIRECTORY_ENTRY + container_big(dir + at + 18, 2) +
		       container_big(dir + at + 20, 4);
		used = (used + 7) / 8 * 8;
	}
	free(dir);
	return in_use;
}

/*
 * The extensions of the header lie behind it, in the first cluster. Bitmaps of what a guest wrote
 * belong to the image while a bit says so, which whoever does not know them clears.
 */
static bool bitmaps_bad(int fd, const uint8_t *head, uint64_t cluster)
{
	uint64_t from = container_big(head + 100, 4);
	bool bad = false;
	size_t len, at = 0, n;
	uint8_t *p;

	if (from < HEAD || from >= cluster)
		return false;
	p = container_load(fd, from, (size_t)MIN(cluster - from, EXTENSIONS_MOST), &len);
	for (; p && at + 8 <= len && container_big(p + at, 4) != 0; at += 8 + (n + 7) / 8 * 8) {
		n = (size_t)container_big(p + at + 4, 4);
		if (n > len - at - 8)
			break;
		if (container_big(p + at, 4) == EXTENSION_BITMAPS && n >= 24)
			bad = !(container_big(head + 88, 8) & AUTOCLEAR_BITMAPS) ||
			      bitmap_in_use(fd, p + at + 8);
	}
	free(p);
	return bad;
}

void container_qcow2(int fd, uint64_t size, struct container *ret)
{
	uint8_t head[HEAD] = {0};
	uint64_t version, bits, cluster;

	if (!container_read(fd, head, size < HEAD ? HEAD_2 : HEAD, 0) ||
	    memcmp(head, "QFI\xfb", 4) != 0)
		return;
	take_backing(fd, head, ret);
	version = container_big(head + 4, 4);
	cluster = container_big(head + 20, 4);
	if (version < 2 || version > 3 || cluster < 9 || cluster > 21)
		return;
	ret->known = true;
	ret->kind = has_backing(head) ? "overlay" : "dynamic";
	ret->virtual_size = container_big(head + 24, 8);
	ret->block_size = (uint64_t)1 << cluster;
	if (version < 3 || size < HEAD)
		return;
	bits = container_big(head + 72, 8);
	ret->outside = bits & INCOMPAT_EXTERNAL;
	if (bits & INCOMPAT_CORRUPT)
		ret->fault = CONTAINER_CORRUPT;
	else if (bits & INCOMPAT_DIRTY)
		ret->fault = CONTAINER_DIRTY;
	else if (bitmaps_bad(fd, head, ret->block_size))
		ret->fault = CONTAINER_BITMAPS;
}
