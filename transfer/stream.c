/*
 * stream.c: the bytes of a bundle as one transfer reads them: header, then frames from the cache's
 * files, in order. Frames come in as they become sound; at most two ahead of the reader are asked
 * for. An offset is fixed, and written to the stream's log, before its first byte is handed out.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/stream_log.h"

/* Of a frame beside its compressed literals: head, ops and hashes, roughly. */
#define FRAME_OVERHEAD 256u

static uint64_t frame_begin(const struct bundle_stream *s, uint32_t k)
{
	return k == 0 ? s->header_len : s->ends[k - 1];
}

/* The ready frame that holds offset, or `ready` where none does. */
static uint32_t frame_at(const struct bundle_stream *s, uint64_t offset)
{
	uint32_t low = 0, high = s->ready;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (s->ends[mid] > offset)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void ask_ahead(struct bundle_stream *s)
{
	struct frame_key key = {.plan = s->bundle->plan->id, .effort = (uint32_t)s->effort};

	for (; s->asked < s->n && s->asked <= s->at + FRAMES_AHEAD; s->asked++) {
		key.index = s->order[s->asked];
		s->pins[s->asked] = frame_cache_pin(s->bundle->bundler->cache, &key);
		jobs_want(s->bundle, key.index, s->pins[s->asked]);
	}
}

static int take_ready(struct bundle_stream *s)
{
	const struct cached *e = s->pins[s->ready];
	struct stream_record record = {.size = e->size, .mark = e->mark};
	int r;

	/* The spoke has a part of this frame: only the same bytes can go on there. */
	if (s->resumed_mark != NULL && s->ready == s->resumed &&
	    !hash_equal(s->resumed_mark, &e->mark))
		return -ENOENT;
	if (s->ready >= s->logged) {
		r = stream_log_frame(s->log_fd, &record);
		if (r < 0)
			return r;
		s->logged = s->ready + 1;
	}
	s->ends[s->ready] = frame_begin(s, s->ready) + e->size;
	s->ready++;
	return 0;
}

void stream_advance(struct bundle_stream *s)
{
	ask_ahead(s);
	while (s->error == 0 && s->ready < s->asked && s->pins[s->ready]->sound)
		s->error = take_ready(s);
}

static int open_frame(struct bundle_stream *s, uint32_t k)
{
	struct bundler *b = s->bundle->bundler;
	char name[FRAME_NAME_MAX];

	if (s->fd >= 0 && s->fd_frame == k)
		return 0;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = openat(b->cache_dirfd, frame_key_name(&s->pins[k]->key, name),
		       O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	s->fd_frame = k;
	return s->fd < 0 ? -errno : 0;
}

static int64_t read_frame(struct bundle_stream *s, uint32_t k, uint64_t offset, void *buf,
			  size_t len)
{
	uint64_t begin = frame_begin(s, k);
	ssize_t n;
	int r;

	/* What was acknowledged is not held any more. */
	if (k < s->acked)
		return -EINVAL;
	r = open_frame(s, k);
	if (r < 0)
		return r;
	n = pread(s->fd, buf, MIN(len, s->ends[k] - offset), (off_t)(offset - begin));
	return n < 0 ? -errno : n == 0 ? -EIO : n;
}

/* The frame of which the spoke has a part, not verified yet: its size is known all the same. */
static bool resumes_in(const struct bundle_stream *s, uint32_t k, uint64_t offset)
{
	return s->resumed_mark != NULL && k == s->resumed &&
	       offset < frame_begin(s, k) + s->resumed_size;
}

int64_t stream_read(struct bundle_stream *s, uint64_t offset, void *buf, size_t len)
{
	uint32_t k;

	if (s->error < 0)
		return s->error;
	if (offset < s->header_len) {
		len = MIN(len, s->header_len - offset);
		memcpy(buf, s->header + offset, len);
		return (int64_t)len;
	}
	k = frame_at(s, offset);
	if (k == s->ready && offset != frame_begin(s, k) && !resumes_in(s, k, offset))
		return -EINVAL;
	if (k == s->n)
		return 0;
	s->at = k;
	stream_advance(s);
	if (s->error < 0)
		return s->error;
	if (k < s->ready)
		return read_frame(s, k, offset, buf, len);
	s->waits = true;
	return -EAGAIN;
}

bool stream_at_hand(const struct bundle_stream *s, uint64_t offset)
{
	uint32_t k = frame_at(s, offset);

	return offset < s->header_len || k < s->ready || k == s->n;
}

void stream_acked(struct bundle_stream *s, uint64_t offset)
{
	uint32_t before = s->acked;

	for (; s->acked < s->ready && s->ends[s->acked] <= offset; s->acked++) {
		frame_cache_unpin(s->bundle->bundler->cache, s->pins[s->acked]);
		s->pins[s->acked] = NULL;
	}
	/* Not written: the frames stay pinned after a restart, and nothing else is lost. */
	if (s->acked > before && stream_log_acked(s->log_fd, s->acked) < 0)
		return;
}

const struct hash *stream_id(const struct bundle_stream *s)
{
	return &s->id;
}

int stream_effort(const struct bundle_stream *s)
{
	return s->effort;
}

void stream_on_ready(struct bundle_stream *s, void (*ready)(void *arg), void *arg)
{
	s->on_ready = ready;
	s->arg = arg;
}

uint64_t stream_estimate(const struct bundle_stream *s)
{
	uint64_t known = frame_begin(s, s->ready), bytes = known - s->header_len;
	uint64_t before = s->literal[s->ready], rest = s->literal[s->n] - before;

	if (before > 0)
		rest = (uint64_t)((double)rest * MIN((double)bytes / (double)before, 1.0));
	return known + rest + (uint64_t)(s->n - s->ready) * FRAME_OVERHEAD;
}

uint64_t stream_literal_at(const struct bundle_stream *s, uint64_t offset)
{
	uint32_t k = frame_at(s, offset);
	uint64_t begin = frame_begin(s, k), part;

	if (k == s->ready || offset <= begin)
		return s->literal[k];
	part = s->literal[k + 1] - s->literal[k];
	return s->literal[k] +
	       (uint64_t)((double)part * (double)(offset - begin) / (double)(s->ends[k] - begin));
}

uint64_t stream_literal(const struct bundle_stream *s)
{
	return s->literal[s->n];
}

uint64_t stream_frame_start(const struct bundle_stream *s, uint64_t offset)
{
	return offset < s->header_len ? 0 : frame_begin(s, frame_at(s, offset));
}
