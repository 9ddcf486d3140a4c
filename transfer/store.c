/*
 * store.c: opens and makes the directories of a group's store. See store.h.
 */
#include "transfer/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int open_dir(int at, const char *name, mode_t mode, int *ret_fd, struct err *e)
{
	int fd;

	if (mkdirat(at, name, mode) < 0 && errno != EEXIST)
		return err_set(e, -errno, "cannot make %s: %s", name, strerror(errno));
	fd = openat(at, name, DIR_FLAGS);
	if (fd < 0)
		return err_set(e, -errno, "%s: %s", name, strerror(errno));
	*ret_fd = fd;
	return 0;
}

/* Clones a block from one file to another: what a filesystem says of itself is not always so. */
static bool probe_reflink(int dirfd)
{
	static const char from[] = ".probe-from", to[] = ".probe-to";
	char block[BLOCK_SIZE];
	bool works = false;
	int fd;

	(void)unlinkat(dirfd, from, 0);
	(void)unlinkat(dirfd, to, 0);
	fd = openat(dirfd, from, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	memset(block, 'p', sizeof(block));
	if (pwrite(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block))
		works = source_clone(fd, dirfd, to) == 0;
	close(fd);
	(void)unlinkat(dirfd, from, 0);
	(void)unlinkat(dirfd, to, 0);
	return works;
}

static unsigned count_staged(const struct store *s)
{
	DIR *dir = dir_list(s->staging_fd);
	struct hash root;
	struct dirent *d;
	unsigned n = 0;

	while (dir && (d = readdir(dir)))
		n += hash_parse(d->d_name, &root) == 0;
	if (dir)
		closedir(dir);
	return n;
}

int store_open(const char *path, struct store **ret, struct err *e)
{
	struct store *s = xcalloc(1, sizeof(*s));
	struct stat st;
	int r;

	s->root_fd = s->meta_fd = s->staging_fd = s->preserved_fd = s->index_fd = -1;
	s->path = xstrdup(path);
	s->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0 || fstat(s->root_fd, &st) < 0) {
		r = err_set(e, -errno, "%s: %s", path, strerror(errno));
		goto fail;
	}
	s->dev = st.st_dev;
	r = open_dir(s->root_fd, STORE_DIR, 0700, &s->meta_fd, e);
	if (r < 0)
		goto fail;
	if (fstat(s->meta_fd, &st) < 0 || st.st_dev != s->dev) {
		r = err_set(e, -EXDEV, "%s/" STORE_DIR " is on another filesystem than %s", path,
			    path);
		goto fail;
	}
	r = open_dir(s->meta_fd, "staging", 0700, &s->staging_fd, e);
	if (r == 0)
		r = open_dir(s->meta_fd, "preserved", 0700, &s->preserved_fd, e);
	if (r == 0)
		r = open_dir(s->meta_fd, "index", 0700, &s->index_fd, e);
	if (r < 0)
		goto fail;
	s->reflink = probe_reflink(s->staging_fd);
	atomic_store(&s->staged, count_staged(s));
	*ret = s;
	return 0;
fail:
	store_close(s);
	return r;
}

/* Somebody may have deleted some of them: it is looked before it is believed. */
bool store_has_room(struct store *s)
{
	if (atomic_load(&s->staged) >= STORE_STAGED_MAX)
		atomic_store(&s->staged, count_staged(s));
	return atomic_load(&s->staged) < STORE_STAGED_MAX;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Workers may use the descriptor meanwhile: it keeps its number. */
static int mend_dir(struct store *s, const char *name, int fd)
{
	struct stat st;
	int again = -1, r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_nlink > 0)
		return 0;
	r = open_dir(s->meta_fd, name, 0700, &again, NULL);
	if (r < 0)
		return r;
	r = dup3(again, fd, O_CLOEXEC) < 0 ? -errno : 1;
	close(again);
	return r;
}

int store_mend(struct store *s)
{
	int r = mend_dir(s, "staging", s->staging_fd), q = 0;

	if (r >= 0)
		q = mend_dir(s, "preserved", s->preserved_fd);
	if (r >= 0 && q >= 0) {
		r |= q;
		q = mend_dir(s, "index", s->index_fd);
	}
	return r < 0 ? r : q < 0 ? q : r | q;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	close_fd(s->index_fd);
	close_fd(s->preserved_fd);
	close_fd(s->staging_fd);
	close_fd(s->meta_fd);
	close_fd(s->root_fd);
	free(s->path);
	free(s);
	return NULL;
}

int store_free_bytes(const struct store *s, uint64_t *ret)
{
	struct statvfs v;

	if (fstatvfs(s->root_fd, &v) < 0)
		return -errno;
	*ret = (uint64_t)v.f_bavail * v.f_frsize;
	return 0;
}

int store_remove_dir(int dirfd, const char *name)
{
	struct dirent *d;
	int fd = openat(dirfd, name, DIR_FLAGS), r = 0;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") &&
		    unlinkat(fd, d->d_name, 0) < 0 && errno != ENOENT)
			r = -errno;
	closedir(dir);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
