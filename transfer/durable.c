/*
 * durable.c: the one helper through which files become durable. Everything that must survive a
 * power cut goes through these calls, so tests can put faults under one place. It keeps no state
 * and never retries: an fsync that failed once has lost the data already.
 */
#include "transfer/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/mapped.h"
#include "transfer/source.h"

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

static int replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		   bool sync)
{
	char temp[NAME_MAX + 1];
	int fd, r;

	if ((size_t)snprintf(temp, sizeof(temp), DURABLE_TEMP "%s", name) >= sizeof(temp))
		return -ENAMETOOLONG;
	/* What a crash left behind is removed, not reused: its mode and owner may be others. */
	if (unlinkat(dirfd, temp, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = durable_pwrite(fd, data, len, 0);
	if (r == 0 && mode != 0600 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && sync)
		r = durable_datasync(fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = durable_rename(dirfd, temp, dirfd, name);
	if (r < 0)
		unlinkat(dirfd, temp, 0);
	return r;
}

int durable_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	int r = replace(dirfd, name, data, len, mode, true);

	return r < 0 ? r : durable_dirsync(dirfd);
}

int durable_replace(int dirfd, const char *name, const void *data, size_t len)
{
	return replace(dirfd, name, data, len, 0600, false);
}

int durable_temp_new(int dirfd, const char *prefix, struct durable_temp *t)
{
	uint64_t tag;

	t->fd = -1;
	t->name[0] = '\0';
	t->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	for (int tries = 0; t->dirfd >= 0 && tries < 8; tries++) {
		if (getrandom(&tag, sizeof(tag), 0) != sizeof(tag))
			break;
		snprintf(t->name, sizeof(t->name), "%.24s%016" PRIx64, prefix, tag);
		t->fd = openat(t->dirfd, t->name,
			       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (t->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	t->name[0] = '\0';
	return -errno;
}

int durable_temp_map(const struct durable_temp *t, size_t len, void **ret)
{
	int r = posix_fallocate(t->fd, 0, (off_t)len);

	return r != 0 ? -r : mapped_new_writable(t->fd, len, ret);
}

int durable_temp_rename(struct durable_temp *t, const char *name)
{
	int r = t->name[0] != '\0' ? durable_rename(t->dirfd, t->name, t->dirfd, name) : -EINVAL;

	if (r == 0)
		t->name[0] = '\0';
	return r;
}

void durable_temp_done(struct durable_temp *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->name[0] != '\0')
		unlinkat(t->dirfd, t->name, 0);
	if (t->dirfd >= 0)
		close(t->dirfd);
	*t = (struct durable_temp){.dirfd = -1, .fd = -1};
}

unsigned durable_sweep(int dirfd, const char *prefix)
{
	DIR *d = dir_list(dirfd);
	struct dirent *entry;
	unsigned n = 0;

	if (!d)
		return 0;
	while ((entry = readdir(d)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    unlinkat(dirfd, entry->d_name, 0) == 0)
			n++;
	closedir(d);
	return n;
}
