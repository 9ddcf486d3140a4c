/*
 * publish_copy.c: a content that the store already has, once more: by reflink, else read and
 * written by its data extents; a copy is trusted only when its own root was computed.
 */
#include "transfer/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/bulkio.h"
#include "transfer/durable.h"
#include "transfer/index.h"
#include "transfer/reflink.h"

#define PIECE ((size_t)1 << 20)

static int copy_extent(struct bulk *b, int to, uint8_t *buf, uint64_t at, uint64_t end,
		       const atomic_bool *cancel)
{
	int64_t n;
	int r;

	for (; at < end; at += (uint64_t)n) {
		if (cancel && *cancel)
			return -ECANCELED;
		n = bulk_read(b, buf, (size_t)MIN(end - at, (uint64_t)PIECE), at);
		if (n <= 0)
			return n < 0 ? (int)n : -ESTALE;
		if (digest_is_zero(buf, (size_t)n))
			continue;
		r = durable_pwrite(to, buf, (size_t)n, at);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_bytes(int from, int to, uint64_t size, const atomic_bool *cancel)
{
	uint8_t *buf = bulk_buffer(PIECE);
	struct bulk *b = NULL;
	uint64_t start, end = 0;
	int r = bulk_open(from, &b);

	if (r == 0 && ftruncate(to, (off_t)size) < 0)
		r = -errno;
	while (r == 0) {
		r = source_next_data(from, end, size, &start, &end);
		if (r == 0)
			r = copy_extent(b, to, buf, start, end, cancel);
	}
	if (r == -ENXIO)
		r = durable_datasync(to);
	(void)posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
	bulk_close(b);
	free(buf);
	return r;
}

static int is_as_recorded(int fd, const struct identity *recorded)
{
	struct identity now;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	identity_of(&st, &now);
	return identity_equal(&now, recorded) ? 0 : -ESTALE;
}

static int copy_to(struct store *s, int from, int to, const struct identity *recorded,
		   const struct hash *root, const atomic_bool *cancel, struct err *e)
{
	struct hash got;
	int r = is_as_recorded(from, recorded);

	if (r < 0)
		return r;
	if (s->reflink && reflink_file(to, from) == 0)
		return is_as_recorded(from, recorded);
	r = copy_bytes(from, to, recorded->size, cancel);
	if (r == 0)
		r = index_build(to, s->index_fd, cancel, NULL, &got, e);
	if (r == 0 && !hash_equal(&got, root))
		r = -ESTALE;
	return r;
}

int publish_copy(struct store *s, const char *from, bool in_preserved,
		 const struct identity *recorded, const struct hash *root, const char *name,
		 const atomic_bool *cancel, struct err *e)
{
	int src = -1, to = -1, r;

	r = beneath_open(in_preserved ? s->preserved_fd : s->root_fd, from,
			 O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &src);
	if (r < 0)
		return err_set(e, r == -ENOENT ? -ESTALE : r, "cannot open %s: %s", from,
			       strerror(-r));
	(void)unlinkat(s->staging_fd, name, 0);
	to = openat(s->staging_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = to < 0 ? -errno : copy_to(s, src, to, recorded, root, cancel, e);
	if (r < 0)
		(void)unlinkat(s->staging_fd, name, 0);
	close(src);
	if (to >= 0)
		close(to);
	return r < 0 ? err_set(e, r, "cannot copy %s: %s", from,
			       r == -ESTALE ? "it is not what was recorded" : strerror(-r))
		     : 0;
}

int publish_copy_staged(struct store *s, const char *from, const char *name,
			const atomic_bool *cancel, struct err *e)
{
	int src = -1, to = -1, r = beneath_open(s->staging_fd, from, O_RDONLY, 0, &src);
	struct stat st;

	if (r < 0)
		return err_set(e, r, "cannot open staging/%s: %s", from, strerror(-r));
	(void)unlinkat(s->staging_fd, name, 0);
	to = openat(s->staging_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = to < 0 || fstat(src, &st) < 0 ? -errno : 0;
	if (r == 0 && !(s->reflink && reflink_file(to, src) == 0))
		r = copy_bytes(src, to, (uint64_t)st.st_size, cancel);
	if (r < 0)
		(void)unlinkat(s->staging_fd, name, 0);
	close(src);
	if (to >= 0)
		close(to);
	return r < 0 ? err_set(e, r, "cannot copy staging/%s: %s", from, strerror(-r)) : 0;
}
