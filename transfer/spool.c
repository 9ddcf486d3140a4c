/*
 * spool.c: see spool.h.
 */
#include "transfer/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transfer/durable.h"

struct spool {
	int file, memory;
	uint8_t *map; /* twice SPOOL_SIZE, or NULL */
};

/* The memory, and right behind it the same once more. */
static int map_twice(struct spool *s)
{
	uint8_t *p = mmap(NULL, 2 * SPOOL_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (p == MAP_FAILED)
		return -errno;
	s->map = p;
	for (i = 0; i < 2; i++)
		if (mmap(p + (size_t)i * SPOOL_SIZE, SPOOL_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED,
			 s->memory, 0) == MAP_FAILED)
			return -errno;
	return 0;
}

int spool_open(int fd, struct spool **ret)
{
	struct spool *s = xcalloc(1, sizeof(*s));
	int r;

	s->file = fd;
	s->memory = memfd_create("spool", MFD_CLOEXEC);
	/* As long as it will ever be: what is mapped must be there, holes though it has. */
	r = s->memory < 0 || ftruncate(s->memory, (off_t)SPOOL_SIZE) < 0 ? -errno : map_twice(s);
	if (r < 0) {
		spool_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct spool *spool_close(struct spool *s)
{
	if (!s)
		return NULL;
	if (s->map)
		munmap(s->map, 2 * SPOOL_SIZE);
	if (s->memory >= 0)
		close(s->memory);
	close(s->file);
	free(s);
	return NULL;
}

void spool_rest(struct spool *s)
{
	/* Where it cannot be given back it is used again. */
	(void)fallocate(s->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			(off_t)SPOOL_SIZE);
}

int spool_clear(struct spool *s)
{
	spool_rest(s);
	return ftruncate(s->file, 0) < 0 ? -errno : 0;
}

/* Bytes at this offset up to the end of the round, at most len. */
static size_t in_round(uint64_t offset, uint64_t len)
{
	return (size_t)MIN(len, SPOOL_SIZE - offset % SPOOL_SIZE);
}

int spool_store(struct spool *s, uint64_t from, uint64_t to)
{
	size_t n;
	int r = 0;

	for (; from < to && r == 0; from += n) {
		n = in_round(from, to - from);
		r = durable_pwrite(s->file, spool_at(s, from), n, from % SPOOL_SIZE);
	}
	return r < 0 ? r : durable_datasync(s->file);
}

static int write_memory(int fd, const uint8_t *p, size_t len, uint64_t at)
{
	ssize_t n;

	for (; len; p += n, at += (uint64_t)n, len -= (size_t)n) {
		n = pwrite(fd, p, len, (off_t)at);
		if (n < 0 && errno != EINTR)
			return -errno;
		n = MAX(n, 0);
	}
	return 0;
}

int spool_load(struct spool *s, uint64_t from, uint64_t to)
{
	uint8_t buf[64 << 10];
	ssize_t n = 0;
	int r = 0;

	spool_rest(s);
	for (; from < to && r == 0; from += (uint64_t)MAX(n, 0)) {
		n = pread(s->file, buf, in_round(from, MIN(to - from, sizeof(buf))),
			  (off_t)(from % SPOOL_SIZE));
		if (n > 0)
			r = write_memory(s->memory, buf, (size_t)n, from % SPOOL_SIZE);
		else if (n == 0 || errno != EINTR)
			r = n < 0 ? -errno : -EIO;
	}
	return r;
}

const uint8_t *spool_at(const struct spool *s, uint64_t offset)
{
	return s->map + offset % SPOOL_SIZE;
}

int spool_dup(const struct spool *s)
{
	int fd = fcntl(s->memory, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int spool_write(int fd, uint64_t offset, const void *buf, size_t len)
{
	size_t first = in_round(offset, len);
	int r = write_memory(fd, buf, first, offset % SPOOL_SIZE);

	return r < 0 ? r : write_memory(fd, (const uint8_t *)buf + first, len - first, 0);
}
