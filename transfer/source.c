/*
 * source.c: identities of files, paths that cannot escape, clones, extents of data, and who has a
 * file open. Every call is one or a few system calls; nothing here is kept and nothing logged.
 */
#include "transfer/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "transfer/durable.h"

/* linux/fs.h has one of its own, of 1 KiB, which would win. */
#undef BLOCK_SIZE
#define BLOCK_SIZE 4096u

void identity_of(const struct stat *st, struct identity *ret)
{
	*ret = (struct identity){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
	};
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       time_equal(&a->mtime, &b->mtime) && time_equal(&a->ctime, &b->ctime);
}

int beneath_open(int dirfd, const char *path, int flags, mode_t mode, int *ret_fd)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: something was renamed meanwhile and the kernel could not be sure. */
	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0) {
			*ret_fd = (int)fd;
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}

/* As the directory that it lands in, whatever the daemon's umask: who may read there may read here.
 */
static int be_like(int fd, int dirfd)
{
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return -errno;
	/* Without the right to, the daemon's own user stays. */
	if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return -errno;
	return fchmod(fd, st.st_mode & 07777) < 0 ? -errno : 0;
}

static int open_part(int dirfd, const char *part, bool create, int *ret_fd)
{
	int fd, r = beneath_open(dirfd, part, O_RDONLY | O_DIRECTORY, 0, ret_fd);
	bool made;

	if (r != -ENOENT || !create)
		return r;
	made = mkdirat(dirfd, part, 0755) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	r = beneath_open(dirfd, part, O_RDONLY | O_DIRECTORY, 0, &fd);
	if (r < 0)
		return r;
	if (made) {
		r = be_like(fd, dirfd);
		if (r == 0)
			r = durable_dirsync(dirfd);
		if (r < 0) {
			close(fd);
			return r;
		}
	}
	*ret_fd = fd;
	return 0;
}

int beneath_parent(int dirfd, const char *path, bool create, int *ret_fd, const char **ret_name)
{
	char part[NAME_MAX + 1];
	const char *slash;
	int r, next, fd;

	r = beneath_open(dirfd, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
	if (r < 0)
		return r;
	while ((slash = strchr(path, '/')) != NULL) {
		size_t len = (size_t)(slash - path);

		if (len == 0 || len > NAME_MAX) {
			close(fd);
			return len == 0 ? -EINVAL : -ENAMETOOLONG;
		}
		memcpy(part, path, len);
		part[len] = '\0';
		r = open_part(fd, part, create, &next);
		close(fd);
		if (r < 0)
			return r;
		fd = next;
		path = slash + 1;
	}
	if (*path == '\0') {
		close(fd);
		return -EINVAL;
	}
	*ret_fd = fd;
	*ret_name = path;
	return 0;
}

DIR *dir_list(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

/* Not made durable: a clone that a power cut tore does not fit its index and is noticed there. */
int source_clone(int fd, int dirfd, const char *name)
{
	int to, r = 0;

	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	to = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (to < 0)
		return -errno;
	if (ioctl(to, FICLONE, fd) < 0) {
		r = -errno;
		if (r == -ENOTTY || r == -EXDEV || r == -EINVAL || r == -ENOSYS)
			r = -EOPNOTSUPP;
		unlinkat(dirfd, name, 0);
	}
	close(to);
	return r;
}

/* QEMU locks a byte for each thing that it may do to an image; this one is writing
 * (block/file-posix.c of QEMU). Whoever only asks may be anybody. */
static bool qemu_writes(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

int source_writer_probe(int fd)
{
	/* Whoever opens it for writing while we hold the lease sends us a signal; SIGIO would end
	 * us. */
	if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return 0;
	}
	return errno == EAGAIN || qemu_writes(fd) ? -EAGAIN : -EACCES;
}

int source_next_data(int fd, uint64_t offset, uint64_t size, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t start, end;
	off_t o;

	if (offset >= size)
		return -ENXIO;
	o = lseek(fd, (off_t)offset, SEEK_DATA);
	if (o < 0 && errno == EINVAL) {
		/* No holes here: all of it is data. */
		*ret_start = offset - offset % BLOCK_SIZE;
		*ret_end = size;
		return 0;
	}
	if (o < 0)
		return -errno;
	if ((uint64_t)o >= size)
		return -ENXIO;
	start = (uint64_t)o;
	o = lseek(fd, o, SEEK_HOLE);
	if (o < 0)
		return -errno;
	end = ((uint64_t)o + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
	*ret_start = start - start % BLOCK_SIZE;
	*ret_end = MIN(end, size);
	return 0;
}
