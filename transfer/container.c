/*
 * container.c: see container.h. The VHDX current header is the valid one (CRC-32C) of two with the
 * larger sequence number; a log GUID that is not zero says that the log holds what is not yet in
 * its place. A qcow2 of version 3 has bits for dirty and corrupt.
 */
#include "transfer/container.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VHDX_HEADER 4096u
#define VHDX_FIRST  (64 * KIB)
#define VHDX_SECOND (128 * KIB)
#define CRC32C_POLY 0x82f63b78u

static const char vhdx_log[] = "its VHDX log has to be replayed: open, or not closed cleanly";
static const char qcow2_dirty[] = "its qcow2 header says dirty: open, or not closed cleanly";
static const char qcow2_corrupt[] = "its qcow2 header says corrupt";

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

static uint64_t little(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static bool vhdx_header(int fd, uint64_t offset, uint8_t buf[VHDX_HEADER])
{
	uint32_t crc;

	if (pread(fd, buf, VHDX_HEADER, (off_t)offset) != VHDX_HEADER || memcmp(buf, "head", 4))
		return false;
	crc = (uint32_t)little(buf + 4, 4);
	memset(buf + 4, 0, 4);
	return crc32c(0, buf, VHDX_HEADER) == crc;
}

static const char *vhdx_unclean(int fd)
{
	static const uint8_t zero[16];
	uint8_t one[VHDX_HEADER], two[VHDX_HEADER];
	bool has_one = vhdx_header(fd, VHDX_FIRST, one),
	     has_two = vhdx_header(fd, VHDX_SECOND, two);
	const uint8_t *current;

	if (!has_one && !has_two)
		return NULL;
	if (has_one && has_two)
		current = little(two + 8, 8) > little(one + 8, 8) ? two : one;
	else
		current = has_one ? one : two;
	return memcmp(current + 48, zero, sizeof(zero)) ? vhdx_log : NULL;
}

static const char *qcow2_unclean(int fd)
{
	uint8_t head[80];

	if (pread(fd, head, sizeof(head), 0) != sizeof(head) || memcmp(head, "QFI\xfb", 4) ||
	    head[7] < 3)
		return NULL;
	if (head[79] & 2)
		return qcow2_corrupt;
	return head[79] & 1 ? qcow2_dirty : NULL;
}

const char *container_unclean(int fd, const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot && (!strcasecmp(dot, ".vhdx") || !strcasecmp(dot, ".avhdx")))
		return vhdx_unclean(fd);
	if (dot && !strcasecmp(dot, ".qcow2"))
		return qcow2_unclean(fd);
	return NULL;
}
