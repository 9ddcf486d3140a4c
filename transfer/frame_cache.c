/*
 * frame_cache.c: the catalogue of encoded frames. It writes no frame: a worker does, into a
 * temporary that is renamed. Nothing is synced: after a power cut a torn file does not verify and
 * is made again.
 */
#include "transfer/frame_cache.h"
#include "transfer/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/durable.h"

#define BUCKETS 4096u
#define SUFFIX	".frame"

LIST_HEAD(cached_bucket, cached);
TAILQ_HEAD(cached_list, cached);

struct frame_cache {
	int dirfd;
	uint64_t max, bytes;
	struct cached_bucket buckets[BUCKETS];
	struct cached_list lru; /* oldest first */
};

const char *frame_key_name(const struct frame_key *k, char buf[FRAME_NAME_MAX])
{
	char hex[HASH_HEX + 1];

	snprintf(buf, FRAME_NAME_MAX, "%s-%u-%u" SUFFIX, hash_hex(&k->plan, hex), k->index,
		 k->effort);
	return buf;
}

static bool parse_name(const char *name, struct frame_key *ret)
{
	char hex[HASH_HEX + 1], again[FRAME_NAME_MAX];

	if (sscanf(name, "%64[0-9a-f]-%u-%u", hex, &ret->index, &ret->effort) != 3 ||
	    hash_parse(hex, &ret->plan) < 0)
		return false;
	return strcmp(frame_key_name(ret, again), name) == 0;
}

static struct cached_bucket *bucket_of(struct frame_cache *c, const struct frame_key *k)
{
	uint32_t v;

	memcpy(&v, k->plan.b, sizeof(v));
	return &c->buckets[(v + k->index * 2654435761u + k->effort) % BUCKETS];
}

static struct cached *find(struct frame_cache *c, const struct frame_key *k)
{
	struct cached *e;

	LIST_FOREACH (e, bucket_of(c, k), bucket) {
		if (e->key.index == k->index && e->key.effort == k->effort &&
		    hash_equal(&e->key.plan, &k->plan))
			return e;
	}
	return NULL;
}

static struct cached *add(struct frame_cache *c, const struct frame_key *k)
{
	struct cached *e = xcalloc(1, sizeof(*e));

	e->key = *k;
	LIST_INSERT_HEAD(bucket_of(c, k), e, bucket);
	return e;
}

static void unlink_file(struct frame_cache *c, const struct cached *e)
{
	char name[FRAME_NAME_MAX];

	unlinkat(c->dirfd, frame_key_name(&e->key, name), 0);
}

static void evict(struct frame_cache *c)
{
	struct cached *e;

	while (c->bytes > c->max && (e = TAILQ_FIRST(&c->lru)) != NULL) {
		unlink_file(c, e);
		c->bytes -= e->size;
		TAILQ_REMOVE(&c->lru, e, lru);
		LIST_REMOVE(e, bucket);
		free(e);
	}
}

struct found {
	struct cached *entry;
	struct timespec mtime;
};

static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->mtime.tv_sec != y->mtime.tv_sec)
		return x->mtime.tv_sec < y->mtime.tv_sec ? -1 : 1;
	return x->mtime.tv_nsec < y->mtime.tv_nsec ? -1 : x->mtime.tv_nsec > y->mtime.tv_nsec;
}

static void find_files(struct frame_cache *c, DIR *d)
{
	struct found *found = NULL;
	size_t n = 0, room = 0;
	struct dirent *de;

	while ((de = readdir(d)) != NULL) {
		struct frame_key key;
		struct stat st;

		if (!parse_name(de->d_name, &key) ||
		    fstatat(c->dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode) || st.st_size == 0)
			continue;
		if (n == room) {
			room = MAX(256u, 2 * room);
			found = xrealloc(found, room * sizeof(*found));
		}
		found[n] = (struct found){add(c, &key), st.st_mtim};
		found[n++].entry->size = (uint64_t)st.st_size;
	}
	if (n > 0)
		qsort(found, n, sizeof(*found), by_age);
	for (size_t i = 0; i < n; i++) {
		TAILQ_INSERT_TAIL(&c->lru, found[i].entry, lru);
		c->bytes += found[i].entry->size;
	}
	free(found);
}

struct frame_cache *frame_cache_new(int dirfd, uint64_t max)
{
	struct frame_cache *c = xcalloc(1, sizeof(*c));
	DIR *d = dir_list(dirfd);

	c->dirfd = dirfd;
	(void)durable_sweep(dirfd, DURABLE_TEMP);
	/* Not evicted here: whoever has frames to pin does so first. */
	c->max = max;
	TAILQ_INIT(&c->lru);
	if (d != NULL) {
		find_files(c, d);
		closedir(d);
	}
	return c;
}

struct frame_cache *frame_cache_free(struct frame_cache *c)
{
	struct cached *e;

	if (c == NULL)
		return NULL;
	for (unsigned i = 0; i < BUCKETS; i++) {
		while ((e = LIST_FIRST(&c->buckets[i])) != NULL) {
			LIST_REMOVE(e, bucket);
			free(e);
		}
	}
	free(c);
	return NULL;
}

void frame_cache_set_limit(struct frame_cache *c, uint64_t max)
{
	c->max = max;
	evict(c);
}

struct cached *frame_cache_pin(struct frame_cache *c, const struct frame_key *key)
{
	struct cached *e = find(c, key);

	if (e == NULL)
		e = add(c, key);
	else if (e->pins == 0 && e->size > 0)
		TAILQ_REMOVE(&c->lru, e, lru);
	e->pins++;
	return e;
}

void frame_cache_unpin(struct frame_cache *c, struct cached *e)
{
	if (--e->pins > 0)
		return;
	if (e->size == 0) {
		LIST_REMOVE(e, bucket);
		free(e);
		return;
	}
	TAILQ_INSERT_TAIL(&c->lru, e, lru);
	evict(c);
}

const struct cached *frame_cache_peek(struct frame_cache *c, const struct frame_key *key)
{
	const struct cached *e = find(c, key);

	return e != NULL && e->size > 0 ? e : NULL;
}

void frame_cache_count(struct frame_cache *c, const struct hash *plan,
		       unsigned ret[FRAME_EFFORT_MAX + 1])
{
	const struct cached *e;

	memset(ret, 0, (FRAME_EFFORT_MAX + 1) * sizeof(*ret));
	for (unsigned i = 0; i < BUCKETS; i++) {
		LIST_FOREACH (e, &c->buckets[i], bucket) {
			if (e->key.effort <= FRAME_EFFORT_MAX && hash_equal(&e->key.plan, plan))
				ret[e->key.effort]++;
		}
	}
}

void frame_cache_stored(struct frame_cache *c, struct cached *e, uint64_t size,
			const struct hash *mark)
{
	c->bytes += size - e->size;
	e->size = size;
	e->mark = *mark;
	e->sound = true;
	evict(c);
}

void frame_cache_lost(struct frame_cache *c, struct cached *e)
{
	unlink_file(c, e);
	c->bytes -= e->size;
	e->size = 0;
	e->sound = false;
}
