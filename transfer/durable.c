/*
 * durable.c: the one helper through which files become durable. Everything that must survive a
 * power cut goes through these five calls, so tests can put faults under one place. It keeps no
 * state and never retries: an fsync that failed once has lost the data already.
 */
#include "transfer/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int durable_pwrite(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int durable_datasync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

int durable_rename(int dir_from, const char *from, int dir_to, const char *to)
{
	return renameat(dir_from, from, dir_to, to) < 0 ? -errno : 0;
}

int durable_dirsync(int dirfd)
{
	return fsync(dirfd) < 0 ? -errno : 0;
}

int durable_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	char temp[NAME_MAX + 1];
	int fd, r;

	if ((size_t)snprintf(temp, sizeof(temp), ".tmp-%s", name) >= sizeof(temp))
		return -ENAMETOOLONG;
	/* What a crash left behind is removed, not reused: its mode and owner may be others. */
	if (unlinkat(dirfd, temp, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = durable_pwrite(fd, data, len, 0);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0)
		r = durable_datasync(fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = durable_rename(dirfd, temp, dirfd, name);
	if (r < 0) {
		unlinkat(dirfd, temp, 0);
		return r;
	}
	return durable_dirsync(dirfd);
}
