/*
 * worker.c: threads for what must not run in the loop. One queue that all threads take from; a
 * finished work goes to a second queue and wakes the loop, which calls done(). The next work of a
 * lane is let go on the loop thread just before done() of the one before it, so lanes belong to
 * the loop alone and done() may free the object that embeds one.
 *
 * The loop is kept alive by work that is under way, and by nothing else of the pool.
 */
#include "transfer/worker.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include <ev.h>

#include "transfer/mapped.h"

#define THREADS_MAX 64u
/* Larger buffers are mapped, so that free() gives them back to the kernel. */
#define MAP_OVER (256 * 1024)

struct pool {
	struct ev_loop *loop;
	ev_async wake;
	unsigned busy; /* submitted, done() not yet called */

	pthread_mutex_t lock;
	pthread_cond_t more;  /* something waits, or stopping */
	pthread_cond_t ended; /* a work ended */
	struct work_list waiting, finished;
	struct work *running[THREADS_MAX];
	bool stopping;

	unsigned n_threads;
	pthread_t threads[THREADS_MAX];
};

struct self {
	struct pool *pool;
	unsigned slot;
};

static void *thread_main(void *arg)
{
	struct self self = *(struct self *)arg;
	struct pool *p = self.pool;
	struct work *w;

	free(arg);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->stopping && TAILQ_EMPTY(&p->waiting))
			pthread_cond_wait(&p->more, &p->lock);
		if (p->stopping)
			break;
		w = TAILQ_FIRST(&p->waiting);
		TAILQ_REMOVE(&p->waiting, w, entry);
		p->running[self.slot] = w;
		pthread_mutex_unlock(&p->lock);
		w->run(w);
		pthread_mutex_lock(&p->lock);
		p->running[self.slot] = NULL;
		TAILQ_INSERT_TAIL(&p->finished, w, entry);
		pthread_cond_broadcast(&p->ended);
		ev_async_send(p->loop, &p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void enqueue(struct pool *p, struct work *w)
{
	pthread_mutex_lock(&p->lock);
	TAILQ_INSERT_TAIL(&p->waiting, w, entry);
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

/* w has left its lane: the next one of it may go. */
static void lane_advance(struct pool *p, struct lane *l)
{
	struct work *next;

	if (l == NULL)
		return;
	next = TAILQ_FIRST(&l->waiting);
	if (next == NULL) {
		l->running = false;
	} else {
		TAILQ_REMOVE(&l->waiting, next, entry);
		enqueue(p, next);
	}
}

static void work_left(struct pool *p, struct work *w)
{
	if (--p->busy == 0)
		ev_unref(p->loop);
	lane_advance(p, w->lane);
}

static struct work *take_finished(struct pool *p)
{
	struct work *w;

	pthread_mutex_lock(&p->lock);
	w = TAILQ_FIRST(&p->finished);
	if (w != NULL)
		TAILQ_REMOVE(&p->finished, w, entry);
	pthread_mutex_unlock(&p->lock);
	return w;
}

/* One turn hands out what had finished when it began; done() may make more. */
static void on_wake(struct ev_loop *loop, ev_async *watcher, int revents)
{
	struct pool *p = watcher->data;
	struct work *w, *last;

	(void)revents;
	pthread_mutex_lock(&p->lock);
	last = TAILQ_LAST(&p->finished, work_list);
	pthread_mutex_unlock(&p->lock);
	while (last != NULL && (w = take_finished(p)) != NULL) {
		if (w == last)
			last = NULL;
		work_left(p, w);
		w->done(w);
	}
	pthread_mutex_lock(&p->lock);
	if (!TAILQ_EMPTY(&p->finished))
		ev_async_send(loop, &p->wake);
	pthread_mutex_unlock(&p->lock);
}

struct pool *pool_new(struct ev_loop *loop, unsigned threads)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	/* Without it the allocator learns to keep 16 MiB frames in its heaps. */
	mallopt(M_MMAP_THRESHOLD, MAP_OVER);
	p->loop = loop;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->ended, NULL);
	TAILQ_INIT(&p->waiting);
	TAILQ_INIT(&p->finished);
	ev_async_init(&p->wake, on_wake);
	p->wake.data = p;
	ev_async_start(loop, &p->wake);
	ev_unref(loop);

	for (unsigned i = 0; i < MIN(MAX(threads, 1u), THREADS_MAX); i++) {
		struct self *self = xcalloc(1, sizeof(*self));

		self->pool = p;
		self->slot = p->n_threads;
		if (mapped_thread(&p->threads[p->n_threads], thread_main, self) != 0) {
			free(self);
			break;
		}
		p->n_threads++;
	}
	return p->n_threads > 0 ? p : pool_free(p);
}

struct pool *pool_free(struct pool *p)
{
	if (p == NULL)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	if (p->busy == 0)
		ev_ref(p->loop);
	ev_async_stop(p->loop, &p->wake);
	pthread_cond_destroy(&p->ended);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

void lane_init(struct lane *l)
{
	TAILQ_INIT(&l->waiting);
	l->running = false;
}

void pool_submit(struct pool *p, struct lane *lane, struct work *w)
{
	w->lane = lane;
	if (p->busy++ == 0)
		ev_ref(p->loop);
	if (lane != NULL && lane->running) {
		TAILQ_INSERT_TAIL(&lane->waiting, w, entry);
		return;
	}
	if (lane != NULL)
		lane->running = true;
	enqueue(p, w);
}

static bool list_has(const struct work_list *list, const struct work *w)
{
	const struct work *i;

	TAILQ_FOREACH (i, list, entry) {
		if (i == w)
			return true;
	}
	return false;
}

static bool is_running(const struct pool *p, const struct work *w)
{
	for (unsigned i = 0; i < p->n_threads; i++) {
		if (p->running[i] == w)
			return true;
	}
	return false;
}

void pool_cancel(struct pool *p, struct work *w)
{
	if (w->lane != NULL && list_has(&w->lane->waiting, w)) {
		TAILQ_REMOVE(&w->lane->waiting, w, entry);
		if (--p->busy == 0)
			ev_unref(p->loop);
		return;
	}
	pthread_mutex_lock(&p->lock);
	while (is_running(p, w))
		pthread_cond_wait(&p->ended, &p->lock);
	if (list_has(&p->finished, w))
		TAILQ_REMOVE(&p->finished, w, entry);
	else
		TAILQ_REMOVE(&p->waiting, w, entry);
	pthread_mutex_unlock(&p->lock);
	work_left(p, w);
}

unsigned pool_busy(const struct pool *p)
{
	return p->busy;
}

unsigned pool_threads(const struct pool *p)
{
	return p->n_threads;
}
