/*
 * stream_open.c: streams begin, are resumed, suspended and forgotten; repair bundles.
 *
 * A stream that is freed and not forgotten is suspended: its log stays on disk and its
 * unacknowledged frames stay pinned, also through a restart, until it is resumed, forgotten, or
 * old.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "transfer/stream_log.h"

/* The header holds so many at most; frames beyond are sent again, which is allowed. */
#define LEFT_OUT_MAX 65536u

/* Splits the plan's frames into those of the stream and those left out of it. */
static void leave_out(struct bundle_stream *s, const struct run *done_nodes, size_t n_done,
		      struct bundle_header *h)
{
	const struct plan *p = s->bundle->plan;
	size_t at = 0;

	s->order = xcalloc(MAX(p->n_frames, 1u), sizeof(*s->order));
	h->left_out = xcalloc(MIN(MAX(p->n_frames, 1u), LEFT_OUT_MAX), sizeof(*h->left_out));
	for (uint32_t f = 0; f < p->n_frames; f++) {
		struct run *last = h->n_left_out > 0 ? &h->left_out[h->n_left_out - 1] : NULL;

		if (!runs_cover(done_nodes, n_done, &at, p->frames[f].first_node,
				p->frames[f].n_nodes)) {
			s->order[s->n++] = f;
		} else if (last != NULL && last->first + last->n == f) {
			last->n++;
		} else if (h->n_left_out < LEFT_OUT_MAX) {
			h->left_out[h->n_left_out++] = (struct run){f, 1};
		} else {
			s->order[s->n++] = f;
		}
	}
}

static void note_effort(struct bundle *b, int effort)
{
	unsigned i = 0;

	while (i < EFFORTS_MOST && b->efforts[i] != 0 && b->efforts[i] != effort)
		i++;
	if (i < EFFORTS_MOST)
		b->efforts[i] = effort;
}

static struct bundle_stream *stream_alloc(struct bundle *b, int effort)
{
	struct bundle_stream *s = xcalloc(1, sizeof(*s));

	s->bundle = bundle_ref(b);
	s->effort = effort;
	note_effort(b, effort);
	s->log_fd = s->fd = -1;
	TAILQ_INSERT_TAIL(&b->bundler->streams, s, entry);
	return s;
}

/* Once order and n are known. */
static void make_tables(struct bundle_stream *s)
{
	const struct plan *p = s->bundle->plan;

	s->ends = xcalloc(s->n + 1, sizeof(*s->ends));
	s->literal = xcalloc(s->n + 1, sizeof(*s->literal));
	s->pins = xcalloc(s->n + 1, sizeof(*s->pins));
	for (uint32_t k = 0; k < s->n; k++)
		s->literal[k + 1] = s->literal[k] + p->frames[s->order[k]].literal_bytes;
}

int stream_new(struct bundle *b, int effort, const struct run *done_nodes, size_t n_done,
	       struct bundle_stream **ret)
{
	const struct plan *p = b->plan;
	struct bundle_stream *s =
		stream_alloc(b, bundle_effort(b, MIN(MAX(effort, 1), FRAME_EFFORT_MAX)));
	struct bundle_header h = {.plan = p->id,
				  .root = p->root,
				  .size = p->size,
				  .effort = (uint32_t)s->effort,
				  .n_frames = p->n_frames,
				  .n_bases = p->n_bases};
	struct stream_past past = {0};
	int r;

	memcpy(h.bases, p->bases, sizeof(h.bases));
	leave_out(s, done_nodes, n_done, &h);
	make_tables(s);
	r = getrandom(h.nonce, sizeof(h.nonce), 0) == sizeof(h.nonce) ? 0 : -EIO;
	if (r == 0)
		r = bundle_header_encode(&h, &s->header, &s->header_len, &s->id);
	bundle_header_done(&h);
	if (r == 0) {
		past.bytes = s->header;
		past.len = s->header_len;
		past.id = s->id;
		r = stream_log_write(b->bundler->cache_dirfd, &past, &s->log_fd);
	}
	if (r < 0) {
		s->forgotten = true;
		stream_free(s);
		return r;
	}
	stream_advance(s);
	*ret = s;
	return 0;
}

/*
 * Which frame the offset lies in; frames before it get their ends. A frame of which the spoke has
 * a part must be there in the same size, and keeps its record.
 */
static int place(struct bundle_stream *s, struct stream_past *past, uint64_t offset)
{
	struct frame_key key = {.plan = s->bundle->plan->id, .effort = (uint32_t)s->effort};
	uint64_t begin = s->header_len;
	uint32_t k = 0;
	const struct cached *e;

	while (k < past->n && k < s->n && begin + past->frames[k].size <= offset) {
		begin += past->frames[k].size;
		s->ends[k++] = begin;
	}
	s->ready = s->acked = s->asked = s->at = past->acked = past->n = k;
	if (offset <= begin) {
		/* Within the header nothing is fixed yet. */
		s->logged = k;
		return offset == begin || k == 0 ? 0 : -ENOENT;
	}
	if (k >= s->n || past->frames[k].size == 0)
		return -ENOENT;
	key.index = s->order[k];
	e = frame_cache_peek(s->bundle->bundler->cache, &key);
	if (e == NULL || e->size != past->frames[k].size)
		return -ENOENT;
	s->resumed = k;
	s->resumed_size = e->size;
	s->resumed_mark = xcalloc(1, sizeof(*s->resumed_mark));
	*s->resumed_mark = past->frames[k].mark;
	if (e->sound && !hash_equal(&e->mark, s->resumed_mark))
		return -ENOENT;
	past->n = s->logged = k + 1;
	return 0;
}

int stream_resume(struct bundle *b, const struct hash *id, uint64_t offset,
		  struct bundle_stream **ret)
{
	struct bundler *o = b->bundler;
	struct stream_past past;
	struct bundle_stream *s;
	uint32_t n_past;
	int r = stream_log_read(o->cache_dirfd, id, &past);

	if (r < 0)
		return r;
	s = stream_alloc(b, (int)past.header.effort);
	s->id = *id;
	n_past = past.n;
	if (!hash_equal(&past.header.plan, &b->plan->id) ||
	    past.header.n_frames != b->plan->n_frames ||
	    bundle_effort(b, s->effort) != s->effort) { /* a third would be made on */
		r = -ENOENT;
	} else {
		s->header = past.bytes;
		s->header_len = past.len;
		past.bytes = NULL;
		s->order = stream_order(&past.header, &s->n);
		make_tables(s);
		/* A record more than there is would be read as size 0. */
		past.frames = xrealloc(past.frames, (n_past + 1) * sizeof(*past.frames));
		past.frames[n_past] = (struct stream_record){0};
		r = place(s, &past, offset);
	}
	if (r == 0) {
		past.bytes = s->header;
		r = stream_log_write(o->cache_dirfd, &past, &s->log_fd);
		past.bytes = NULL;
	}
	stream_past_done(&past);
	if (r < 0) {
		/* Whoever asks for it next would hear the same. */
		stream_forget(s);
		stream_free(s);
		suspended_drop(o, id);
		return r;
	}
	stream_advance(s);
	suspended_drop(o, id);
	*ret = s;
	return 0;
}

struct bundle_stream *stream_free(struct bundle_stream *s)
{
	struct bundler *b;

	if (s == NULL)
		return NULL;
	b = s->bundle->bundler;
	for (uint32_t k = s->ready; k < s->asked; k++)
		frame_cache_unpin(b->cache, s->pins[k]);
	if (s->forgotten) {
		for (uint32_t k = s->acked; k < s->ready; k++)
			frame_cache_unpin(b->cache, s->pins[k]);
	} else {
		suspended_add(b, &s->id, s->pins + s->acked, s->ready - s->acked);
	}
	TAILQ_REMOVE(&b->streams, s, entry);
	jobs_review(b);
	if (s->fd >= 0)
		close(s->fd);
	if (s->log_fd >= 0)
		close(s->log_fd);
	bundle_unref(s->bundle);
	free(s->resumed_mark);
	free(s->header);
	free(s->order);
	free(s->ends);
	free(s->literal);
	free(s->pins);
	free(s);
	return NULL;
}

void stream_forget(struct bundle_stream *s)
{
	stream_log_remove(s->bundle->bundler->cache_dirfd, &s->id);
	s->forgotten = true;
}
