/*
 * fault.c: a test's hook in a daemon, by LD_PRELOAD: counts the calls by which files below
 * FAULT_BELOW (paths, with ":" between) are changed or made durable, SQLite's among them,
 * over all threads, and FAULT_LOG=FILE     writes a line for each: number, call, path; FAULT_KILL=N
 * ends the process by SIGKILL instead of the Nth; with FAULT_HALF=1, where that is a write, after
 * half of its bytes; FAULT_SWITCH=FILE  while that file is there, with a line "ERRNO CALLS TEXT" in
 * it, fails the calls whose first letter is in CALLS (r reads, w writes, s syncs, o others) of
 *                      paths in which TEXT occurs.
 * What is written through a mapping is not seen. No part of the program.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_LEN 4096

static const char *below, *switch_file;
static long kill_at;
static int half, log_fd = -1;
static atomic_long steps;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
	const char *kill = getenv("FAULT_KILL"), *log = getenv("FAULT_LOG");

	below = getenv("FAULT_BELOW");
	switch_file = getenv("FAULT_SWITCH");
	kill_at = kill ? atol(kill) : 0;
	half = getenv("FAULT_HALF") != NULL;
	if (log)
		log_fd = (int)syscall(SYS_openat, AT_FDCWD, log,
				      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_below(const char *path)
{
	const char *p = below, *end;

	for (; p && *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ':');
		if (strncmp(path, p, (size_t)(end - p)) == 0 &&
		    (path[end - p] == '/' || !path[end - p]))
			return 1;
	}
	return 0;
}

/* The path of a descriptor, or of a name in it; 0: not below. */
static int path_of(int fd, const char *name, char ret[PATH_LEN])
{
	char link[32];
	ssize_t n = 0;

	if (name && name[0] == '/') {
		snprintf(ret, PATH_LEN, "%s", name);
		return is_below(ret);
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/self/cwd");
	n = readlink(link, ret, PATH_LEN / 2);
	if (n <= 0)
		return 0;
	ret[n] = '\0';
	if (name)
		snprintf(ret + n, PATH_LEN - (size_t)n, "/%.2000s", name);
	return is_below(ret);
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* -1: fail, with errno. */
static int switched(char letter, const char *path)
{
	char line[256], calls[16], text[128];
	int fd, error;
	ssize_t n;

	if (!switch_file)
		return 0;
	fd = (int)syscall(SYS_openat, AT_FDCWD, switch_file, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	if (sscanf(line, "%d %15s %127s", &error, calls, text) != 3 || !strchr(calls, letter) ||
	    !strstr(path, text))
		return 0;
	errno = error;
	return -1;
}

enum { GO_ON, HALF, FAIL };

/* One step: GO_ON, HALF (only of a write; then die()), or FAIL. */
static int step(char letter, const char *call, const char *path)
{
	char line[PATH_LEN + 64];
	long n = atomic_fetch_add(&steps, 1) + 1;
	int len = snprintf(line, sizeof(line), "%ld %s %s\n", n, call, path), error = errno;

	if (log_fd >= 0 && syscall(SYS_write, log_fd, line, len) < 0)
		abort();
	errno = error;
	if (n == kill_at) {
		if (half && letter == 'w')
			return HALF;
		die();
	}
	return switched(letter, path) < 0 ? FAIL : GO_ON;
}

static int step_fd(char letter, const char *call, int fd, const char *name)
{
	char path[PATH_LEN];

	return path_of(fd, name, path) ? step(letter, call, path) : GO_ON;
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t at)
{
	int how = step_fd('w', "pwrite", fd, NULL);
	ssize_t n = how == FAIL ? -1 : REAL(pwrite64)(fd, buf, how == HALF ? len / 2 : len, at);

	if (how == HALF)
		die();
	return n;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	int how = step_fd('w', "write", fd, NULL);
	ssize_t n = how == FAIL ? -1 : REAL(write)(fd, buf, how == HALF ? len / 2 : len);

	if (how == HALF)
		die();
	return n;
}

ssize_t pread64(int fd, void *buf, size_t len, off64_t at)
{
	char path[PATH_LEN];

	if (switch_file && path_of(fd, NULL, path) && switched('r', path) < 0)
		return -1;
	return REAL(pread64)(fd, buf, len, at);
}

#define WRAP(letter, type, name, fd, path, params, args)                                \
	type name params                                                                \
	{                                                                               \
		return step_fd(letter, #name, fd, path) == FAIL ? -1 : REAL(name) args; \
	}

WRAP('s', int, fdatasync, fd, NULL, (int fd), (fd))
WRAP('s', int, fsync, fd, NULL, (int fd), (fd))
WRAP('o', int, ftruncate64, fd, NULL, (int fd, off64_t len), (fd, len))
WRAP('o', int, fallocate64, fd, NULL, (int fd, int mode, off64_t at, off64_t len),
     (fd, mode, at, len))
WRAP('o', int, renameat, to_dir, to, (int dir, const char *from, int to_dir, const char *to),
     (dir, from, to_dir, to))
WRAP('o', int, unlink, AT_FDCWD, name, (const char *name), (name))
WRAP('o', int, unlinkat, dir, name, (int dir, const char *name, int flags), (dir, name, flags))
WRAP('o', int, link, AT_FDCWD, to, (const char *from, const char *to), (from, to))
WRAP('o', int, linkat, to_dir, to,
     (int dir, const char *from, int to_dir, const char *to, int flags),
     (dir, from, to_dir, to, flags))
WRAP('o', int, mkdirat, dir, name, (int dir, const char *name, mode_t mode), (dir, name, mode))
WRAP('o', int, fchmod, fd, NULL, (int fd, mode_t mode), (fd, mode))
WRAP('o', int, fchown, fd, NULL, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP('o', int, futimens, fd, NULL, (int fd, const struct timespec t[2]), (fd, t))

int posix_fallocate64(int fd, off64_t at, off64_t len)
{
	if (step_fd('o', "posix_fallocate", fd, NULL) == FAIL)
		return errno;
	return REAL(posix_fallocate64)(fd, at, len);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if ((request == FICLONE || request == FICLONERANGE) &&
	    step_fd('o', "clone", fd, NULL) == FAIL)
		return -1;
	return REAL(ioctl)(fd, request, arg);
}

/* Only where it makes a file. */
static int creates(int dir, const char *name, int flags)
{
	struct stat st;

	return (flags & O_CREAT) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

int openat64(int dir, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (creates(dir, name, flags) && step_fd('o', "create", dir, name) == FAIL)
		return -1;
	return REAL(openat64)(dir, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return openat64(AT_FDCWD, name, flags, mode);
}
