/*
 * strmap.c: see strmap.h. FNV-1a over a random start, which is enough where a collision costs time
 * and nothing else.
 */
#include "scheduler/strmap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct strmap_entry {
	struct strmap_entry *next;
	const char *key;
	uint64_t hash;
	void *value;
};

static uint64_t strmap_hash(const struct strmap *m, const char *key)
{
	uint64_t h = m->seed ^ 0xcbf29ce484222325u;

	for (; *key; key++)
		h = (h ^ (uint8_t)*key) * 0x100000001b3u;
	return h ^ (h >> 32);
}

static void strmap_grow(struct strmap *m)
{
	size_t n = m->n_buckets ? m->n_buckets * 2 : 64;
	struct strmap_entry **buckets = xcalloc(n, sizeof(*buckets));

	for (size_t i = 0; i < m->n_buckets; i++) {
		struct strmap_entry *e, *next;
		for (e = m->buckets[i]; e; e = next) {
			next = e->next;
			e->next = buckets[e->hash & (n - 1)];
			buckets[e->hash & (n - 1)] = e;
		}
	}
	free(m->buckets);
	m->buckets = buckets;
	m->n_buckets = n;
}

/* The link that points to the entry, or to where it would be. */
static struct strmap_entry **strmap_link(const struct strmap *m, const char *key, uint64_t hash)
{
	struct strmap_entry **link = &m->buckets[hash & (m->n_buckets - 1)];

	while (*link && ((*link)->hash != hash || strcmp((*link)->key, key)))
		link = &(*link)->next;
	return link;
}

void strmap_put(struct strmap *m, const char *key, void *value)
{
	struct strmap_entry **link, *e;
	uint64_t hash;

	/* Without random bytes the table still works; it could then be made slow. */
	if (!m->buckets && getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) < 0)
		m->seed = (uintptr_t)m;
	if (m->n >= m->n_buckets)
		strmap_grow(m);
	hash = strmap_hash(m, key);
	link = strmap_link(m, key, hash);
	if (!*link) {
		e = xcalloc(1, sizeof(*e));
		e->hash = hash;
		*link = e;
		m->n++;
	}
	(*link)->key = key;
	(*link)->value = value;
}

void *strmap_get(const struct strmap *m, const char *key)
{
	struct strmap_entry *e;

	if (!m->buckets)
		return NULL;
	e = *strmap_link(m, key, strmap_hash(m, key));
	return e ? e->value : NULL;
}

void *strmap_remove(struct strmap *m, const char *key)
{
	struct strmap_entry **link, *e;
	void *value;

	if (!m->buckets)
		return NULL;
	link = strmap_link(m, key, strmap_hash(m, key));
	e = *link;
	if (!e)
		return NULL;
	*link = e->next;
	value = e->value;
	free(e);
	m->n--;
	return value;
}

void strmap_each(struct strmap *m, void (*fn)(void *arg, void *value), void *arg)
{
	for (size_t i = 0; i < m->n_buckets; i++) {
		struct strmap_entry *e, *next;
		for (e = m->buckets[i]; e; e = next) {
			next = e->next;
			fn(arg, e->value);
		}
	}
}

void strmap_done(struct strmap *m)
{
	for (size_t i = 0; i < m->n_buckets; i++) {
		struct strmap_entry *e, *next;
		for (e = m->buckets[i]; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(m->buckets);
	memset(m, 0, sizeof(*m));
}

static void free_value(void *arg, void *value)
{
	(void)arg;
	free(value);
}

void strmap_done_free(struct strmap *m)
{
	strmap_each(m, free_value, NULL);
	strmap_done(m);
}
