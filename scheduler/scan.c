/*
 * scan.c: see scan.h. Directories are opened relative to their parents without following links, so
 * a tree that is moved about meanwhile cannot lead outside the group.
 */
#include "scheduler/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scanner {
	struct scan_result *ret;
	const atomic_bool *cancel;
	uint64_t dev;
};

const char *scan_judge(const char *path, const struct stat *st, uint64_t group_dev)
{
	if (S_ISLNK(st->st_mode))
		return "a symbolic link";
	if (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode))
		return "a device";
	if (S_ISSOCK(st->st_mode))
		return "a socket";
	if (S_ISFIFO(st->st_mode))
		return "a named pipe";
	if ((uint64_t)st->st_dev != group_dev)
		return "on another filesystem than the group";
	if (!wire_path_ok(path, NULL))
		return "a name that cannot be sent (control characters, not UTF-8, or too long)";
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if ((uint64_t)st->st_size > FILE_SIZE_MAX)
		return "larger than 64 TiB";
	return NULL;
}

static int scan_fail(struct scanner *s, int code, const char *path, const char *what)
{
	s->ret->error = code;
	snprintf(s->ret->text, sizeof(s->ret->text), "%s %.150s: %s", what, *path ? path : ".",
		 strerror(-code));
	return code;
}

static void scan_add(struct scanner *s, char *path, const struct stat *st, const char *skip)
{
	struct scan_result *r = s->ret;
	struct scan_entry *e;

	if (r->n_entries == r->cap_entries) {
		r->cap_entries = r->cap_entries ? r->cap_entries * 2 : 64;
		r->entries = xrealloc(r->entries, r->cap_entries * sizeof(*r->entries));
	}
	e = &r->entries[r->n_entries++];
	memset(e, 0, sizeof(*e));
	e->path = path;
	e->skip = skip;
	e->mode = st->st_mode & 07777;
	identity_of(st, &e->identity);
}

static void scan_add_dir(struct scanner *s, const char *path)
{
	struct scan_result *r = s->ret;

	if (r->n_dirs == r->cap_dirs) {
		r->cap_dirs = r->cap_dirs ? r->cap_dirs * 2 : 16;
		r->dirs = xrealloc(r->dirs, r->cap_dirs * sizeof(*r->dirs));
	}
	r->dirs[r->n_dirs++] = xstrdup(path);
}

static int scan_dir(struct scanner *s, int dirfd, const char *path, unsigned depth);

static int scan_subdir(struct scanner *s, int parent, const char *name, const char *path,
		       unsigned depth)
{
	int fd;

	if (depth >= SCAN_DEPTH_MAX)
		return scan_fail(s, -ELOOP, path, "too many levels of directories at");
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0; /* it went, or was exchanged, meanwhile */
	if (fd < 0)
		return scan_fail(s, -errno, path, "opening the directory");
	return scan_dir(s, fd, path, depth + 1);
}

static int scan_name(struct scanner *s, DIR *d, const char *name, const char *dir, unsigned depth)
{
	const char *skip;
	struct stat st;
	char *path;
	int r = 0;

	if (s->ret->n_present++ >= SCAN_FILES_MAX)
		return scan_fail(s, -E2BIG, dir, "too many files below");
	path = *dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
	if (fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			r = scan_fail(s, -errno, path, "looking at");
		free(path);
		return r;
	}
	skip = scan_judge(path, &st, s->dev);
	if (S_ISDIR(st.st_mode) && (uint64_t)st.st_dev == s->dev && wire_path_ok(path, NULL)) {
		r = scan_subdir(s, dirfd(d), name, path, depth);
		free(path);
		return r;
	}
	scan_add(s, path, &st, skip);
	return 0;
}

/* Takes fd. */
static int scan_dir(struct scanner *s, int fd, const char *path, unsigned depth)
{
	struct dirent *entry;
	DIR *d = fdopendir(fd);
	int r = 0;

	if (!d) {
		r = scan_fail(s, -errno, path, "opening the directory");
		close(fd);
		return r;
	}
	scan_add_dir(s, path);
	while (r == 0) {
		if (*s->cancel) {
			r = scan_fail(s, -ECANCELED, path, "scanning");
			break;
		}
		errno = 0;
		entry = readdir(d);
		if (!entry && errno)
			r = scan_fail(s, -errno, path, "reading the directory");
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    strcmp(entry->d_name, ".spokesync"))
			r = scan_name(s, d, entry->d_name, path, depth);
	}
	closedir(d);
	return r;
}

void scan_run(int dirfd, const atomic_bool *cancel, struct scan_result *ret)
{
	struct scanner s = {.ret = ret, .cancel = cancel};
	struct stat st;
	int fd;

	memset(ret, 0, sizeof(*ret));
	/* A description of its own: reading a directory moves the position of the shared one. */
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		scan_fail(&s, -errno, "", "opening the directory");
		return;
	}
	if (fstat(fd, &st) < 0) {
		scan_fail(&s, -errno, "", "looking at the directory");
		close(fd);
		return;
	}
	s.dev = (uint64_t)st.st_dev;
	scan_dir(&s, fd, "", 0);
}

void scan_done(struct scan_result *r)
{
	for (size_t i = 0; i < r->n_entries; i++)
		free(r->entries[i].path);
	free(r->entries);
	for (size_t i = 0; i < r->n_dirs; i++)
		free(r->dirs[i]);
	free(r->dirs);
	memset(r, 0, sizeof(*r));
}
