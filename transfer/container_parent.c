/*
 * container_parent.c: the parent locator of a VHDX (region table, metadata table, the item's keys
 * in UTF-16), the parent's name in the header of a differencing VHD, the backing file of a qcow2.
 * Whatever makes no sense names no parent; what is read is at most some KiB, at bounded places.
 */
#include "transfer/container.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VHDX_REGIONS	 (192 * KIB)
#define VHDX_REGIONS_TOO (256 * KIB)
#define VHDX_ENTRIES	 2047u /* of either table */
#define ENTRY		 32u
#define LOCATOR_MOST	 (64u * 1024)
#define KEYS_MOST	 32u
#define NAME_MOST	 1024u /* bytes of a parent's path, as it is stored */
#define VHD_DIFFERENCING 4u

/* GUIDs as they are stored: MS-VHDX 2.2.3.2, 2.6.2.6. */
static const uint8_t metadata_region[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
					    0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
static const uint8_t parent_locator[16] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
					   0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};

static uint64_t little(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static uint64_t big(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static bool read_at(int fd, void *buf, size_t len, uint64_t at)
{
	return at <= INT64_MAX - len && pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

static bool put_utf8(uint32_t c, char *ret, size_t size, size_t *n)
{
	unsigned len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (*n + len >= size)
		return false;
	for (unsigned i = len; i-- > 1; c >>= 6)
		ret[*n + i] = (char)(0x80 | (c & 0x3f));
	ret[*n] = (char)(len == 1 ? c : (0xf00u >> len & 0xf0) | c);
	*n += len;
	return true;
}

/* Up to len bytes of UTF-16, or to a zero; a lone surrogate is none. */
static bool utf16(const uint8_t *p, size_t len, bool big_endian, char *ret, size_t size)
{
	size_t n = 0;

	for (; len >= 2; p += 2, len -= 2) {
		uint32_t c = (uint32_t)(big_endian ? big(p, 2) : little(p, 2)), low;

		if (c == 0)
			break;
		if (c >= 0xd800 && c < 0xe000) {
			if (c >= 0xdc00 || len < 4)
				return false;
			p += 2;
			len -= 2;
			low = (uint32_t)(big_endian ? big(p, 2) : little(p, 2));
			if (low < 0xdc00 || low > 0xdfff)
				return false;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
		if (!put_utf8(c, ret, size, &n))
			return false;
	}
	ret[n] = '\0';
	return n > 0;
}

/* Of the table at `at`, whose count is known: the entry with this GUID. */
static bool find_entry(int fd, uint64_t at, uint64_t n, const uint8_t guid[16], uint8_t ret[ENTRY])
{
	for (uint64_t i = 0; i < MIN(n, VHDX_ENTRIES); i++)
		if (read_at(fd, ret, ENTRY, at + i * ENTRY) && memcmp(ret, guid, 16) == 0)
			return true;
	return false;
}

static bool vhdx_metadata(int fd, uint64_t regions, uint64_t *ret)
{
	uint8_t head[16], entry[ENTRY];

	if (!read_at(fd, head, sizeof(head), regions) || memcmp(head, "regi", 4) != 0 ||
	    !find_entry(fd, regions + sizeof(head), little(head + 8, 4), metadata_region, entry))
		return false;
	*ret = little(entry + 16, 8);
	return true;
}

/* The value of relative_path among the locator's keys. */
static bool vhdx_key(int fd, uint64_t at, uint64_t len, unsigned n, char *ret, size_t size)
{
	uint8_t e[12], key[NAME_MOST], value[NAME_MOST];
	char name[64];

	for (unsigned i = 0; i < MIN(n, KEYS_MOST); i++) {
		uint64_t key_at, value_at;
		size_t key_len, value_len;

		if (!read_at(fd, e, sizeof(e), at + 20 + i * sizeof(e)))
			return false;
		key_at = little(e, 4);
		value_at = little(e + 4, 4);
		key_len = (size_t)little(e + 8, 2);
		value_len = (size_t)little(e + 10, 2);
		if (key_len > sizeof(key) || value_len > sizeof(value) || key_at + key_len > len ||
		    value_at + value_len > len || !read_at(fd, key, key_len, at + key_at) ||
		    !utf16(key, key_len, false, name, sizeof(name)) ||
		    strcmp(name, "relative_path") != 0)
			continue;
		return read_at(fd, value, value_len, at + value_at) &&
		       utf16(value, value_len, false, ret, size);
	}
	return false;
}

static bool vhdx_parent(int fd, char *ret, size_t size)
{
	uint8_t head[32], entry[ENTRY];
	uint64_t metadata, len;

	if (!vhdx_metadata(fd, VHDX_REGIONS, &metadata) &&
	    !vhdx_metadata(fd, VHDX_REGIONS_TOO, &metadata))
		return false;
	if (!read_at(fd, head, sizeof(head), metadata) || memcmp(head, "metadata", 8) != 0 ||
	    !find_entry(fd, metadata + sizeof(head), little(head + 10, 2), parent_locator, entry))
		return false;
	metadata += little(entry + 16, 4);
	len = little(entry + 20, 4);
	return len <= LOCATOR_MOST && read_at(fd, head, 20, metadata) &&
	       vhdx_key(fd, metadata, len, (unsigned)little(head + 18, 2), ret, size);
}

static bool vhd_parent(int fd, char *ret, size_t size)
{
	uint8_t footer[512], header[1024];

	return read_at(fd, footer, sizeof(footer), 0) && memcmp(footer, "conectix", 8) == 0 &&
	       big(footer + 60, 4) == VHD_DIFFERENCING &&
	       read_at(fd, header, sizeof(header), big(footer + 16, 8)) &&
	       memcmp(header, "cxsparse", 8) == 0 && utf16(header + 64, 512, true, ret, size);
}

static bool qcow2_parent(int fd, char *ret, size_t size)
{
	uint8_t head[20];
	uint64_t len;

	if (!read_at(fd, head, sizeof(head), 0) || memcmp(head, "QFI\xfb", 4) != 0)
		return false;
	len = big(head + 16, 4);
	if (len == 0 || len >= MIN(size, NAME_MOST) || !read_at(fd, ret, len, big(head + 8, 8)))
		return false;
	ret[len] = '\0';
	return strlen(ret) == len;
}

int container_parent(int fd, const char *path, char *ret, size_t size)
{
	const char *dot = strrchr(path, '.'), *last;
	char name[NAME_MOST];
	bool found = false;

	if (dot && (!strcasecmp(dot, ".vhdx") || !strcasecmp(dot, ".avhdx")))
		found = vhdx_parent(fd, name, sizeof(name));
	else if (dot && (!strcasecmp(dot, ".vhd") || !strcasecmp(dot, ".avhd")))
		found = vhd_parent(fd, name, sizeof(name));
	else if (dot && !strcasecmp(dot, ".qcow2"))
		found = qcow2_parent(fd, name, sizeof(name));
	if (!found)
		return -ENOENT;
	last = name + strlen(name);
	while (last > name && last[-1] != '/' && last[-1] != '\\')
		last--;
	if (*last == '\0' || strlen(last) >= size)
		return -ENOENT;
	strcpy(ret, last);
	return 0;
}
