/*
 * guard.c: see guard.h. Texts of what headers say are container.c's; what to do about it is here.
 */
#include "scheduler/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/source.h"

#define NAMES_MOST 16384u /* some milliseconds */

#define UNCLEAN_SEND_TOO " With 'unclean = send' in the group it is sent as the bytes that it is."

static const struct guard writer = {
	"open", "open for writing",
	"It is taken when whoever has it open for writing closes it: 'fuser -v FILE' or 'lsof FILE' "
	"says who that is."};
const char guard_blind_text[] =
	"Whether somebody has it open for writing cannot be told here, unless that is a QEMU: it is "
	"another user's and the daemon has no CAP_LEASE, or its filesystem has no leases. So the time "
	"to settle, a lock file beside it, and its headers have to tell.";
static const struct guard lock = {
	"lock", "a lock file lies beside it",
	"It is taken when that lock file is gone. If nobody uses the image any more, delete the lock "
	"file; which names count is said by 'lock' in the group."};
static const struct guard moving = {
	"moving",
	"its VHDX headers changed between two looks, though its times stand still: it is written to",
	"It is taken when its headers stay as they are for the time to settle; what writes to it may "
	"run on another machine." UNCLEAN_SEND_TOO};

/* says: container_fault_text(). */
static const struct guard faults[CONTAINER_FAULTS] = {
	[CONTAINER_LOG] =
		{"log", NULL,
		 "Whoever used it did not close it, or still has it open elsewhere. Close "
		 "it there; if nobody has it open, mount and unmount it once where it is "
		 "used (Hyper-V or Windows replays the log; qemu-img check -r all does so "
		 "too)." UNCLEAN_SEND_TOO},
	[CONTAINER_MERGE] =
		{"merge", NULL,
		 "It is taken when the merge is over, and with it, where images are published in "
		 "sets, those below and above it. "
		 "If none runs any more, the merge was interrupted and has to be done "
		 "again." UNCLEAN_SEND_TOO},
	[CONTAINER_HEADERS] = {"headers", NULL,
			       "It cannot be opened by anybody like this: bring it here once more, "
			       "or restore it." UNCLEAN_SEND_TOO},
	[CONTAINER_FOOTER] =
		{"footer", NULL,
		 "Wait until it is copied whole, or bring it here once more; if whoever "
		 "used it was stopped while it grew, opening and closing it there "
		 "mends it." UNCLEAN_SEND_TOO},
	[CONTAINER_SAVED] =
		{"saved", NULL,
		 "Start the saved machine and shut it down: without its saved state the "
		 "disk alone is not consistent." UNCLEAN_SEND_TOO},
	[CONTAINER_SHORT] =
		{"short", NULL,
		 "It looks like a copy that was cut off: bring it here once more." UNCLEAN_SEND_TOO},
	[CONTAINER_OVERLAP] =
		{"overlap", NULL,
		 "No tool makes such an image: bring it here once more, or restore it." UNCLEAN_SEND_TOO},
	[CONTAINER_BITMAPS] =
		{"bitmaps", NULL,
		 "Close it where it is used; if nobody has it open, 'qemu-img bitmap --remove FILE "
		 "NAME' takes each of them away (qemu-img info names them)." UNCLEAN_SEND_TOO},
	[CONTAINER_DIRTY] = {"dirty", NULL,
			     "Close it where it is used; if nobody has it open, 'qemu-img check -r "
			     "all FILE' mends it." UNCLEAN_SEND_TOO},
	[CONTAINER_CORRUPT] = {"corrupt", NULL,
			       "QEMU found it damaged and marked it: 'qemu-img check -r all FILE' "
			       "mends what can be mended." UNCLEAN_SEND_TOO},
};

/* One of the lock files in other letters. A directory of more names than that is not searched to
 * its end: the loop has other work. */
static bool locked_folded(int dir, const char *name, const struct lockfiles *l,
			  char ret[NAME_MAX + 1])
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char name_of_lock[NAME_MAX + 1];
	const struct dirent *entry;
	bool found = false;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (unsigned n = 0; !found && n < NAMES_MOST && (entry = readdir(d)); n++) {
		if (!lockfile_is(l, entry->d_name))
			continue;
		for (unsigned i = 0; i < l->n && !found; i++)
			found = lockfile_name(l, i, name, name_of_lock, sizeof(name_of_lock)) &&
				!strcasecmp(entry->d_name, name_of_lock);
		if (found)
			snprintf(ret, NAME_MAX + 1, "%s", entry->d_name);
	}
	closedir(d);
	return found;
}

bool guard_locked(int dirfd, const char *path, const struct lockfiles *l, char ret[NAME_MAX + 1])
{
	char name_of_lock[NAME_MAX + 1];
	bool found = false;
	const char *name;
	struct stat st;
	int fd;

	if (l->n == 0 || beneath_parent(dirfd, path, false, &fd, &name) < 0)
		return false;
	for (unsigned i = 0; i < l->n && !found; i++)
		found = lockfile_name(l, i, name, name_of_lock, sizeof(name_of_lock)) &&
			fstatat(fd, name_of_lock, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (found)
		strcpy(ret, name_of_lock);
	else
		found = locked_folded(fd, name, l, ret);
	close(fd);
	return found;
}

void guard_mark_take(int dirfd, const char *path, struct guard_mark *ret)
{
	int fd;

	ret->has = false;
	if (container_format(path) != CONTAINER_VHDX ||
	    beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd) < 0)
		return;
	ret->has = container_mark(fd, path, ret->mark);
	close(fd);
}

/* What its headers say, and whether they say the same as before. */
static const struct guard *by_headers(int fd, const char *path, struct guard_mark *mark)
{
	struct container c;
	bool moved;

	container_look(fd, path, &c);
	moved = c.has_mark && mark->has && memcmp(mark->mark, c.mark, sizeof(c.mark)) != 0;
	mark->has = c.has_mark;
	memcpy(mark->mark, c.mark, sizeof(c.mark));
	if (c.fault != CONTAINER_SOUND)
		return &faults[c.fault];
	return moved ? &moving : NULL;
}

const struct guard *guard_objects(int dirfd, const char *path, const struct group_cfg *g,
				  struct guard_mark *mark, char ret_lock[NAME_MAX + 1])
{
	const struct guard *found = NULL;
	int fd, open;

	ret_lock[0] = '\0';
	mark->blind = false;
	if (beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd) < 0)
		return NULL;
	open = source_writer_probe(fd);
	mark->blind = open == -EACCES;
	if (open == -EAGAIN)
		found = &writer;
	else if (guard_locked(dirfd, path, &g->lock, ret_lock))
		found = &lock;
	else if (g->unclean == UNCLEAN_HOLD)
		found = by_headers(fd, path, mark);
	close(fd);
	return found;
}

const char *guard_says(const struct guard *g)
{
	return g->says ? g->says : container_fault_text((enum container_fault)(g - faults));
}

const struct guard *guard_of_fault(enum container_fault f)
{
	return f == CONTAINER_SOUND ? NULL : &faults[f];
}
