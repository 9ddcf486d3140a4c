/*
 * bulkio.c: reads that leave the page cache as it was.
 *
 * O_DIRECT where the filesystem takes it. Elsewhere, and where they are to be cached, mincore()
 * says which pages were there before; the others are dropped after the read. Read-ahead is off
 * then: what it brought in would count as resident for the next read and stay.
 */
#include "transfer/bulkio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BROUGHT_MOST (64u << 20)

/* Bytes of the file, whole pages. */
struct brought {
	uint64_t at, len;
};

struct bulk {
	int fd;
	bool direct, cached;
	uint8_t *bounce; /* one block, for a tail that is not a whole one */
	/* Of one that is cached: what it brought in. */
	struct brought *brought;
	size_t n, room;
	uint64_t brought_len;
};

static int open_own(int fd, bool cached, struct bulk **ret)
{
	struct bulk *b;
	char path[40];
	bool direct = !cached;
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | (direct ? O_DIRECT : 0) | O_CLOEXEC);
	if (own < 0 && errno == EINVAL && direct) {
		direct = false;
		own = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (own < 0)
		return -errno;
	if (!direct)
		posix_fadvise(own, 0, 0, POSIX_FADV_RANDOM);
	b = xcalloc(1, sizeof(*b));
	b->fd = own;
	b->direct = direct;
	b->cached = cached;
	b->bounce = bulk_buffer(BULK_ALIGN);
	*ret = b;
	return 0;
}

int bulk_open(int fd, struct bulk **ret)
{
	return open_own(fd, false, ret);
}

int bulk_open_cached(int fd, struct bulk **ret)
{
	return open_own(fd, true, ret);
}

void bulk_leave(struct bulk *b)
{
	b->n = 0;
	b->brought_len = 0;
}

static void drop_brought(struct bulk *b)
{
	for (size_t i = 0; i < b->n; i++)
		posix_fadvise(b->fd, (off_t)b->brought[i].at, (off_t)b->brought[i].len,
			      POSIX_FADV_DONTNEED);
	bulk_leave(b);
}

struct bulk *bulk_close(struct bulk *b)
{
	if (b != NULL) {
		drop_brought(b);
		close(b->fd);
		free(b->brought);
		free(b->bounce);
		free(b);
	}
	return NULL;
}

void *bulk_buffer(size_t len)
{
	void *p;

	if (posix_memalign(&p, BULK_ALIGN, len) != 0)
		abort(); /* as xcalloc does: the callers' sizes are bounded */
	return p;
}

static int64_t read_fully(int fd, uint8_t *buf, size_t len, uint64_t offset)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, buf + have, len - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		have += (size_t)n;
		/* A direct read that ends inside a block has met the end of the file. */
		if (n == 0 || have % BULK_ALIGN != 0)
			break;
	}
	return (int64_t)have;
}

static int64_t read_direct(struct bulk *b, uint8_t *buf, size_t len, uint64_t offset)
{
	size_t whole = len - len % BULK_ALIGN, tail = len - whole;
	int64_t n = 0, m;

	if (whole > 0) {
		n = read_fully(b->fd, buf, whole, offset);
		if (n < (int64_t)whole)
			return n;
	}
	if (tail > 0) {
		m = read_fully(b->fd, b->bounce, BULK_ALIGN, offset + whole);
		if (m < 0)
			return m;
		m = MIN(m, (int64_t)tail);
		memcpy(buf + whole, b->bounce, (size_t)m);
		n += m;
	}
	return n;
}

/* Which pages of the range are resident: NULL where that cannot be told (then none is dropped). */
static unsigned char *resident_map(int fd, size_t len, uint64_t offset, size_t *ret_pages)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), skew = offset % page;
	unsigned char *map = NULL;
	void *p;

	*ret_pages = (skew + len + page - 1) / page;
	p = mmap(NULL, skew + len, PROT_READ, MAP_SHARED, fd, (off_t)(offset - skew));
	if (p == MAP_FAILED)
		return NULL;
	map = xcalloc(*ret_pages, 1);
	if (mincore(p, skew + len, map) < 0) {
		free(map);
		map = NULL;
	}
	munmap(p, skew + len);
	return map;
}

/* It goes with all the others, or at once. */
static void brought_in(struct bulk *b, uint64_t at, uint64_t len)
{
	struct brought *last = b->n > 0 ? &b->brought[b->n - 1] : NULL;

	if (!b->cached) {
		posix_fadvise(b->fd, (off_t)at, (off_t)len, POSIX_FADV_DONTNEED);
		return;
	}
	if (last != NULL && last->at + last->len == at) {
		last->len += len;
	} else {
		if (b->n == b->room) {
			b->room = MAX(64u, 2 * b->room);
			b->brought = xrealloc(b->brought, b->room * sizeof(*b->brought));
		}
		b->brought[b->n++] = (struct brought){at, len};
	}
	b->brought_len += len;
	if (b->brought_len > BROUGHT_MOST)
		drop_brought(b);
}

static void drop_new_pages(struct bulk *b, const unsigned char *map, size_t pages, uint64_t offset)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	offset -= offset % page;
	for (size_t i = 0; i < pages; i++) {
		size_t first = i;

		while (i < pages && !(map[i] & 1))
			i++;
		if (i > first)
			brought_in(b, offset + first * page, (i - first) * page);
	}
}

static int64_t read_cached(struct bulk *b, uint8_t *buf, size_t len, uint64_t offset)
{
	size_t pages, have = 0;
	unsigned char *map = resident_map(b->fd, len, offset, &pages);
	int64_t n = 0;

	while (have < len) {
		n = pread(b->fd, buf + have, len - have, (off_t)(offset + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			n = -errno;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (map != NULL)
		drop_new_pages(b, map, pages, offset);
	free(map);
	return n < 0 ? n : (int64_t)have;
}

int64_t bulk_read(struct bulk *b, void *buf, size_t len, uint64_t offset)
{
	bool aligned = ((uintptr_t)buf | offset) % BULK_ALIGN == 0;
	int64_t n;

	if (len == 0)
		return 0;
	if (b->direct && aligned) {
		n = read_direct(b, buf, len, offset);
		if (n != -EINVAL)
			return n;
		/* It took the flag and not the read: sector size or filesystem. */
		b->direct = false;
		if (fcntl(b->fd, F_SETFL, 0) < 0)
			return -errno;
		posix_fadvise(b->fd, 0, 0, POSIX_FADV_RANDOM);
	} else if (b->direct) {
		return -EINVAL;
	}
	return read_cached(b, buf, len, offset);
}

int64_t bulk_take(struct bulk *b, void *buf, size_t len, uint64_t offset)
{
	size_t pages;
	unsigned char *map = resident_map(b->fd, len, offset, &pages);
	bool all = map != NULL;
	int64_t n;

	for (size_t i = 0; all && i < pages; i++)
		all = map[i] & 1;
	free(map);
	if (!all)
		return -EAGAIN;
	n = read_fully(b->fd, buf, len, offset);
	posix_fadvise(b->fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
	return n;
}
