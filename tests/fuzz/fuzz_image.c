/*
 * fuzz_image.c: the headers of images as guests and strangers write them. The first byte says under
 * which extension, the second where the pieces of the input lie: at the places that the formats
 * themselves name, so that tables lead to tables. The answer is the same each time, its texts are
 * texts, and what is no container by its extension is never looked at.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transfer/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A VHDX: its identifier, two headers, two region tables, and metadata where a table may say. */
static const uint64_t vhdx_at[] = {0, 64 << 10, 128 << 10, 192 << 10, 1 << 20, 2 << 20};
/* A VHD: its footer in front, the dynamic header, the table, and the footer at its end. */
static const uint64_t vhd_at[] = {0, 512, 1536, 2048};

/* So many pieces of equal length, the last with the rest. */
static void lay(int fd, const uint8_t *data, size_t size, const uint64_t *at, size_t n)
{
	size_t piece = size / n;

	for (size_t i = 0; i < n; i++) {
		size_t len = i + 1 < n ? piece : size - i * piece;

		assert(pwrite(fd, data + i * piece, len, (off_t)at[i]) == (ssize_t)len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"a.vhdx", "A.AVHDX", "d/x.qcow2", "x.vhd", "x", "x.raw", ".vhdx", "x.qcow2.raw",
	};
	struct container one, two;
	const char *name;
	int fd;

	if (size < 3)
		return 0;
	fd = memfd_create("image", MFD_CLOEXEC);
	assert(fd >= 0);
	name = names[data[0] % ARRAY_LEN(names)];
	if (data[1] % 4 == 1)
		lay(fd, data + 2, size - 2, vhdx_at, ARRAY_LEN(vhdx_at));
	else if (data[1] % 4 == 2)
		lay(fd, data + 2, size - 2, vhd_at, ARRAY_LEN(vhd_at));
	else
		assert(pwrite(fd, data + 2, size - 2, 0) == (ssize_t)size - 2);
	container_look(fd, name, &one);
	container_look(fd, name, &two);
	assert(!memcmp(&one, &two, sizeof(one)));
	assert(one.fault < CONTAINER_FAULTS && (!one.fault == !container_fault_text(one.fault)));
	assert(!one.has_parent || (*one.parent && !strpbrk(one.parent, "/\\") &&
				   strlen(one.parent) < sizeof(one.parent)));
	assert(one.format != CONTAINER_RAW || (!one.known && !one.fault && !one.has_parent));
	assert(one.format == container_format(name) && (!one.known || one.kind));
	(void)container_mark(fd, name, two.mark);
	close(fd);
	return 0;
}
