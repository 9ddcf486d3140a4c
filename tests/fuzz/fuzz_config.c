/*
 * fuzz_config.c: a configuration file of any bytes is read or refused with words, and nothing else.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors = {0};
	struct config *cfg = NULL;
	char path[64];
	int fd, r;

	/* No other file is read: a glob could name any of this machine. */
	if (memmem(data, size, "include", 7))
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	assert(fd >= 0);
	if (write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(path, &cfg, &errors);
	assert((r < 0) == (errors.n > 0));
	for (size_t i = 0; i < errors.n; i++)
		assert(*errors.text[i]);
	config_errors_done(&errors);
	config_unref(cfg);
	close(fd);
	return 0;
}
