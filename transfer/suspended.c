/*
 * suspended.c: streams that nobody reads now. One that was freed and not forgotten keeps its log on
 * disk and its unacknowledged frames pinned, also through a restart, until it is resumed,
 * forgotten, too old, or one of too many.
 */
#include "transfer/bundle_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "transfer/stream_log.h"

#define SUSPENDED_MAX  4096u
#define SUSPENDED_DAYS 30

/* Takes over the pins. */
void suspended_add(struct bundler *b, const struct hash *id, struct cached **pins, size_t n)
{
	struct suspended *u = xcalloc(1, sizeof(*u));

	u->id = *id;
	u->pins = xcalloc(MAX(n, 1u), sizeof(struct cached *));
	u->n_pins = n;
	if (n > 0)
		memcpy(u->pins, pins, n * sizeof(struct cached *));
	TAILQ_INSERT_TAIL(&b->suspended, u, entry);
	if (++b->n_suspended > SUSPENDED_MAX) {
		struct hash oldest = TAILQ_FIRST(&b->suspended)->id;

		suspended_drop(b, &oldest);
		stream_log_remove(b->cache_dirfd, &oldest);
	}
}

static void suspended_free(struct bundler *b, struct suspended *u)
{
	TAILQ_REMOVE(&b->suspended, u, entry);
	b->n_suspended--;
	for (size_t i = 0; i < u->n_pins; i++)
		frame_cache_unpin(b->cache, u->pins[i]);
	free(u->pins);
	free(u);
}

void suspended_drop(struct bundler *b, const struct hash *id)
{
	struct suspended *u;

	TAILQ_FOREACH (u, &b->suspended, entry) {
		if (hash_equal(&u->id, id)) {
			suspended_free(b, u);
			return;
		}
	}
}

void suspended_drop_all(struct bundler *b)
{
	struct suspended *u;

	while ((u = TAILQ_FIRST(&b->suspended)) != NULL)
		suspended_free(b, u);
}

/* The unacknowledged frames of one log, where they are still there. */
static void load_one(struct bundler *b, const struct hash *id)
{
	uint32_t n_order, *order;
	struct stream_past past;
	struct frame_key key;
	struct cached **pins;
	size_t n = 0;

	if (stream_log_read(b->cache_dirfd, id, &past) < 0) {
		stream_log_remove(b->cache_dirfd, id);
		return;
	}
	order = stream_order(&past.header, &n_order);
	pins = xcalloc(past.n + 1, sizeof(struct cached *));
	key.plan = past.header.plan;
	key.effort = past.header.effort;
	for (uint32_t k = past.acked; k < past.n && k < n_order; k++) {
		key.index = order[k];
		if (frame_cache_peek(b->cache, &key) != NULL)
			pins[n++] = frame_cache_pin(b->cache, &key);
	}
	suspended_add(b, id, pins, n);
	free(pins);
	free(order);
	stream_past_done(&past);
}

void suspended_load(struct bundler *b)
{
	size_t n;
	/* The age of a file; no schedule hangs on it. */
	struct hash *ids = stream_log_list(b->cache_dirfd, (int64_t)time(NULL),
					   (int64_t)SUSPENDED_DAYS * 24 * 3600, &n);

	for (size_t i = 0; i < n; i++)
		load_one(b, &ids[i]);
	free(ids);
}
