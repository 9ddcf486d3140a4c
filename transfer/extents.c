/*
 * extents.c: see extents.h. Two maps are walked side by side, a batch of records at a time, so
 * memory does not grow with fragmentation. XFS cuts records where the number of owners changes, so
 * neighbours are joined first; else the same map would look different after a clone was removed.
 */
#include "transfer/extents.h"

#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* linux/fs.h has one of its own, of 1 KiB, which would win. */
#undef BLOCK_SIZE
#define BLOCK_SIZE 4096u

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

#define BATCH	 1024u
#define HARMLESS (FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_SHARED)

enum extent_kind {
	EXTENT_PLACED, /* its bytes lie at place */
	EXTENT_ZERO,   /* allocated, reads as zeros */
	EXTENT_OTHER,  /* nothing can be said of them */
};

struct extent {
	uint64_t start, end, place;
	enum extent_kind kind;
};

struct map {
	int fd;
	uint64_t size, next; /* where the next batch begins */
	unsigned at, n;
	bool last;
	uint64_t sum; /* of all extents so far */
	const atomic_bool *cancel;
	struct fiemap *batch;
};

static bool regular_device(int fd)
{
	struct fsxattr x;

	/* btrfs knows the call since 4.18 and has no realtime device. */
	return ioctl(fd, FS_IOC_FSGETXATTR, &x) == 0 && !(x.fsx_xflags & FS_XFLAG_REALTIME);
}

bool extents_usable(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == XFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC) &&
	       regular_device(fd);
}

static bool one_disk(int a, int b)
{
	struct stat x, y;

	return extents_usable(a) && extents_usable(b) && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	       x.st_dev == y.st_dev;
}

static void map_init(struct map *m, int fd, uint64_t size, const atomic_bool *cancel)
{
	*m = (struct map){.fd = fd, .size = size, .last = size == 0, .cancel = cancel};
	m->batch = xcalloc(1, sizeof(*m->batch) + BATCH * sizeof(struct fiemap_extent));
}

static void map_done(struct map *m)
{
	free(m->batch);
	m->batch = NULL;
}

static int map_load(struct map *m)
{
	const struct fiemap_extent *e;

	if (m->cancel != NULL && *m->cancel)
		return -ECANCELED;
	memset(m->batch, 0, sizeof(*m->batch));
	m->batch->fm_start = m->next;
	m->batch->fm_length = m->size - m->next;
	m->batch->fm_flags = m->next == 0 ? FIEMAP_FLAG_SYNC : 0;
	m->batch->fm_extent_count = BATCH;
	m->at = m->n = 0;
	if (ioctl(m->fd, FS_IOC_FIEMAP, m->batch) < 0)
		return errno == ENOTTY || errno == EBADR ? -EOPNOTSUPP : -errno;
	m->n = m->batch->fm_mapped_extents;
	if (m->n == 0) {
		m->last = true;
		return 0;
	}
	e = &m->batch->fm_extents[m->n - 1];
	if (m->n > BATCH || e->fe_logical + e->fe_length <= m->next)
		return -EIO; /* no way to go on */
	m->next = e->fe_logical + e->fe_length;
	m->last = (e->fe_flags & FIEMAP_EXTENT_LAST) || m->next >= m->size;
	return 0;
}

static void read_record(const struct fiemap_extent *e, struct extent *ret)
{
	ret->start = e->fe_logical;
	ret->end = e->fe_logical + e->fe_length;
	ret->place = e->fe_physical;
	if ((e->fe_flags & ~HARMLESS) == 0)
		ret->kind = EXTENT_PLACED;
	else if ((e->fe_flags & ~HARMLESS) == FIEMAP_EXTENT_UNWRITTEN)
		ret->kind = EXTENT_ZERO;
	else
		ret->kind = EXTENT_OTHER;
}

static bool joins(const struct extent *a, const struct extent *b)
{
	return a->kind == b->kind && a->end == b->start &&
	       (a->kind == EXTENT_OTHER || a->place + (a->end - a->start) == b->place);
}

static void add_sum(struct map *m, const struct extent *e)
{
	const uint64_t words[] = {e->start, e->end, e->place, e->kind};

	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		m->sum = (m->sum ^ words[i]) * 0x9e3779b97f4a7c15u;
		m->sum ^= m->sum >> 29;
	}
}

/* 1 and the next extent, joined; 0: there is no more; or -errno. Clipped to the size. */
static int map_next(struct map *m, struct extent *ret)
{
	struct extent e;
	bool have = false;

	for (;;) {
		if (m->at == m->n) {
			int r = m->last ? 0 : map_load(m);

			if (r < 0)
				return r;
			if (m->at == m->n)
				break;
		}
		read_record(&m->batch->fm_extents[m->at], &e);
		if (e.start >= m->size)
			break;
		e.end = MIN(e.end, m->size);
		if (have && !joins(ret, &e))
			break;
		if (have)
			ret->end = e.end;
		else
			*ret = e;
		have = true;
		m->at++;
	}
	if (have)
		add_sum(m, ret);
	return have;
}

struct comparing {
	uint64_t size, limit; /* bytes from `limit` on are not the same, whatever the maps say */
	struct extents_common *ret;
};

/* [start, end) lies in the same place: whole blocks of it. */
static void found_same(struct comparing *c, uint64_t start, uint64_t end)
{
	uint64_t block = (start + BLOCK_SIZE - 1) / BLOCK_SIZE;
	uint64_t stop = MIN(end, c->limit);

	/* The file's last block may be short. */
	stop = stop == c->size ? blocks_of(c->size) : stop / BLOCK_SIZE;
	for (; block < stop; block++) {
		c->ret->same[block / 8] |= (uint8_t)(1u << (block % 8));
		c->ret->n_same++;
	}
}

static bool same_place(const struct extent *a, const struct extent *b)
{
	return a->kind == EXTENT_PLACED && b->kind == EXTENT_PLACED &&
	       a->place - a->start == b->place - b->start;
}

/* All extents of the base that touch e; what is passed over in the base never comes again. */
static int compare_extent(struct comparing *c, const struct extent *e, struct map *base,
			  struct extent *b, int *more)
{
	while (*more > 0 && b->start < e->end) {
		if (b->end > e->start && same_place(e, b))
			found_same(c, MAX(e->start, b->start), MIN(e->end, b->end));
		if (b->end > e->end)
			break; /* the next one may touch it too */
		*more = map_next(base, b);
	}
	return *more < 0 ? *more : 0;
}

static int compare(struct comparing *c, struct map *m, struct map *base)
{
	struct extent e, b;
	int r, more = map_next(base, &b);
	uint64_t data = 0;

	while ((r = map_next(m, &e)) > 0) {
		if (e.kind != EXTENT_ZERO)
			data += blocks_of(e.end) - e.start / BLOCK_SIZE;
		if (more > 0)
			r = compare_extent(c, &e, base, &b, &more);
		if (more < 0)
			return more;
		if (r < 0)
			return r;
	}
	/* The rest of the base belongs to its sum. */
	while (more > 0)
		more = map_next(base, &b);
	c->ret->n_other = data > c->ret->n_same ? data - c->ret->n_same : 0;
	return r < 0 ? r : more;
}

static int read_again(int fd, uint64_t size, uint64_t sum, const atomic_bool *cancel)
{
	struct extent e;
	struct map m;
	int r;

	map_init(&m, fd, size, cancel);
	do {
		r = map_next(&m, &e);
	} while (r > 0);
	map_done(&m);
	return r == 0 && m.sum != sum ? -EAGAIN : r;
}

int extents_compare(int fd, uint64_t size, int base_fd, uint64_t base_size,
		    const atomic_bool *cancel, struct extents_common *ret)
{
	struct extents_common common = {.same = NULL};
	struct comparing c = {.size = size, .limit = size, .ret = &common};
	struct map m, base;
	int r;

	if (!one_disk(fd, base_fd))
		return -EOPNOTSUPP;
	if (size != base_size)
		c.limit = MIN(size, base_size) / BLOCK_SIZE * BLOCK_SIZE;
	common.same = xcalloc(blocks_of(size) / 8 + 1, 1);
	map_init(&m, fd, size, cancel);
	map_init(&base, base_fd, base_size, cancel);
	r = compare(&c, &m, &base);
	if (r == 0)
		r = read_again(base_fd, base_size, base.sum, cancel);
	map_done(&m);
	map_done(&base);
	if (r < 0)
		extents_done(&common);
	else
		*ret = common;
	return r;
}

void extents_done(struct extents_common *c)
{
	free(c->same);
	*c = (struct extents_common){.same = NULL};
}

/* The first extent at or after offset; false: none. */
static bool first_extent(int fd, uint64_t offset, uint64_t size, struct extent *ret)
{
	union {
		struct fiemap map;
		uint8_t room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} one;

	memset(&one, 0, sizeof(one));
	one.map.fm_start = offset;
	one.map.fm_length = size - offset;
	one.map.fm_extent_count = 1;
	if (ioctl(fd, FS_IOC_FIEMAP, &one.map) < 0 || one.map.fm_mapped_extents != 1)
		return false;
	read_record(&one.map.fm_extents[0], ret);
	return ret->end > offset;
}

int extents_probe(int fd, uint64_t size, struct extents_probe *ret)
{
	struct extent e;

	if (!extents_usable(fd))
		return -EOPNOTSUPP;
	ret->n = 0;
	for (unsigned i = 0; i < EXTENTS_PROBES; i++) {
		uint64_t at = size / EXTENTS_PROBES * i;

		if (!first_extent(fd, at, size, &e))
			break;
		at = MAX(at, e.start);
		/* Behind a long hole the same extent comes again. */
		if (e.kind != EXTENT_PLACED || at >= size ||
		    (ret->n > 0 && ret->probes[ret->n - 1].at == at))
			continue;
		ret->probes[ret->n].at = at;
		ret->probes[ret->n++].place = e.place + (at - e.start);
	}
	return 0;
}

unsigned extents_alike(const struct extents_probe *p, int fd)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++) {
		uint64_t at = p->probes[i].at;
		struct extent e;

		if (first_extent(fd, at, at + 1, &e) && e.kind == EXTENT_PLACED && e.start <= at &&
		    e.place + (at - e.start) == p->probes[i].place)
			n++;
	}
	return n;
}

int extents_own(int fd, uint64_t *ret)
{
	uint64_t own = 0;
	struct stat st;
	struct map m;
	int r = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	map_init(&m, fd, (uint64_t)st.st_size, NULL);
	while (r == 0 && !m.last) {
		r = map_load(&m);
		for (unsigned i = 0; r == 0 && i < m.n; i++)
			if (!(m.batch->fm_extents[i].fe_flags & FIEMAP_EXTENT_SHARED))
				own += m.batch->fm_extents[i].fe_length;
	}
	map_done(&m);
	if (r == 0)
		*ret = own;
	return r;
}
