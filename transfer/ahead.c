/*
 * ahead.c: see ahead.h. Of three buffers the caller has one, one is ready, one is being read.
 */
#include "transfer/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "transfer/mapped.h"

#define BUFFERS 3u

struct ahead {
	const struct ahead_piece *pieces;
	size_t n;
	uint8_t *buf[BUFFERS];
	int64_t got[BUFFERS];
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t read, taken; /* pieces that were read, and asked for */
	bool stop, threaded;
	pthread_t thread;
};

static void *reader(void *arg)
{
	struct ahead *a = arg;
	bool stop = false;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct ahead_piece *p = &a->pieces[i];
		int64_t got;

		pthread_mutex_lock(&a->lock);
		/* The buffer of the piece that the caller has now is not ours yet. */
		while (!a->stop && i >= a->taken + BUFFERS - 1)
			pthread_cond_wait(&a->moved, &a->lock);
		stop = a->stop;
		pthread_mutex_unlock(&a->lock);
		if (stop)
			break;
		got = bulk_read(p->bulk, a->buf[i % BUFFERS], p->len, p->offset);
		pthread_mutex_lock(&a->lock);
		a->got[i % BUFFERS] = got;
		a->read = i + 1;
		pthread_cond_broadcast(&a->moved);
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

int ahead_start(const struct ahead_piece *pieces, size_t n, struct ahead **ret)
{
	struct ahead *a = xcalloc(1, sizeof(*a));
	unsigned i;
	int r;

	a->pieces = pieces;
	a->n = n;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->moved, NULL);
	for (i = 0; i < MIN(n, (size_t)BUFFERS); i++)
		a->buf[i] = bulk_buffer(AHEAD_PIECE);
	r = mapped_thread(&a->thread, reader, a);
	a->threaded = r == 0;
	if (r != 0) {
		ahead_stop(a);
		return -r;
	}
	*ret = a;
	return 0;
}

int64_t ahead_next(struct ahead *a, uint8_t **ret)
{
	size_t i;
	int64_t got;

	pthread_mutex_lock(&a->lock);
	i = a->taken++;
	pthread_cond_broadcast(&a->moved);
	while (a->read <= i)
		pthread_cond_wait(&a->moved, &a->lock);
	got = a->got[i % BUFFERS];
	pthread_mutex_unlock(&a->lock);
	*ret = a->buf[i % BUFFERS];
	return got;
}

struct ahead *ahead_stop(struct ahead *a)
{
	unsigned i;

	if (!a)
		return NULL;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->moved);
	pthread_mutex_unlock(&a->lock);
	if (a->threaded)
		pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->moved);
	pthread_mutex_destroy(&a->lock);
	for (i = 0; i < BUFFERS; i++)
		free(a->buf[i]);
	free(a);
	return NULL;
}
