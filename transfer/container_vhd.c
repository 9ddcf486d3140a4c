/*
 * container_vhd.c: the footer of a VHD (its last 512 bytes; 511 in the oldest), which a dynamic or
 * differencing one repeats in front, its dynamic header, and its block table. Big endian.
 *
 * The last footer says what the image is: the first bytes of a fixed one are the guest's to write.
 * A block is appended over the footer, then the footer is written behind it, then the table: so
 * whoever dies in between leaves an end that does not fit the front.
 */
#include "transfer/container_private.h"

#include <stdlib.h>
#include <string.h>

#define FOOTER	      512u
#define FOOTER_OLD    511u
#define DYNAMIC	      1024u
#define FIXED	      2u
#define GROWING	      3u /* "dynamic" */
#define DIFFERENCING  4u
#define SECTOR	      512u
#define ABSENT	      0xffffffffu
#define CHECKSUM_AT   64u
#define CHECKSUM_AT_2 36u /* of the dynamic header */

/* Ones' complement of the sum of all bytes but its own. */
static bool sums(const uint8_t *p, size_t len, size_t at)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		if (i < at || i >= at + 4)
			sum += p[i];
	return container_big(p + at, 4) == (uint32_t)~sum;
}

static unsigned type_of(const uint8_t *footer)
{
	return (unsigned)container_big(footer + 60, 4);
}

static bool footer_at(int fd, uint64_t at, size_t len, uint8_t ret[FOOTER])
{
	memset(ret, 0, FOOTER);
	return container_read(fd, ret, len, at) && memcmp(ret, "conectix", 8) == 0 &&
	       type_of(ret) >= FIXED && type_of(ret) <= DIFFERENCING &&
	       sums(ret, FOOTER, CHECKSUM_AT);
}

/* A block is a bitmap of its sectors, in whole sectors, and the data behind it. */
static enum container_fault look_at_table(int fd, uint64_t size, const uint8_t *dynamic,
					  uint64_t block)
{
	uint64_t at = container_big(dynamic + 16, 8), n = container_big(dynamic + 28, 4), most = 0;
	uint64_t bitmap = (block / SECTOR / 8 + SECTOR - 1) / SECTOR * SECTOR;
	struct container_places places;
	bool apart = true;
	size_t len;
	uint8_t *table =
		container_load(fd, at, (size_t)MIN(n * 4, (uint64_t)CONTAINER_BAT_MOST), &len);

	container_places_init(&places, size, bitmap + block);
	for (size_t i = 0; table && i + 4 <= len; i += 4) {
		uint64_t sector = container_big(table + i, 4);

		if (sector == ABSENT)
			continue;
		most = MAX(most, sector * SECTOR + bitmap + block);
		apart &= container_places_put(&places, sector * SECTOR);
	}
	container_places_done(&places);
	free(table);
	return most > size ? CONTAINER_SHORT : apart ? CONTAINER_SOUND : CONTAINER_OVERLAP;
}

static void take_dynamic(int fd, uint64_t size, const uint8_t *footer, struct container *ret)
{
	uint8_t h[DYNAMIC];
	char name[1024];

	if (!container_read(fd, h, sizeof(h), container_big(footer + 16, 8)) ||
	    memcmp(h, "cxsparse", 8) != 0 || !sums(h, sizeof(h), CHECKSUM_AT_2))
		return;
	ret->block_size = container_big(h + 32, 4);
	if (type_of(footer) == DIFFERENCING) {
		ret->ids.has_parent = true;
		memcpy(ret->ids.parent, h + 40, CONTAINER_ID);
		if (container_utf16(h + 64, 512, true, name, sizeof(name)))
			(void)container_file_name(name, ret);
	}
	if (ret->fault == CONTAINER_SOUND)
		ret->fault = look_at_table(fd, size, h, ret->block_size);
}

void container_vhd(int fd, uint64_t size, struct container *ret)
{
	static const char *const kinds[] = {"fixed", "dynamic", "differencing"};
	uint8_t front[FOOTER], end[FOOTER];
	const uint8_t *footer;
	size_t len = FOOTER;
	bool has_end = size > FOOTER && footer_at(fd, size - FOOTER, FOOTER, end), has_front;

	if (!has_end && size > FOOTER_OLD && footer_at(fd, size - FOOTER_OLD, FOOTER_OLD, end)) {
		has_end = true;
		len = FOOTER_OLD;
	}
	has_front = footer_at(fd, 0, FOOTER, front) && type_of(front) != FIXED;
	if (!has_end && !has_front)
		return;
	footer = has_end ? end : front;
	ret->known = ret->ids.has_own = true;
	ret->kind = kinds[type_of(footer) - FIXED];
	ret->virtual_size = container_big(footer + 48, 8);
	memcpy(ret->ids.own, footer + 68, CONTAINER_ID);
	if (footer[84] == 1)
		ret->fault = CONTAINER_SAVED;
	if (type_of(footer) == FIXED) {
		if (ret->fault == CONTAINER_SOUND && ret->virtual_size > size - len)
			ret->fault = CONTAINER_SHORT;
		return;
	}
	if (!has_end || !has_front || memcmp(front, end, len) != 0)
		ret->fault = CONTAINER_FOOTER;
	take_dynamic(fd, size, footer, ret);
}
