/*
 * guard.c: see guard.h. The lock files are those that image servers make beside an image while they
 * stream it for writing: NAME.lok, and the same with the image's extension replaced.
 */
#include "scheduler/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/container.h"
#include "transfer/source.h"

static bool lock_beside(int dirfd, const char *name, size_t len)
{
	char lock[NAME_MAX + 1];
	struct stat st;

	if (snprintf(lock, sizeof(lock), "%.*s.lok", (int)len, name) >= (int)sizeof(lock))
		return false;
	return fstatat(dirfd, lock, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool locked(int dirfd, const char *path)
{
	const char *name, *dot;
	bool found;
	int fd;

	if (beneath_parent(dirfd, path, false, &fd, &name) < 0)
		return false;
	dot = strrchr(name, '.');
	found = lock_beside(fd, name, strlen(name));
	/* a.lok does not lock itself. */
	if (!found && dot && dot != name && strcmp(dot, ".lok") != 0)
		found = lock_beside(fd, name, (size_t)(dot - name));
	close(fd);
	return found;
}

const char *guard_objects(int dirfd, const char *path)
{
	const char *why;
	int fd;

	if (beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd) < 0)
		return NULL;
	if (source_lease_probe(fd) == -EAGAIN)
		why = "open for writing";
	else if (locked(dirfd, path))
		why = "a lock file (.lok) lies beside it";
	else
		why = container_unclean(fd, path);
	close(fd);
	return why;
}
