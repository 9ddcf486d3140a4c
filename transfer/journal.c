/*
 * journal.c: see journal.h. A record: type and length (each 4 bytes, little endian), the first 8
 * bytes of SHA-256 over (place, type, length, payload), the payload.
 */
#include "transfer/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/digest.h"
#include "transfer/durable.h"

#define HEAD  16u
#define CHECK 8u

struct journal {
	int fd;
	uint64_t end;
	uint8_t *buf; /* a record with its place before it */
	size_t size;
};

static uint8_t *room(struct journal *j, size_t len)
{
	if (j->size < len + HEAD + CHECK) {
		j->size = len + HEAD + CHECK;
		j->buf = xrealloc(j->buf, j->size);
	}
	return j->buf;
}

/* buf: 8 bytes of place, type, length, payload. */
static void check_of(uint8_t *buf, size_t len, uint8_t check[CHECK])
{
	struct hash h;

	digest_bytes(buf, 16 + len, &h);
	memcpy(check, h.b, CHECK);
}

static void set_head(uint8_t *buf, uint64_t place, uint32_t type, uint32_t len)
{
	uint64_t p = htole64(place);
	uint32_t t = htole32(type), l = htole32(len);

	memcpy(buf, &p, 8);
	memcpy(buf + 8, &t, 4);
	memcpy(buf + 12, &l, 4);
}

static ssize_t read_full(int fd, void *buf, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* 1: a record, handed on; 0: no (whole) record here; -errno. */
static int replay_one(struct journal *j, uint64_t size, journal_record_fn *record, void *arg)
{
	uint8_t head[HEAD], check[CHECK], *buf;
	uint32_t type, len;
	ssize_t n;
	int r;

	n = read_full(j->fd, head, HEAD, j->end);
	if (n < (ssize_t)HEAD)
		return n < 0 ? (int)n : 0;
	memcpy(&type, head, 4);
	memcpy(&len, head + 4, 4);
	type = le32toh(type);
	len = le32toh(len);
	if (len > JOURNAL_RECORD_MAX || len > size - j->end - HEAD)
		return 0;
	buf = room(j, len);
	set_head(buf, j->end, type, len);
	n = read_full(j->fd, buf + 16, len, j->end + HEAD);
	if (n < (ssize_t)len)
		return n < 0 ? (int)n : 0;
	check_of(buf, len, check);
	if (memcmp(check, head + 8, CHECK) != 0)
		return 0;
	r = record ? record(arg, type, buf + 16, len) : 0;
	if (r < 0)
		return r;
	j->end += HEAD + len;
	return 1;
}

/* All whole records; j->end is behind the last. */
static int replay(struct journal *j, journal_record_fn *record, void *arg, uint64_t *ret_size)
{
	struct stat st;
	int r;

	if (fstat(j->fd, &st) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	do
		r = replay_one(j, *ret_size, record, arg);
	while (r > 0);
	return r;
}

int journal_open(int dirfd, const char *name, bool create, journal_record_fn *record, void *arg,
		 struct journal **ret)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	uint64_t size;
	int r;

	j->fd = openat(dirfd, name,
		       O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0600);
	r = j->fd < 0 ? -errno : replay(j, record, arg, &size);
	if (r == 0 && size > j->end && ftruncate(j->fd, (off_t)j->end) < 0)
		r = -errno;
	if (r < 0) {
		journal_close(j);
		return r;
	}
	*ret = j;
	return 0;
}

int journal_read(int dirfd, const char *name, journal_record_fn *record, void *arg)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	uint64_t size;
	int r;

	j->fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = j->fd < 0 ? -errno : replay(j, record, arg, &size);
	journal_close(j);
	return r;
}

struct journal *journal_close(struct journal *j)
{
	if (!j)
		return NULL;
	if (j->fd >= 0)
		close(j->fd);
	free(j->buf);
	free(j);
	return NULL;
}

int journal_append(struct journal *j, uint32_t type, const void *data, size_t len)
{
	uint8_t check[CHECK], *buf;
	int r;

	if (len > JOURNAL_RECORD_MAX)
		return -E2BIG;
	buf = room(j, len);
	set_head(buf, j->end, type, (uint32_t)len);
	if (len)
		memcpy(buf + 16, data, len);
	check_of(buf, len, check);
	/* The place is not stored: type and length move into its room. */
	memmove(buf, buf + 8, 8);
	memcpy(buf + 8, check, CHECK);
	r = durable_pwrite(j->fd, buf, HEAD + len, j->end);
	if (r < 0) {
		if (ftruncate(j->fd, (off_t)j->end) < 0)
			return -EIO;
		return r;
	}
	j->end += HEAD + len;
	return 0;
}

int journal_sync(struct journal *j)
{
	return durable_datasync(j->fd);
}

void pack_bytes(struct pack *p, const void *data, size_t len)
{
	if (p->len + len > p->size) {
		p->size = MAX(2 * p->size, p->len + len);
		p->data = xrealloc(p->data, p->size);
	}
	if (len)
		memcpy(p->data + p->len, data, len);
	p->len += len;
}

void pack_u64(struct pack *p, uint64_t v)
{
	v = htole64(v);
	pack_bytes(p, &v, sizeof(v));
}

void pack_done(struct pack *p)
{
	free(p->data);
	memset(p, 0, sizeof(*p));
}

void unpack_bytes(struct unpack *u, void *ret, size_t len)
{
	if (len > u->len) {
		u->bad = true;
		u->len = 0;
		memset(ret, 0, len);
		return;
	}
	memcpy(ret, u->data, len);
	u->data += len;
	u->len -= len;
}

uint64_t unpack_u64(struct unpack *u)
{
	uint64_t v;

	unpack_bytes(u, &v, sizeof(v));
	return le64toh(v);
}
