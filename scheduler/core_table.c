/*
 * core_table.c: finding jobs: by id, and by (spoke, group, path), newest first. Two hash tables
 * chained through the jobs themselves, doubled together.
 */
#include "scheduler/core_impl.h"

#include <stdlib.h>
#include <string.h>

/* Jobs a slot: a step or two more on each search, and a few bytes a job in all. */
#define LOAD_MOST 4

uint64_t core_mix(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

static size_t slot_of_id(const struct job_table *t, uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->buckets - 1);
}

static size_t slot_of_path(const struct job_table *t, const char *spoke, const char *group,
			   const char *path)
{
	uint64_t h = core_mix(core_mix(core_mix(CORE_MIX, spoke), group), path);

	return (size_t)(h ^ h >> 32) & (t->buckets - 1);
}

static bool same_file(const struct job *j, const struct spoke_state *s, const char *group,
		      const char *path)
{
	return j->spoke == s && !strcmp(j->version->path, path) &&
	       !strcmp(j->version->group, group);
}

/* a is the later word on its file. */
static bool newer(const struct job *a, const struct job *b)
{
	if (a->version->id != b->version->id)
		return a->version->id > b->version->id;
	return a->id > b->id;
}

/* In a chain the jobs of one file stand newest first; other files lie between them. */
static void chain(struct job_table *t, struct job *j)
{
	size_t id = slot_of_id(t, j->id);
	const struct version *v = j->version;
	struct job **at = &t->by_path[slot_of_path(t, j->spoke->name, v->group, v->path)];

	j->id_next = t->by_id[id];
	t->by_id[id] = j;
	while (*at && !(same_file(*at, j->spoke, v->group, v->path) && newer(j, *at)))
		at = &(*at)->path_next;
	j->path_next = *at;
	*at = j;
}

static void grow(struct job_table *t, size_t buckets)
{
	struct job_table wide = {.n = t->n, .buckets = buckets};

	wide.by_id = xcalloc(wide.buckets, sizeof(*wide.by_id));
	wide.by_path = xcalloc(wide.buckets, sizeof(*wide.by_path));
	for (size_t i = 0; i < t->buckets; i++)
		for (struct job *j = t->by_id[i], *next; j; j = next) {
			next = j->id_next;
			chain(&wide, j);
		}
	free(t->by_id);
	free(t->by_path);
	*t = wide;
}

void table_room(struct job_table *t, size_t n)
{
	size_t buckets = MAX(t->buckets, (size_t)256);

	while (n > LOAD_MOST * buckets)
		buckets *= 2;
	if (buckets != t->buckets)
		grow(t, buckets);
}

void table_add(struct job_table *t, struct job *j)
{
	if (t->n >= LOAD_MOST * t->buckets)
		grow(t, t->buckets ? 2 * t->buckets : 256);
	chain(t, j);
	t->n++;
}

void table_remove(struct job_table *t, struct job *j)
{
	const struct version *v = j->version;
	struct job **at = &t->by_id[slot_of_id(t, j->id)];

	while (*at != j)
		at = &(*at)->id_next;
	*at = j->id_next;
	at = &t->by_path[slot_of_path(t, j->spoke->name, v->group, v->path)];
	while (*at != j)
		at = &(*at)->path_next;
	*at = j->path_next;
	t->n--;
}

struct job *table_id(const struct job_table *t, uint64_t id)
{
	struct job *j = t->buckets ? t->by_id[slot_of_id(t, id)] : NULL;

	while (j && j->id != id)
		j = j->id_next;
	return j;
}

struct job *table_path(const struct job_table *t, const struct spoke_state *s, const char *group,
		       const char *path)
{
	struct job *j = NULL;

	if (t->buckets)
		j = t->by_path[slot_of_path(t, s->name, group, path)];
	while (j && !same_file(j, s, group, path))
		j = j->path_next;
	return j;
}

struct job *table_path_older(const struct job *j)
{
	const struct version *v = j->version;
	struct job *o = j->path_next;

	while (o && !same_file(o, j->spoke, v->group, v->path))
		o = o->path_next;
	return o;
}

void table_done(struct job_table *t)
{
	free(t->by_id);
	free(t->by_path);
	*t = (struct job_table){0};
}
