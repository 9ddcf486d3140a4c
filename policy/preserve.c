/*
 * preserve.c: see preserve.h.
 */
#include "policy/preserve.h"

#include <stdlib.h>
#include <string.h>

const char *preserve_word(enum preserve_verdict v)
{
	static const char *const words[] = {"", "preserve_age", "preserve_count", "preserve_quota"};

	return words[v];
}

uint64_t preserve_mark(uint64_t quota, unsigned percent)
{
	if (quota == UINT64_MAX)
		return UINT64_MAX;
	return quota / 100 * percent + quota % 100 * percent / 100;
}

static int by_path(const void *a, const void *b)
{
	const struct preserve_entry *x = *(struct preserve_entry *const *)a;
	const struct preserve_entry *y = *(struct preserve_entry *const *)b;
	int r = strcmp(x->path, y->path);

	/* Within a path as in the list: newest first. */
	return r ? r : (x > y) - (x < y);
}

/* Beyond the newest `count` of each path; those that are too old do not count. */
static void choose_many(struct preserve_entry *entries, size_t n, uint64_t count)
{
	struct preserve_entry **sorted = xcalloc(n, sizeof(struct preserve_entry *));
	uint64_t seen = 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &entries[i];
	qsort(sorted, n, sizeof(struct preserve_entry *), by_path);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(sorted[i - 1]->path, sorted[i]->path) != 0)
			seen = 0;
		if (sorted[i]->verdict == PRESERVE_KEEP && ++seen > count)
			sorted[i]->verdict = PRESERVE_MANY;
	}
	free(sorted);
}

static void choose_bytes(struct preserve_entry *entries, size_t n, const struct preserve_limits *l)
{
	uint64_t high = preserve_mark(l->quota, l->high), low = preserve_mark(l->quota, l->low);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (entries[i].verdict != PRESERVE_KEEP)
			continue;
		if (entries[i].bytes > l->quota)
			entries[i].verdict = PRESERVE_QUOTA;
		else
			sum = sum > UINT64_MAX - entries[i].bytes ? UINT64_MAX
								  : sum + entries[i].bytes;
	}
	if (sum <= high)
		return;
	/* The newest stays as long as it fits into the quota, whatever the marks. */
	for (size_t i = n; i-- > 0 && sum > low;) {
		if (entries[i].verdict != PRESERVE_KEEP)
			continue;
		if (sum - entries[i].bytes == 0 && sum <= l->quota)
			break;
		entries[i].verdict = PRESERVE_QUOTA;
		sum -= entries[i].bytes;
	}
}

size_t preserve_choose(struct preserve_entry *entries, size_t n, const struct preserve_limits *l,
		       int64_t now_s)
{
	size_t gone = 0;

	for (size_t i = 0; i < n; i++)
		entries[i].verdict = l->age_s > 0 && now_s - entries[i].at > l->age_s
					     ? PRESERVE_OLD
					     : PRESERVE_KEEP;
	if (l->count > 0 && n > 0)
		choose_many(entries, n, l->count);
	if (l->quota != UINT64_MAX)
		choose_bytes(entries, n, l);
	for (size_t i = 0; i < n; i++)
		gone += entries[i].verdict != PRESERVE_KEEP;
	return gone;
}
