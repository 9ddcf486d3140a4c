/*
 * anchors_writer.c: see anchors_writer.h. The temporary is mapped whole: head, room for as many
 * anchors as the file may have, and behind them a byte for each: its bits. When there is no room,
 * one bit more is asked for and half of them go; so what stays does not depend on the order in
 * which they came.
 */
#include "transfer/anchors_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/anchors_private.h"
#include "transfer/durable.h"
#include "transfer/extents.h"
#include "transfer/mapped.h"

#define BATCH	   4096u /* anchors: of 2 MiB */
#define FEW	   160u	 /* sorted by insertion: what two bytes leave of 8 Mi */
#define ROOM_LEAST 1024u

struct anchors_writer {
	struct durable_temp temp;
	struct anchors_head *head; /* of the mapping */
	uint64_t *entries;
	uint8_t *bits_of;
	uint64_t n, room;
	uint64_t size;
	atomic_uint bits;
	pthread_mutex_t lock; /* of entries, n, bits */
};

struct anchors_batch {
	struct anchors_writer *writer;
	struct anchor_scan scan;
	unsigned n;
	uint64_t entries[BATCH];
	uint8_t bits_of[BATCH];
};

static int map_temp(struct anchors_writer *w)
{
	size_t entries_end = sizeof(*w->head) + w->room * sizeof(*w->entries);
	void *p;
	int r;

	r = durable_temp_map(&w->temp, entries_end + w->room, &p);
	if (r < 0)
		return r;
	w->head = p;
	w->entries = (uint64_t *)(w->head + 1);
	w->bits_of = (uint8_t *)p + entries_end;
	return 0;
}

int anchors_writer_new(int dirfd, uint64_t size, unsigned bits, struct anchors_writer **ret)
{
	struct anchors_writer *w = xcalloc(1, sizeof(*w));
	int r = durable_temp_new(dirfd, INDEX_TEMP, &w->temp);

	w->size = size;
	/* Twice what is expected of data without any zeros. */
	w->room = MIN(2 * (size >> bits) + ROOM_LEAST, ANCHORS_MOST);
	atomic_init(&w->bits, bits);
	pthread_mutex_init(&w->lock, NULL);
	if (r == 0)
		r = map_temp(w);
	if (r < 0)
		anchors_writer_free(w);
	else
		*ret = w;
	return r;
}

struct anchors_writer *anchors_writer_free(struct anchors_writer *w)
{
	if (w == NULL)
		return NULL;
	if (w->head != NULL)
		mapped_free(w->head);
	durable_temp_done(&w->temp);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

/* One bit more is asked for. */
static void thin_out(struct anchors_writer *w)
{
	unsigned bits = atomic_load(&w->bits) + 1;
	uint64_t kept = 0;

	for (uint64_t i = 0; i < w->n; i++) {
		if (w->bits_of[i] < bits)
			continue;
		w->entries[kept] = w->entries[i];
		w->bits_of[kept++] = w->bits_of[i];
	}
	w->n = kept;
	atomic_store(&w->bits, bits);
}

static void add(struct anchors_writer *w, uint64_t entry, uint8_t bits)
{
	while (w->n == w->room && atomic_load(&w->bits) < ANCHOR_BITS_MOST)
		thin_out(w);
	if (w->n == w->room || bits < atomic_load(&w->bits))
		return;
	w->entries[w->n] = entry;
	w->bits_of[w->n++] = bits;
}

static void hand_over(struct anchors_batch *b)
{
	struct anchors_writer *w = b->writer;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < b->n; i++)
		add(w, b->entries[i], b->bits_of[i]);
	pthread_mutex_unlock(&w->lock);
	b->n = 0;
}

struct anchors_batch *anchors_batch_new(struct anchors_writer *w)
{
	struct anchors_batch *b = xcalloc(1, sizeof(*b));

	b->writer = w;
	anchor_scan_init(&b->scan);
	return b;
}

struct anchors_batch *anchors_batch_free(struct anchors_batch *b)
{
	if (b != NULL)
		hand_over(b);
	free(b);
	return NULL;
}

void anchors_batch_block(struct anchors_batch *b, uint64_t block, const uint8_t *data, size_t len)
{
	unsigned bits = atomic_load_explicit(&b->writer->bits, memory_order_relaxed);
	struct anchor a;
	size_t at = 0;

	if (block > UINT32_MAX)
		return;
	anchor_scan_reset(&b->scan);
	while (anchor_scan_next(&b->scan, bits, data, len, &at, &a)) {
		b->entries[b->n] = (uint64_t)a.print << 32 | block;
		b->bits_of[b->n++] = (uint8_t)a.bits;
		if (b->n == BATCH)
			hand_over(b);
	}
}

int anchors_writer_take(struct anchors_writer *w, const struct anchors *a, const uint8_t *same)
{
	unsigned bits = anchors_bits(a);
	uint64_t blocks = blocks_of(w->size);
	int r = 0;

	pthread_mutex_lock(&w->lock);
	while (atomic_load(&w->bits) < bits)
		thin_out(w);
	for (uint64_t i = 0; r == 0 && i < a->head.count; i++) {
		uint32_t block = (uint32_t)a->entries[i];

		if (block >= blocks || !extents_same(same, block))
			continue;
		if (w->n == w->room || atomic_load(&w->bits) > bits)
			r = -E2BIG;
		else
			w->entries[w->n++] = a->entries[i];
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static void sort_few(uint64_t *e, uint64_t n)
{
	for (uint64_t i = 1; i < n; i++) {
		uint64_t x = e[i], k = i;

		for (; k > 0 && e[k - 1] > x; k--)
			e[k] = e[k - 1];
		e[k] = x;
	}
}

/*
 * American flag sort (McIlroy, Bostic, McIlroy 1993), by the byte at shift and those below it: in
 * place, a fifth of qsort()'s time for 4 Mi of them, and no copy as that one makes.
 */
static void sort(uint64_t *e, uint64_t n, unsigned shift)
{
	uint64_t next[256] = {0}, end[256], at = 0;

	if (n <= FEW) {
		sort_few(e, n);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		next[e[i] >> shift & 255]++;
	for (unsigned i = 0; i < 256; i++) {
		at += next[i];
		end[i] = at;
		next[i] = at - next[i];
	}
	for (unsigned i = 0; i < 256; i++) {
		while (next[i] < end[i]) {
			uint64_t x = e[next[i]];
			unsigned to = x >> shift & 255;

			if (next[to] == end[to]) /* they are others than were counted: mapped.h */
				return;
			e[next[i]] = e[next[to]];
			e[next[to]++] = x;
		}
	}
	for (unsigned i = 0; shift > 0 && i < 256; i++) {
		at = i > 0 ? end[i - 1] : 0;
		sort(e + at, end[i] - at, shift - 8);
	}
}

int anchors_writer_finish(struct anchors_writer *w, const struct hash *root)
{
	uint64_t len = sizeof(*w->head) + w->n * sizeof(*w->entries);
	char name[ANCHORS_NAME_LEN];
	bool sound;

	sort(w->entries, w->n, 56);
	*w->head = (struct anchors_head){
		.version = ANCHORS_VERSION, .bits = atomic_load(&w->bits), .count = w->n};
	memcpy(w->head->magic, ANCHORS_MAGIC, sizeof(w->head->magic));
	sound = mapped_sound(w->head);
	mapped_free(w->head);
	w->head = NULL;
	if (!sound)
		return -EIO;
	if (ftruncate(w->temp.fd, (off_t)len) < 0)
		return -errno;
	return durable_temp_rename(&w->temp, anchors_name(root, name));
}
