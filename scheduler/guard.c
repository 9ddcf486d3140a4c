/*
 * guard.c: see guard.h.
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

bool guard_locked(int dirfd, const char *path, const struct lockfiles *l, char ret[NAME_MAX + 1])
{
	char lock[NAME_MAX + 1];
	bool found = false;
	const char *name;
	struct stat st;
	int fd;

	if (l->n == 0 || beneath_parent(dirfd, path, false, &fd, &name) < 0)
		return false;
	for (unsigned i = 0; i < l->n && !found; i++)
		found = lockfile_name(l, i, name, lock, sizeof(lock)) &&
			fstatat(fd, lock, &st, AT_SYMLINK_NOFOLLOW) == 0;
	close(fd);
	if (found)
		strcpy(ret, lock);
	return found;
}

const char *guard_objects(int dirfd, const char *path, const struct group_cfg *g)
{
	char lock[NAME_MAX + 1];
	const char *why;
	int fd;

	if (beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd) < 0)
		return NULL;
	if (source_lease_probe(fd) == -EAGAIN)
		why = "open for writing";
	else if (guard_locked(dirfd, path, &g->lock, lock))
		why = "a lock file lies beside it";
	else
		why = g->unclean == UNCLEAN_HOLD ? container_unclean(fd, path) : NULL;
	close(fd);
	return why;
}
