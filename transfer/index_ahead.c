/*
 * index_ahead.c: the pieces of a share, read by threads of their own while the caller hashes those
 * before: reads wait for the disk, and a disk wants to have several of them. On two cores and an
 * NVMe disk, two workers that read and hashed by turns had 0.7 to 0.9 GB/s of the 1.2 that four
 * reads at a time get. Small files are read by the caller alone.
 *
 * Readers go from worker to worker: as many as there were ever workers at it.
 */
#include "transfer/index_build_private.h"

#include <errno.h>
#include <stdlib.h>

#include "transfer/mapped.h"

#define SHARE_READ  (32u << 20) /* of one call of index_builder_work() */
#define SHARE_SIZE  ((uint64_t)4 << 30)
#define AHEAD_LEAST (8 * PIECE) /* smaller files are read before the threads are there */

static struct reader *reader_free(struct reader *r)
{
	for (unsigned i = 0; i < FETCHERS; i++)
		index_reader_close(&r->fetchers[i]);
	for (unsigned i = 0; i < PIECES; i++)
		free(r->pieces[i].buf);
	anchors_batch_free(r->anchors);
	pthread_cond_destroy(&r->moved);
	pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

static int reader_new(struct index_builder *b, struct reader **ret)
{
	struct reader *r = xcalloc(1, sizeof(*r));
	unsigned pieces = b->size < AHEAD_LEAST ? 1 : PIECES;
	int error = 0;

	r->b = b;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
	STAILQ_INIT(&r->idle);
	STAILQ_INIT(&r->ready);
	for (unsigned i = 0; i < FETCHERS && error == 0; i++) {
		r->fetchers[i].reader = r;
		error = i == 0 || pieces > 1 ? index_reader_open(&r->fetchers[i]) : 0;
	}
	for (unsigned i = 0; i < pieces; i++) {
		r->pieces[i].buf = bulk_buffer(PIECE);
		STAILQ_INSERT_TAIL(&r->idle, &r->pieces[i], entry);
	}
	r->anchors = b->anchors != NULL ? anchors_batch_new(b->anchors) : NULL;
	if (error < 0) {
		reader_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

/* An error ends the share; the builder keeps the first. */
static void failed(struct reader *r, int error)
{
	int none = 0;

	if (error < 0)
		atomic_compare_exchange_strong(&r->b->error, &none, error);
}

/* Whether there is one to be read; r->lock is not held. */
static bool claim(struct reader *r, struct piece *p)
{
	struct index_builder *b = r->b;
	bool over;

	if (r->cancel != NULL && *r->cancel)
		failed(r, -ECANCELED);
	pthread_mutex_lock(&r->lock);
	over = r->stop || r->taken >= SHARE_READ || r->size >= SHARE_SIZE;
	r->size += PIECE;
	pthread_mutex_unlock(&r->lock);
	return !over && atomic_load(&b->error) == 0 && index_builder_claim(b, &p->first, &p->end);
}

/* True: the piece was read; false: the share is over, or failed. */
static bool fetch(struct fetcher *f, struct piece *p)
{
	struct reader *r = f->reader;

	while (claim(r, p)) {
		uint64_t before = f->read;
		int n = index_builder_fetch(f, p);

		failed(r, n);
		if (n < 0)
			return false;
		pthread_mutex_lock(&r->lock);
		r->taken += f->read - before;
		pthread_mutex_unlock(&r->lock);
		if (n > 0)
			return true;
		index_builder_done(r->b, p); /* there was nothing to be read in it */
	}
	return false;
}

static void *fetcher_main(void *arg)
{
	struct fetcher *f = arg;
	struct reader *r = f->reader;
	struct piece *p;
	bool more = true;

	pthread_mutex_lock(&r->lock);
	while (more) {
		while (!r->stop && STAILQ_EMPTY(&r->idle))
			pthread_cond_wait(&r->moved, &r->lock);
		if (r->stop)
			break;
		p = STAILQ_FIRST(&r->idle);
		STAILQ_REMOVE_HEAD(&r->idle, entry);
		pthread_mutex_unlock(&r->lock);
		more = fetch(f, p);
		pthread_mutex_lock(&r->lock);
		STAILQ_INSERT_TAIL(more ? &r->ready : &r->idle, p, entry);
		pthread_cond_broadcast(&r->moved);
	}
	r->running--;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static void start_threads(struct reader *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->threads < FETCHERS && mapped_thread(&r->fetchers[r->threads].thread, fetcher_main,
						      &r->fetchers[r->threads]) == 0)
		r->threads++;
	r->running = r->threads;
	pthread_mutex_unlock(&r->lock);
}

int index_ahead_start(struct index_builder *b, const atomic_bool *cancel, struct reader **ret)
{
	struct reader *r;
	int error;

	pthread_mutex_lock(&b->lock);
	r = SLIST_FIRST(&b->idle);
	if (r != NULL)
		SLIST_REMOVE_HEAD(&b->idle, entry);
	pthread_mutex_unlock(&b->lock);
	error = r == NULL ? reader_new(b, &r) : 0;
	if (error < 0)
		return error;
	r->cancel = cancel;
	r->taken = r->size = 0;
	r->stop = false;
	if (b->size >= AHEAD_LEAST)
		start_threads(r);
	*ret = r;
	return 0;
}

/* Where there are no threads, the caller is the fetcher. */
static struct piece *next_alone(struct reader *r)
{
	struct piece *p = STAILQ_FIRST(&r->idle);

	if (!fetch(&r->fetchers[0], p))
		return NULL;
	STAILQ_REMOVE_HEAD(&r->idle, entry);
	return p;
}

static struct piece *next_ready(struct reader *r)
{
	struct piece *p;

	pthread_mutex_lock(&r->lock);
	while (STAILQ_EMPTY(&r->ready) && r->running > 0)
		pthread_cond_wait(&r->moved, &r->lock);
	p = STAILQ_FIRST(&r->ready);
	if (p != NULL)
		STAILQ_REMOVE_HEAD(&r->ready, entry);
	pthread_mutex_unlock(&r->lock);
	return p;
}

int index_ahead_next(struct reader *r, struct piece **ret)
{
	struct piece *p = r->threads > 0 ? next_ready(r) : next_alone(r);

	*ret = p;
	return p != NULL ? 1 : MIN(atomic_load(&r->b->error), 0);
}

void index_ahead_back(struct reader *r, struct piece *p)
{
	pthread_mutex_lock(&r->lock);
	STAILQ_INSERT_TAIL(&r->idle, p, entry);
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
}

void index_ahead_stop(struct reader *r)
{
	struct index_builder *b = r->b;

	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
	for (; r->threads > 0; r->threads--)
		pthread_join(r->fetchers[r->threads - 1].thread, NULL);
	STAILQ_CONCAT(&r->idle, &r->ready);
	for (unsigned i = 0; i < FETCHERS && r->fetchers[i].bulk != NULL; i++)
		index_reader_rest(&r->fetchers[i]);
	pthread_mutex_lock(&b->lock);
	SLIST_INSERT_HEAD(&b->idle, r, entry);
	pthread_mutex_unlock(&b->lock);
}

void index_ahead_free_idle(struct index_builder *b)
{
	struct reader *r;

	while ((r = SLIST_FIRST(&b->idle)) != NULL) {
		SLIST_REMOVE_HEAD(&b->idle, entry);
		reader_free(r);
	}
}
