/*
 * reflink.c: see reflink.h. Two system calls and nothing else.
 */
#include "transfer/reflink.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

int reflink_file(int to, int from)
{
	return ioctl(to, FICLONE, from) < 0 ? -errno : 0;
}

int reflink_range(int to, int from, uint64_t offset, uint64_t len)
{
	struct file_clone_range range = {
		.src_fd = from, .src_offset = offset, .src_length = len, .dest_offset = offset};

	return ioctl(to, FICLONERANGE, &range) < 0 ? -errno : 0;
}
