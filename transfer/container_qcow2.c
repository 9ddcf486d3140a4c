/*
 * container_qcow2.c: the header of a qcow2 (QEMU docs/interop/qcow2). Bits for dirty and corrupt
 * are those of version 3; QEMU sets dirty only where refcounts are written late.
 */
#include "transfer/container_private.h"

#include <string.h>

#define HEAD		  104u
#define HEAD_2		  72u /* of version 2 */
#define BACKING_MOST	  1023u
#define INCOMPAT_DIRTY	  (1u << 0)
#define INCOMPAT_CORRUPT  (1u << 1)
#define INCOMPAT_EXTERNAL (1u << 2)

static void take_backing(int fd, const uint8_t *head, struct container *ret)
{
	uint64_t at = container_big(head + 8, 8), len = container_big(head + 16, 4);
	char name[BACKING_MOST + 1];

	if (at == 0 || len == 0 || len > BACKING_MOST || !container_read(fd, name, len, at))
		return;
	name[len] = '\0';
	if (strlen(name) == len)
		(void)container_file_name(name, ret);
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
	ret->kind = ret->has_parent ? "overlay" : "dynamic";
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
}
