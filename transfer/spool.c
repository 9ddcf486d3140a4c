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
	int fd;
	uint8_t *map; /* twice SPOOL_SIZE, or NULL */
};

/* The file, and right behind it the file once more. */
static int map_twice(struct spool *s)
{
	uint8_t *p = mmap(NULL, 2 * SPOOL_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (p == MAP_FAILED)
		return -errno;
	s->map = p;
	for (i = 0; i < 2; i++)
		if (mmap(p + (size_t)i * SPOOL_SIZE, SPOOL_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED,
			 s->fd, 0) == MAP_FAILED)
			return -errno;
	return 0;
}

int spool_open(int fd, struct spool **ret)
{
	struct spool *s = xcalloc(1, sizeof(*s));
	int r;

	s->fd = fd;
	/* As long as it will ever be: what is mapped must be there, holes though it has. */
	r = ftruncate(fd, (off_t)SPOOL_SIZE) < 0 ? -errno : map_twice(s);
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
	close(s->fd);
	free(s);
	return NULL;
}

int spool_clear(struct spool *s)
{
	return ftruncate(s->fd, 0) < 0 || ftruncate(s->fd, (off_t)SPOOL_SIZE) < 0 ? -errno : 0;
}

int spool_sync(struct spool *s)
{
	return durable_datasync(s->fd);
}

const uint8_t *spool_at(const struct spool *s, uint64_t offset)
{
	return s->map + offset % SPOOL_SIZE;
}

int spool_dup(const struct spool *s)
{
	int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int spool_write(int fd, uint64_t offset, const void *buf, size_t len)
{
	uint64_t at = offset % SPOOL_SIZE;
	size_t first = (size_t)MIN((uint64_t)len, SPOOL_SIZE - at);
	int r = durable_pwrite(fd, buf, first, at);

	return r < 0 ? r : durable_pwrite(fd, (const uint8_t *)buf + first, len - first, 0);
}
