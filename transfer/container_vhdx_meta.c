/*
 * container_vhdx_meta.c: what a VHDX says of its disk: region table, metadata table and its items,
 * the keys of the parent locator, and the block table, as far as to see whether its blocks are all
 * there (MS-VHDX 2.2.3, 2.5, 2.6).
 */
#include "transfer/container_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGIONS	     (192 * KIB)
#define REGIONS_TOO  (256 * KIB)
#define ENTRIES	     2047u /* of either table, at most */
#define ENTRY	     32u
#define LOCATOR_MOST (64u * 1024)
#define KEYS_MOST    32u
#define VALUE_MOST   1024u /* bytes of a key or value, as it is stored */
#define HAS_PARENT   2u
#define LEAVE_BLOCKS 1u

#define BLOCK_PRESENT	6u
#define BLOCK_PARTIALLY 7u

/* GUIDs as they are stored: MS-VHDX 2.2.3.2, 2.6.2. */
static const uint8_t bat_region[16] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
				       0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const uint8_t metadata_region[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
					    0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
static const uint8_t file_parameters[16] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
					    0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
static const uint8_t disk_size[16] = {0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
				      0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8};
static const uint8_t sector_size[16] = {0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
					0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f};
static const uint8_t parent_locator[16] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
					   0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};

/* A table of entries that begin with a GUID, and where it lies. */
struct table {
	uint64_t at;
	uint8_t *entries;
	size_t n;
};

static bool table_load(int fd, uint64_t at, uint64_t head, uint64_t n, struct table *ret)
{
	size_t len;

	ret->at = at;
	ret->entries = container_load(fd, at + head, (size_t)MIN(n, ENTRIES) * ENTRY, &len);
	ret->n = ret->entries ? len / ENTRY : 0;
	return ret->entries != NULL;
}

static const uint8_t *table_find(const struct table *t, const uint8_t guid[16])
{
	for (size_t i = 0; i < t->n; i++)
		if (memcmp(t->entries + i * ENTRY, guid, 16) == 0)
			return t->entries + i * ENTRY;
	return NULL;
}

static bool regions_load(int fd, uint64_t at, struct table *ret)
{
	uint8_t head[16];

	return container_read(fd, head, sizeof(head), at) && memcmp(head, "regi", 4) == 0 &&
	       table_load(fd, at, sizeof(head), container_little(head + 8, 4), ret);
}

static bool items_load(int fd, const struct table *regions, struct table *ret)
{
	const uint8_t *entry = table_find(regions, metadata_region);
	uint64_t at = entry ? container_little(entry + 16, 8) : 0;
	uint8_t head[32];

	return entry && container_read(fd, head, sizeof(head), at) &&
	       memcmp(head, "metadata", 8) == 0 &&
	       table_load(fd, at, sizeof(head), container_little(head + 10, 2), ret);
}

/* The item's bytes: len of them at least, into ret. */
static bool item(int fd, const struct table *items, const uint8_t guid[16], uint8_t *ret,
		 size_t len)
{
	const uint8_t *entry = table_find(items, guid);

	return entry && container_little(entry + 20, 4) >= len &&
	       container_read(fd, ret, len, items->at + container_little(entry + 16, 4));
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* "{83ed0ec3-24c8-49a6-a959-5e4bd1288015}", as text, to the bytes as headers have them. */
static bool guid_parse(const char *s, uint8_t ret[16])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	unsigned n = 0;

	for (s += *s == '{'; n < 16; s += 2) {
		s += *s == '-';
		if (digit(s[0]) < 0 || digit(s[1]) < 0)
			return false;
		ret[order[n++]] = (uint8_t)(digit(s[0]) * 16 + digit(s[1]));
	}
	return *s == '\0' || !strcmp(s, "}");
}

/* Of the paths that there are to one parent, the last of these that has a name: the others may be
 * of the machine on which the image was made. best: the place in this list, from 1. */
static void locator_path(struct container *ret, const char *key, const char *value, unsigned *best)
{
	static const char *const keys[] = {"volume_path", "absolute_win32_path", "relative_path"};

	for (unsigned i = *best; i < ARRAY_LEN(keys); i++)
		if (!strcmp(key, keys[i]) && container_file_name(value, ret))
			*best = i + 1;
}

static void locator_key(struct container *ret, const char *key, const char *value)
{
	if (!strcmp(key, "parent_linkage"))
		ret->ids.has_parent = guid_parse(value, ret->ids.parent);
	else if (!strcmp(key, "parent_linkage2"))
		ret->fault = CONTAINER_MERGE; /* it is there while a merge goes on */
}

static void take_locator(int fd, const struct table *items, struct container *ret)
{
	const uint8_t *entry = table_find(items, parent_locator), *e;
	char key[64], value[VALUE_MOST];
	size_t len, key_at, value_at, key_len, value_len;
	unsigned best = 0;
	uint8_t *p;

	if (!entry || container_little(entry + 20, 4) > LOCATOR_MOST)
		return;
	len = (size_t)container_little(entry + 20, 4);
	p = container_load(fd, items->at + container_little(entry + 16, 4), len, &len);
	for (unsigned i = 0; p && len >= 20 && i < MIN(container_little(p + 18, 2), KEYS_MOST) &&
			     20 + (i + 1) * 12 <= len;
	     i++) {
		e = p + 20 + i * 12;
		key_at = (size_t)container_little(e, 4);
		value_at = (size_t)container_little(e + 4, 4);
		key_len = (size_t)container_little(e + 8, 2);
		value_len = (size_t)container_little(e + 10, 2);
		if (key_at + key_len <= len && value_at + value_len <= len &&
		    key_len <= VALUE_MOST && value_len <= VALUE_MOST &&
		    container_utf16(p + key_at, key_len, false, key, sizeof(key)) &&
		    container_utf16(p + value_at, value_len, false, value, sizeof(value))) {
			locator_key(ret, key, value);
			locator_path(ret, key, value, &best);
		}
	}
	free(p);
}

/*
 * After so many entries of payload blocks comes one of a bitmap of 1 MiB, which only differencing
 * images use: 2^23 sectors of payload each.
 */
static enum container_fault look_at_table(int fd, uint64_t size, const uint8_t *bat, uint64_t block,
					  uint64_t sector)
{
	uint64_t ratio = (sector << 23) / block, most = 0, at;
	struct container_places places;
	bool apart = true;
	size_t len;
	uint8_t *table = container_load(
		fd, container_little(bat + 16, 8),
		(size_t)MIN(container_little(bat + 24, 4), (uint64_t)CONTAINER_BAT_MOST), &len);

	container_places_init(&places, size, block);
	for (size_t i = 0; table && (i + 1) * 8 <= len; i++) {
		uint64_t e = container_little(table + i * 8, 8);
		bool bitmap = (i + 1) % (ratio + 1) == 0;

		if ((e & 7) != BLOCK_PRESENT && ((e & 7) != BLOCK_PARTIALLY || bitmap))
			continue;
		at = MIN(e >> 20, INT64_MAX / MIB - 512) * MIB;
		most = MAX(most, at + (bitmap ? MIB : block));
		apart &= bitmap || container_places_put(&places, at);
	}
	container_places_done(&places);
	free(table);
	return most > size ? CONTAINER_SHORT : apart ? CONTAINER_SOUND : CONTAINER_OVERLAP;
}

static void take_items(int fd, uint64_t size, const uint8_t *bat, const struct table *items,
		       struct container *ret)
{
	uint8_t parameters[8], disk[8], sector[4];
	uint64_t block, bits;

	if (!item(fd, items, file_parameters, parameters, sizeof(parameters)) ||
	    !item(fd, items, disk_size, disk, sizeof(disk)) ||
	    !item(fd, items, sector_size, sector, sizeof(sector)))
		return;
	block = container_little(parameters, 4);
	bits = container_little(parameters + 4, 4);
	if (block < MIB || block > 256 * MIB || (block & (block - 1)) ||
	    (container_little(sector, 4) != 512 && container_little(sector, 4) != 4096))
		return;
	ret->known = true;
	ret->kind = bits & HAS_PARENT ? "differencing" : bits & LEAVE_BLOCKS ? "fixed" : "dynamic";
	ret->virtual_size = container_little(disk, 8);
	ret->block_size = block;
	if (bat)
		ret->fault = look_at_table(fd, size, bat, block, container_little(sector, 4));
	if (bits & HAS_PARENT)
		take_locator(fd, items, ret);
}

/* Is the region there, and all of it in the file? */
static bool region_short(const struct table *regions, const uint8_t guid[16], uint64_t size)
{
	const uint8_t *entry = table_find(regions, guid);
	uint64_t at = entry ? container_little(entry + 16, 8) : 0;

	return at > size || (entry && container_little(entry + 24, 4) > size - at);
}

void container_vhdx_meta(int fd, uint64_t size, struct container *ret)
{
	struct table regions = {0}, items = {0};

	if (!regions_load(fd, REGIONS, &regions) && !regions_load(fd, REGIONS_TOO, &regions))
		return;
	if (region_short(&regions, bat_region, size) ||
	    region_short(&regions, metadata_region, size))
		ret->fault = CONTAINER_SHORT;
	else if (items_load(fd, &regions, &items))
		take_items(fd, size, table_find(&regions, bat_region), &items, ret);
	/* All in it lies at whole MiB: another length is that of one being extended, or cut off. */
	if (ret->known && ret->fault == CONTAINER_SOUND && size % MIB)
		ret->fault = CONTAINER_SHORT;
	free(regions.entries);
	free(items.entries);
}
