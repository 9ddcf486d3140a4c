/* temp.h: a private directory for one test, and files in it. */
#ifndef SPOKESYNC_TESTS_UNIT_TEMP_H
#define SPOKESYNC_TESTS_UNIT_TEMP_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base.h"

struct temp {
	char path[512];
	int fd;
};

static inline void temp_new_in(struct temp *t, const char *base)
{
	snprintf(t->path, sizeof(t->path), "%s/spokesync-test-XXXXXX", base);
	if (mkdtemp(t->path) == NULL ||
	    (t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(t->path);
		abort();
	}
}

static inline void temp_new(struct temp *t)
{
	const char *base = getenv("TMPDIR");

	temp_new_in(t, base != NULL ? base : "/tmp");
}

/* In memory where it can be had: for tests that would wait for a disk a thousand times. */
static inline void temp_new_fast(struct temp *t)
{
	if (access("/dev/shm", W_OK) == 0)
		temp_new_in(t, "/dev/shm");
	else
		temp_new(t);
}

/* Removes what lies in it, directories too, and itself. */
static inline void temp_clear(int fd)
{
	DIR *d = fdopendir(dup(fd));
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		int sub;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) == 0)
			continue;
		sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (sub < 0)
			continue;
		temp_clear(sub);
		close(sub);
		unlinkat(fd, e->d_name, AT_REMOVEDIR);
	}
	if (d != NULL)
		closedir(d);
}

static inline void temp_done(struct temp *t)
{
	temp_clear(t->fd);
	close(t->fd);
	rmdir(t->path);
}

/* Fixtures of tests whose state is a directory. */
static inline int temp_setup(void **state)
{
	static struct temp t;

	temp_new(&t);
	*state = &t;
	return 0;
}

static inline int temp_teardown(void **state)
{
	temp_done((struct temp *)*state);
	return 0;
}

/* A file made anew, open for reading and writing. */
static inline int temp_file(const struct temp *t, const char *name)
{
	int fd = openat(t->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0) {
		perror(name);
		abort();
	}
	return fd;
}

/* Cuts off at len all files whose names begin so, under whoever has them; their number. */
static inline unsigned temp_cut_off(const struct temp *t, const char *prefix, off_t len)
{
	DIR *d = fdopendir(openat(t->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;
	unsigned n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		int fd = strncmp(e->d_name, prefix, strlen(prefix)) == 0
				 ? openat(t->fd, e->d_name, O_RDWR | O_CLOEXEC)
				 : -1;

		if (fd < 0)
			continue;
		n += ftruncate(fd, len) == 0;
		close(fd);
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static inline void temp_write(int fd, const void *data, size_t len, uint64_t offset)
{
	if (pwrite(fd, data, len, (off_t)offset) != (ssize_t)len) {
		perror("pwrite");
		abort();
	}
}

/* Numbers that are the same in every run: xorshift64*. */
static inline uint64_t temp_random(uint64_t *state)
{
	uint64_t x = *state != 0 ? *state : 88172645463325252ull;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 2685821657736338717ull;
}

static inline void temp_fill(uint64_t *state, void *buf, size_t len)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(temp_random(state) >> 33);
}

#endif
