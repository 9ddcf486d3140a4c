/*
 * stream_log.c: one file a stream, "<E>.stream": the bundle's header as it was sent, then records
 * of 48 bytes: kind (4), number (4), size (8), mark (32). A torn last record is passed over.
 */
#include "transfer/stream_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/cursor.h"
#include "transfer/durable.h"
#include "transfer/source.h"

#define SUFFIX	   ".stream"
#define NAME_ROOM  (HASH_HEX + sizeof(SUFFIX) + 5)
#define RECORD_LEN 48u
#define KIND_FRAME 1u
#define KIND_ACKED 2u
#define LOG_MAX	   (256u << 20) /* two records for each of 2.7 million frames */

static const char *log_name(const char *prefix, const struct hash *id, char buf[NAME_ROOM])
{
	char hex[HASH_HEX + 1];

	snprintf(buf, NAME_ROOM, "%s%s" SUFFIX, prefix, hash_hex(id, hex));
	return buf;
}

static int append(int fd, const uint8_t *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	return n < 0 ? -errno : (size_t)n == len ? 0 : -ENOSPC;
}

static void put_record(uint8_t *p, uint32_t kind, uint32_t number, const struct stream_record *r)
{
	p = put_u32(p, kind);
	p = put_u32(p, number);
	p = put_u64(p, r->size);
	put_bytes(p, r->mark.b, HASH_SIZE);
}

int stream_log_frame(int fd, const struct stream_record *r)
{
	uint8_t buf[RECORD_LEN];

	put_record(buf, KIND_FRAME, 0, r);
	return append(fd, buf, sizeof(buf));
}

int stream_log_acked(int fd, uint32_t frames)
{
	static const struct stream_record none;
	uint8_t buf[RECORD_LEN];

	put_record(buf, KIND_ACKED, frames, &none);
	return append(fd, buf, sizeof(buf));
}

int stream_log_write(int dirfd, const struct stream_past *past, int *ret_fd)
{
	char name[NAME_ROOM], temp[NAME_ROOM];
	int fd, r;

	log_name("", &past->id, name);
	log_name(".tmp-", &past->id, temp);
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = append(fd, past->bytes, past->len);
	for (uint32_t i = 0; r == 0 && i < past->n; i++)
		r = stream_log_frame(fd, &past->frames[i]);
	if (r == 0 && past->acked > 0)
		r = stream_log_acked(fd, past->acked);
	if (r == 0)
		r = durable_rename(dirfd, temp, dirfd, name);
	if (r < 0) {
		unlinkat(dirfd, temp, 0);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int read_whole(int dirfd, const char *name, uint8_t **ret, size_t *ret_len)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t *buf = NULL;
	struct stat st;

	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= LOG_MAX)
		buf = malloc((size_t)st.st_size);
	if (buf != NULL && pread(fd, buf, (size_t)st.st_size, 0) != st.st_size) {
		free(buf);
		buf = NULL;
	}
	close(fd);
	if (buf == NULL)
		return -ENOENT;
	*ret = buf;
	*ret_len = (size_t)st.st_size;
	return 0;
}

static void read_records(struct cursor *c, struct stream_past *p)
{
	size_t room = cursor_left(c) / RECORD_LEN;

	p->frames = xcalloc(MAX(room, 1u), sizeof(*p->frames));
	for (size_t i = 0; i < room; i++) {
		struct stream_record r = {0};
		uint32_t kind = cursor_u32(c), number = cursor_u32(c);

		r.size = cursor_u64(c);
		cursor_bytes(c, r.mark.b, HASH_SIZE);
		if (kind == KIND_FRAME && r.size >= FRAME_HEAD_SIZE &&
		    r.size <= FRAME_HEAD_SIZE + FRAME_BODY_MAX && p->n < p->header.n_frames)
			p->frames[p->n++] = r;
		else if (kind == KIND_ACKED && number >= p->acked && number <= p->n)
			p->acked = number;
		else
			return;
	}
}

int stream_log_read(int dirfd, const struct hash *id, struct stream_past *ret)
{
	struct stream_past p = {0};
	char name[NAME_ROOM];
	struct cursor c;
	uint8_t *buf;
	size_t len;
	int r = read_whole(dirfd, log_name("", id, name), &buf, &len);

	if (r < 0)
		return r;
	r = bundle_header_decode(buf, len, &p.header, &p.len, &p.id, NULL);
	if (r < 0 || !hash_equal(&p.id, id)) {
		if (r == 0)
			bundle_header_done(&p.header);
		free(buf);
		return -ENOENT;
	}
	p.bytes = xcalloc(1, p.len);
	memcpy(p.bytes, buf, p.len);
	c = (struct cursor){buf + p.len, buf + len, false};
	read_records(&c, &p);
	free(buf);
	*ret = p;
	return 0;
}

void stream_past_done(struct stream_past *p)
{
	bundle_header_done(&p->header);
	free(p->bytes);
	free(p->frames);
}

void stream_log_remove(int dirfd, const struct hash *id)
{
	char name[NAME_ROOM];

	unlinkat(dirfd, log_name("", id, name), 0);
}

struct found {
	struct hash id;
	int64_t mtime;
};

static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->mtime < y->mtime ? -1 : x->mtime > y->mtime;
}

static bool parse_name(const char *name, struct hash *ret)
{
	char hex[HASH_HEX + 1];

	if (strlen(name) != HASH_HEX + strlen(SUFFIX) || strcmp(name + HASH_HEX, SUFFIX) != 0)
		return false;
	memcpy(hex, name, HASH_HEX);
	hex[HASH_HEX] = '\0';
	return hash_parse(hex, ret) == 0;
}

struct hash *stream_log_list(int dirfd, int64_t now, int64_t keep_seconds, size_t *ret_n)
{
	DIR *d = dir_list(dirfd);
	struct found *found = NULL;
	struct hash *ids;
	size_t n = 0, room = 0;
	struct dirent *de;

	while (d != NULL && (de = readdir(d)) != NULL) {
		struct found f;
		struct stat st;

		if (!parse_name(de->d_name, &f.id) || fstatat(dirfd, de->d_name, &st, 0) < 0)
			continue;
		if (st.st_mtime < now - keep_seconds) {
			unlinkat(dirfd, de->d_name, 0);
			continue;
		}
		if (n == room) {
			room = MAX(64u, 2 * room);
			found = xrealloc(found, room * sizeof(*found));
		}
		f.mtime = st.st_mtime;
		found[n++] = f;
	}
	if (d != NULL)
		closedir(d);
	if (n > 0)
		qsort(found, n, sizeof(*found), by_age);
	ids = xcalloc(MAX(n, 1u), sizeof(*ids));
	for (size_t i = 0; i < n; i++)
		ids[i] = found[i].id;
	free(found);
	*ret_n = n;
	return ids;
}
