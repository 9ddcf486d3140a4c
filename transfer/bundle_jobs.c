/*
 * bundle_jobs.c: which frames are being encoded, by which encoder, and who is told when one is
 * done. A frame that several streams wait for is one job. What a reader waits for goes before what
 * is made ahead of one; what nobody asks for any more, because a window closed, is not made.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <stdlib.h>

static void next(struct encoder *e);

static void give_back(struct encoder *e)
{
	e->zstd = frame_encoder_free(e->zstd);
	free(e->literals);
	e->literals = NULL;
	e->literals_room = 0;
}

/* Tens of MiB go back to the kernel: a millisecond or more that is not the loop's. */
static void run_rest(struct work *w)
{
	give_back(container_of(w, struct encoder, rest));
}

static void done_rest(struct work *w)
{
	struct encoder *e = container_of(w, struct encoder, rest);

	e->busy = false;
	next(e);
}

static void rest(struct encoder *e)
{
	if (e->zstd == NULL && e->literals == NULL)
		return;
	/* With the next frame a fast one would map all of it anew. */
	if (e->level < LEVEL_SLOW && !TAILQ_EMPTY(&e->bundler->streams))
		return;
	e->busy = true;
	e->rest.run = run_rest;
	e->rest.done = done_rest;
	pool_submit(e->bundler->pool, NULL, &e->rest);
}

static void job_free(struct frame_job *j)
{
	TAILQ_REMOVE(&j->bundler->jobs, j, entry);
	j->cached->job = NULL;
	frame_cache_unpin(j->bundler->cache, j->cached);
	bundle_unref(j->bundle);
	free(j);
}

/* Does a line wait for fast frames, or will it? */
static bool fast_wanted(const struct bundler *b)
{
	const struct bundle_stream *s;

	TAILQ_FOREACH (s, &b->streams, entry) {
		if (s->effort < LEVEL_SLOW && s->ready < s->n)
			return true;
	}
	return false;
}

/*
 * May e have it now? The first encoder has anything. A slow frame takes seconds: the second has it
 * only where no fast line would wait for them, and where a worker is left for all the rest. One of
 * a large level is for the first alone.
 */
static bool suits(const struct encoder *e, const struct frame_job *j)
{
	const struct bundler *b = e->bundler;
	unsigned level = j->cached->key.effort;

	if (j->encoder != NULL)
		return false;
	if (e == &b->encoders[0] || level < LEVEL_SLOW)
		return true;
	return level < LEVEL_LARGE && pool_threads(b->pool) > ENCODERS && !fast_wanted(b);
}

/* The oldest of those that a reader waits for; else of all. */
static struct frame_job *pick(const struct encoder *e)
{
	struct frame_job *best = NULL, *j;
	struct bundle_stream *s;

	TAILQ_FOREACH (s, &e->bundler->streams, entry) {
		j = s->waits && s->ready < s->asked ? s->pins[s->ready]->job : NULL;
		if (j != NULL && suits(e, j) && (best == NULL || j->number < best->number))
			best = j;
	}
	if (best != NULL)
		return best;
	TAILQ_FOREACH (j, &e->bundler->jobs, entry) {
		if (suits(e, j))
			return j;
	}
	return NULL;
}

static void next(struct encoder *e)
{
	struct frame_job *j;

	if (e->busy)
		return;
	j = pick(e);
	if (j == NULL) {
		rest(e);
		return;
	}
	e->busy = true;
	e->level = j->cached->key.effort;
	j->encoder = e;
	pool_submit(e->bundler->pool, NULL, &j->work);
}

void jobs_next(struct bundler *b)
{
	/* The one that cannot do all of them first: the other is kept for a large one. */
	for (unsigned i = ENCODERS; i-- > 0;)
		next(&b->encoders[i]);
}

void jobs_review(struct bundler *b)
{
	struct frame_job *j, *after;

	for (j = TAILQ_FIRST(&b->jobs); j != NULL; j = after) {
		after = TAILQ_NEXT(j, entry);
		if (j->encoder == NULL && j->cached->pins == 1)
			job_free(j);
	}
	jobs_next(b);
}

static void run(struct work *w)
{
	frame_job_run(container_of(w, struct frame_job, work));
}

static bool waits_for(const struct bundle_stream *s, const struct cached *cached)
{
	for (uint32_t i = s->ready; i < s->asked; i++) {
		if (s->pins[i] == cached)
			return true;
	}
	return false;
}

/* ready() may free any stream, so after each call the list is looked at anew. */
static void tell(struct bundler *b)
{
	struct bundle_stream *s;

	for (;;) {
		TAILQ_FOREACH (s, &b->streams, entry) {
			if (s->tell)
				break;
		}
		if (s == NULL)
			return;
		s->tell = false;
		if (s->on_ready != NULL)
			s->on_ready(s->arg);
	}
}

static void done(struct work *w)
{
	struct frame_job *j = container_of(w, struct frame_job, work);
	struct bundler *b = j->bundler;
	struct bundle_stream *s;

	j->encoder->busy = false;
	if (j->error == 0)
		frame_cache_stored(b->cache, j->cached, j->size, &j->mark);
	else if (j->on_disk)
		frame_cache_lost(b->cache, j->cached);
	if (j->error == -ESTALE)
		j->bundle->stale = true;
	TAILQ_FOREACH (s, &b->streams, entry) {
		if (!waits_for(s, j->cached))
			continue;
		if (j->error < 0)
			s->error = j->error;
		else
			stream_advance(s);
	}
	job_free(j);
	TAILQ_FOREACH (s, &b->streams, entry) {
		s->tell = s->waits && (s->error < 0 || s->ready > s->at || s->ready == s->n);
		if (s->tell)
			s->waits = false;
	}
	jobs_next(b);
	tell(b);
}

void jobs_want(struct bundle *bundle, uint32_t frame, struct cached *cached)
{
	struct bundler *b = bundle->bundler;
	struct frame_job *j;

	if (cached->sound || cached->job != NULL)
		return;
	j = xcalloc(1, sizeof(*j));
	j->work.run = run;
	j->work.done = done;
	j->bundler = b;
	j->bundle = bundle_ref(bundle);
	j->cached = frame_cache_pin(b->cache, &cached->key);
	j->cached->job = j;
	j->number = b->n_jobs_ever++;
	j->frame = frame;
	j->on_disk = cached->size > 0;
	TAILQ_INSERT_TAIL(&b->jobs, j, entry);
	jobs_next(b);
}

void jobs_cancel_all(struct bundler *b)
{
	struct frame_job *j;

	while ((j = TAILQ_FIRST(&b->jobs)) != NULL) {
		j->cancel = true;
		if (j->encoder != NULL) {
			pool_cancel(b->pool, &j->work);
			j->encoder->busy = false;
		}
		job_free(j);
	}
	for (unsigned i = 0; i < ENCODERS; i++) {
		if (b->encoders[i].busy)
			pool_cancel(b->pool, &b->encoders[i].rest);
		b->encoders[i].busy = false;
		give_back(&b->encoders[i]);
	}
}
