/*
 * publish.c: see publish.h. Order of a publication: attributes and fsync of the file (prepare),
 * then, under the caller's intent, a link of the old file into preserved/, the rename, and fsync of
 * every directory that changed.
 */
#include "transfer/publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/durable.h"
#include "transfer/extents.h"

#define EMPTY_DEPTH 64u /* of directories in one another, each with a descriptor open */

static int fail(struct err *e, int code, const char *what, const char *path)
{
	return err_set(e, code, "cannot %s %s: %s", what, path, strerror(-code));
}

int publish_look(struct store *s, const char *path, struct publish_look *ret, struct err *e)
{
	struct stat st;
	int fd, r = beneath_open(s->root_fd, path, O_PATH | O_NOFOLLOW, 0, &fd);

	memset(ret, 0, sizeof(*ret));
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(e, r, "look at", path);
	r = fstat(fd, &st) < 0 ? -errno : 0;
	close(fd);
	if (r < 0)
		return fail(e, r, "look at", path);
	ret->directory = S_ISDIR(st.st_mode);
	if (ret->directory)
		return 0;
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EEXIST, "%s is there and is not a regular file", path);
	ret->present = true;
	identity_of(&st, &ret->identity);
	ret->mode = st.st_mode & 07777;
	ret->bytes = (uint64_t)st.st_blocks * 512;
	return 0;
}

/* Owner before mode (chown may clear bits), times last. */
static int set_attr(int fd, int dir, const struct publish_attr *a)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT},
				{.tv_sec = (time_t)a->mtime.sec, .tv_nsec = a->mtime.nsec}};
	struct stat d;

	if (fstat(dir, &d) < 0)
		return -errno;
	if (a->uid != (uid_t)-1)
		d.st_uid = a->uid;
	if (a->gid != (gid_t)-1)
		d.st_gid = a->gid;
	/* Without the right to, the daemon's own user stays: no reason to hold an image back. */
	if (fchown(fd, d.st_uid, d.st_gid) < 0 &&
	    (errno != EPERM || a->uid != (uid_t)-1 || a->gid != (gid_t)-1))
		return -errno;
	if (fchmod(fd, a->mode & 0777) < 0 || futimens(fd, t) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int identity_at(int dir, const char *name, struct identity *ret)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	identity_of(&st, ret);
	return 0;
}

int publish_prepare(struct store *s, const char *staged, const char *path,
		    const struct publish_attr *a, struct identity *ret, struct err *e)
{
	const char *name;
	int fd = -1, dir = -1, r;

	/* Not for writing: it may have lost its write bits at a first try. */
	r = beneath_open(s->staging_fd, staged, O_RDONLY, 0, &fd);
	if (r < 0)
		return fail(e, r, "open what was staged for", path);
	r = beneath_parent(s->root_fd, path, true, &dir, &name);
	if (r == 0)
		r = set_attr(fd, dir, a);
	if (r == 0) {
		struct stat st;

		r = fstat(fd, &st) < 0 ? -errno : 0;
		if (r == 0)
			identity_of(&st, ret);
	}
	close(fd);
	if (dir >= 0)
		close(dir);
	return r < 0 ? fail(e, r, "prepare", path) : 0;
}

uint64_t publish_differs(struct store *s, const char *path, const char *staged, uint64_t allocated,
			 const atomic_bool *cancel)
{
	struct extents_common common;
	uint64_t bytes = allocated;
	struct stat a, b;
	int old, new = -1;

	if (!s->reflink || beneath_open(s->root_fd, path, O_RDONLY | O_NOFOLLOW, 0, &old) < 0)
		return bytes;
	if (beneath_open(s->staging_fd, staged, O_RDONLY, 0, &new) == 0 && fstat(old, &a) == 0 &&
	    fstat(new, &b) == 0 &&
	    extents_compare(old, (uint64_t)a.st_size, new, (uint64_t)b.st_size, cancel, &common) ==
		    0) {
		bytes = MIN(allocated, common.n_other * BLOCK_SIZE);
		extents_done(&common);
	}
	close(old);
	if (new >= 0)
		close(new);
	return bytes;
}

/* The present file gets a second name in preserved/; its first is taken from it by the rename. */
static int keep_old(struct store *s, int dir, const char *name, const char *keep)
{
	struct identity a, b;
	int r;

	if (linkat(dir, name, s->preserved_fd, keep, 0) == 0)
		return durable_dirsync(s->preserved_fd);
	if (errno == ENOENT)
		return 0; /* nothing is there */
	if (errno != EEXIST)
		return -errno;
	/* A repetition after a crash; else a name that is taken. */
	r = identity_at(dir, name, &a);
	if (r == 0)
		r = identity_at(s->preserved_fd, keep, &b);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return a.ino == b.ino ? 0 : -EEXIST;
}

static int old_identity(struct store *s, const char *keep, struct identity *ret_old)
{
	int r;

	memset(ret_old, 0, sizeof(*ret_old));
	r = keep ? identity_at(s->preserved_fd, keep, ret_old) : 0;
	return r == -ENOENT ? 0 : r;
}

/* Directories that held what was moved or deleted stay behind, empty: they give way to a file of
 * their name. Nothing else is removed. */
static int remove_empty(int at, const char *name, unsigned depth)
{
	struct dirent *d;
	int fd, r = 0;
	DIR *dir;

	if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if ((errno != ENOTEMPTY && errno != EEXIST) || depth == EMPTY_DEPTH)
		return errno == ENOTDIR ? -EISDIR : -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			r = remove_empty(fd, d->d_name, depth + 1);
	closedir(dir);
	if (r == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r == -ENOTEMPTY ? -EISDIR : r;
}

static int rename_over(int from_dir, const char *from, int dir, const char *name)
{
	int r = renameat(from_dir, from, dir, name) < 0 ? -errno : 0;

	if (r != -EISDIR)
		return r;
	r = remove_empty(dir, name, 0);
	return r < 0 ? r : renameat(from_dir, from, dir, name) < 0 ? -errno : 0;
}

/* from_dir/from -> path, durable, the old one kept. */
static int move_in(struct store *s, int from_dir, const char *from, const char *path,
		   const char *keep, struct identity *ret, struct identity *ret_old)
{
	const char *name;
	int dir, r = beneath_parent(s->root_fd, path, true, &dir, &name);

	if (r < 0)
		return r;
	if (keep)
		r = keep_old(s, dir, name, keep);
	if (r == 0)
		r = rename_over(from_dir, from, dir, name);
	if (r == 0)
		r = durable_dirsync(dir);
	if (r == 0)
		r = durable_dirsync(from_dir);
	if (r == 0)
		r = identity_at(dir, name, ret);
	if (r == 0)
		r = old_identity(s, keep, ret_old);
	close(dir);
	return r;
}

int publish_commit(struct store *s, const char *staged, const char *path, const char *keep,
		   struct identity *ret, struct identity *ret_old, struct err *e)
{
	const char *name;
	int dir, r = beneath_parent(s->staging_fd, staged, false, &dir, &name);

	if (r < 0)
		return fail(e, r, "find what was staged for", path);
	r = move_in(s, dir, name, path, keep, ret, ret_old);
	close(dir);
	return r < 0 ? fail(e, r, "publish", path) : 0;
}

int publish_rename(struct store *s, const char *from, const char *path, const char *keep,
		   struct identity *ret, struct identity *ret_old, struct err *e)
{
	const char *name;
	int dir, r = beneath_parent(s->root_fd, from, false, &dir, &name);

	if (r < 0)
		return fail(e, r, "rename", from);
	r = move_in(s, dir, name, path, keep, ret, ret_old);
	close(dir);
	return r < 0 ? fail(e, r, "rename to", path) : 0;
}

int publish_remove(struct store *s, const char *path, const char *keep, struct identity *ret_old,
		   struct err *e)
{
	const char *name;
	int dir, r = beneath_parent(s->root_fd, path, false, &dir, &name);

	memset(ret_old, 0, sizeof(*ret_old));
	if (r == -ENOENT)
		return old_identity(s, keep, ret_old);
	if (r < 0)
		return fail(e, r, "remove", path);
	r = keep ? renameat(dir, name, s->preserved_fd, keep) : unlinkat(dir, name, 0);
	r = r < 0 && errno != ENOENT ? -errno : 0;
	if (r == 0)
		r = durable_dirsync(s->preserved_fd);
	if (r == 0)
		r = durable_dirsync(dir);
	if (r == 0)
		r = old_identity(s, keep, ret_old);
	close(dir);
	return r < 0 ? fail(e, r, "remove", path) : 0;
}

int publish_attr(struct store *s, const char *path, const struct publish_attr *a,
		 struct identity *ret, struct err *e)
{
	const char *name;
	struct stat st;
	int fd = -1, dir, r = beneath_parent(s->root_fd, path, false, &dir, &name);

	if (r < 0)
		return fail(e, r, "change", path);
	r = beneath_open(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
	if (r == 0)
		r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EEXIST;
	if (r == 0)
		r = set_attr(fd, dir, a);
	if (r == 0)
		r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0)
		identity_of(&st, ret);
	if (fd >= 0)
		close(fd);
	close(dir);
	return r < 0 ? fail(e, r, "change", path) : 0;
}
