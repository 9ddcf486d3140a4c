/*
 * fuzz_image.c: the headers of images as guests and strangers write them. The first byte says under
 * which extension. The answer is a constant text or none, the same each time, and one that is not
 * held by its extension is never looked at.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transfer/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A VHDX has its two headers at 64 and 128 KiB: the input is put there, and at the beginning. */
#define FIRST  (64 * 1024)
#define SECOND (128 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"a.vhdx", "A.AVHDX", "d/x.qcow2", "x.vhd", "x", "x.raw", ".vhdx", "x.qcow2.raw",
	};
	const char *name, *why;
	int fd;

	if (size < 2)
		return 0;
	fd = memfd_create("image", MFD_CLOEXEC);
	assert(fd >= 0);
	name = names[*data % ARRAY_LEN(names)];
	data++;
	size--;
	assert(pwrite(fd, data, size, 0) == (ssize_t)size);
	assert(pwrite(fd, data, size / 2, FIRST) == (ssize_t)(size / 2));
	assert(pwrite(fd, data + size / 2, size - size / 2, SECOND) == (ssize_t)(size - size / 2));
	why = container_unclean(fd, name);
	assert(why == container_unclean(fd, name));
	assert(!why || strstr(why, "header") || strstr(why, "log"));
	assert(!why || (!strstr(name, ".raw") && strcmp(name, "x")));
	assert(!container_unclean(fd, "x.raw"));
	close(fd);
	return 0;
}
