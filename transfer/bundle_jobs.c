/*
 * bundle_jobs.c: which frames are being encoded, by which encoder, and who is told when one is
 * done. A frame that several streams wait for is one job.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <stdlib.h>

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

static void rest(struct encoder *e);

static void done_rest(struct work *w)
{
	struct encoder *e = container_of(w, struct encoder, rest);

	e->resting = false;
	rest(e); /* there was work behind it, perhaps */
}

static void rest(struct encoder *e)
{
	if (e->queued > 0 || e->resting || (e->zstd == NULL && e->literals == NULL))
		return;
	/* With the next frame a fast one would map all of it anew. */
	if (e->level < LEVEL_SLOW && !TAILQ_EMPTY(&e->bundler->streams))
		return;
	e->resting = true;
	e->rest.run = run_rest;
	e->rest.done = done_rest;
	pool_submit(e->bundler->pool, &e->lane, &e->rest);
}

void jobs_rest(struct bundler *b)
{
	for (unsigned i = 0; i < ENCODERS; i++)
		rest(&b->encoders[i]);
}

static void job_free(struct frame_job *j)
{
	TAILQ_REMOVE(&j->bundler->jobs, j, entry);
	j->encoder->queued--;
	rest(j->encoder);
	frame_cache_unpin(j->bundler->cache, j->cached);
	bundle_unref(j->bundle);
	free(j);
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
	tell(b);
}

static struct encoder *choose_encoder(struct bundler *b, uint32_t level)
{
	struct encoder *e = &b->encoders[0];

	if (level >= LEVEL_SLOW)
		return e;
	for (unsigned i = 1; i < ENCODERS; i++) {
		if (b->encoders[i].queued <= e->queued)
			e = &b->encoders[i];
	}
	return e;
}

void jobs_want(struct bundle *bundle, uint32_t frame, struct cached *cached)
{
	struct bundler *b = bundle->bundler;
	struct frame_job *j;

	if (cached->sound)
		return;
	TAILQ_FOREACH (j, &b->jobs, entry) {
		if (j->cached == cached)
			return;
	}
	j = xcalloc(1, sizeof(*j));
	j->work.run = run;
	j->work.done = done;
	j->bundler = b;
	j->bundle = bundle_ref(bundle);
	j->cached = frame_cache_pin(b->cache, &cached->key);
	j->frame = frame;
	j->on_disk = cached->size > 0;
	j->encoder = choose_encoder(b, cached->key.effort);
	j->encoder->queued++;
	j->encoder->level = cached->key.effort;
	TAILQ_INSERT_TAIL(&b->jobs, j, entry);
	pool_submit(b->pool, &j->encoder->lane, &j->work);
}

void jobs_cancel_all(struct bundler *b)
{
	struct frame_job *j;

	TAILQ_FOREACH (j, &b->jobs, entry)
		j->cancel = true;
	/* Last first, so that none of a lane is let go only to be cancelled. */
	while ((j = TAILQ_LAST(&b->jobs, frame_job_list)) != NULL) {
		pool_cancel(b->pool, &j->work);
		job_free(j);
	}
	for (unsigned i = 0; i < ENCODERS; i++) {
		if (b->encoders[i].resting)
			pool_cancel(b->pool, &b->encoders[i].rest);
		b->encoders[i].resting = false;
		give_back(&b->encoders[i]);
	}
}
