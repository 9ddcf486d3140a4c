/*
 * container_vhdx.c: the headers of a VHDX (MS-VHDX 2.2.2): the current one is the valid one
 * (CRC-32C) of two with the larger sequence number. A log GUID that is not zero says that the log
 * holds what is not yet in its place. Every writer changes FileWriteGuid before anything else. The
 * rest of the file is found from the region table: see container_vhdx_meta.c.
 */
#include "transfer/container_private.h"

#include <string.h>

#define HEADER	    4096u
#define FIRST	    (64 * KIB)
#define SECOND	    (128 * KIB)
#define CRC32C_POLY 0x82f63b78u
#define SEQUENCE    8u
#define FILE_WRITE  16u
#define DATA_WRITE  32u
#define LOG	    48u

/* Bit by bit: it is asked for 8 KiB an image, and a table would be more than the rest. */
static uint32_t crc32c(uint32_t crc, const uint8_t *p, size_t len)
{
	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (unsigned i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLY : 0);
	}
	return ~crc;
}

static bool header_at(int fd, uint64_t offset, uint8_t buf[HEADER])
{
	uint32_t crc;

	if (!container_read(fd, buf, HEADER, offset) || memcmp(buf, "head", 4))
		return false;
	crc = (uint32_t)container_little(buf + 4, 4);
	memset(buf + 4, 0, 4);
	return crc32c(0, buf, HEADER) == crc;
}

enum found { NONE, ONE, CONTRADICTION };

/* Tools that make images write both alike. */
static enum found current(int fd, uint8_t ret[HEADER])
{
	uint8_t other[HEADER];
	bool first = header_at(fd, FIRST, ret), second = header_at(fd, SECOND, other);
	uint64_t a = container_little(ret + SEQUENCE, 8), b = container_little(other + SEQUENCE, 8);

	if (first && second && a == b && memcmp(ret, other, HEADER))
		return CONTRADICTION;
	if (second && (!first || b > a))
		memcpy(ret, other, HEADER);
	return first || second ? ONE : NONE;
}

/* Sequence number, FileWriteGuid, DataWriteGuid: one after the other. */
static bool take_mark(const uint8_t *header, uint8_t ret[CONTAINER_MARK])
{
	memcpy(ret, header + SEQUENCE, CONTAINER_MARK);
	return true;
}

bool container_mark(int fd, const char *path, uint8_t ret[CONTAINER_MARK])
{
	uint8_t header[HEADER];

	return container_format(path) == CONTAINER_VHDX && current(fd, header) == ONE &&
	       take_mark(header, ret);
}

void container_vhdx(int fd, uint64_t size, struct container *ret)
{
	static const uint8_t zero[CONTAINER_ID];
	uint8_t header[HEADER], head[8];
	enum found found;

	if (!container_read(fd, head, sizeof(head), 0) || memcmp(head, "vhdxfile", 8) != 0)
		return;
	found = current(fd, header);
	if (found != ONE) {
		ret->fault = CONTAINER_HEADERS;
		return;
	}
	ret->has_mark = take_mark(header, ret->mark);
	ret->ids.has_own = true;
	memcpy(ret->ids.own, header + DATA_WRITE, CONTAINER_ID);
	container_vhdx_meta(fd, size, ret);
	if (memcmp(header + LOG, zero, sizeof(zero)))
		ret->fault = CONTAINER_LOG;
}
