/*
 * sets.c: see sets.h. Names are folded and sorted once, and looked up by halves; what belongs
 * together is joined as a forest of links, in which the first in order of a set is its root.
 */
#include "policy/sets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MOST 1000u /* of a chain; one that bites its own tail is no deeper */

struct name {
	const char *text;
	size_t item;
	bool gone;
};

struct names {
	struct name *list;
	size_t n;
};

struct finder {
	struct set_item *items;
	size_t n;
	char **folded;			   /* paths in small letters */
	char **stems;			   /* the same without their extension */
	struct names paths, lasts, images; /* by path, by last part, and stems of images */
};

static bool is_image(const char *extension)
{
	static const char *const known[] = {"vhdx", "vhd", "avhdx", "avhd", "qcow2", "raw", "img"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcasecmp(extension, known[i]))
			return true;
	return false;
}

/* NULL: none; a name that begins with a point has none. */
static char *extension_of(const char *path)
{
	const char *last = path_last(path);
	char *dot = strrchr(last, '.');

	return dot && dot != last ? dot : NULL;
}

static char *fold(const char *s)
{
	char *copy = xstrdup(s);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static int by_text(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int r = strcmp(x->text, y->text);

	if (r == 0)
		r = x->gone - y->gone;
	return r ? r : x->item < y->item ? -1 : x->item > y->item;
}

static void names_add(struct names *s, const char *text, size_t item, bool gone)
{
	s->list[s->n++] = (struct name){text, item, gone};
}

/* The first that is not before text. */
static size_t names_from(const struct names *s, const char *text)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(s->list[mid].text, text) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

enum set_rank sets_rank(const char *path)
{
	const char *extension = extension_of(path);

	if (!extension)
		return SET_BESIDE;
	if (is_image(extension + 1))
		return SET_IMAGE;
	if (!strcasecmp(extension, ".pvp"))
		return SET_PROPERTIES;
	return strcasecmp(extension, ".xml") ? SET_BESIDE : SET_MANIFEST;
}

bool sets_listed(const char *name)
{
	enum set_rank rank = sets_rank(name);

	return rank == SET_IMAGE || rank == SET_PROPERTIES;
}

static void finder_begin(struct finder *f, struct set_item *items, size_t n)
{
	*f = (struct finder){.items = items, .n = n};
	f->folded = xcalloc(n + 1, sizeof(*f->folded));
	f->stems = xcalloc(n + 1, sizeof(*f->stems));
	f->paths.list = xcalloc(n + 1, sizeof(struct name));
	f->lasts.list = xcalloc(n + 1, sizeof(struct name));
	f->images.list = xcalloc(n + 1, sizeof(struct name));
	for (size_t i = 0; i < n; i++) {
		char *extension;

		f->folded[i] = fold(items[i].path);
		f->stems[i] = xstrdup(f->folded[i]);
		extension = extension_of(f->stems[i]);
		items[i].rank = sets_rank(items[i].path);
		if (extension)
			*extension = '\0';
		items[i].set = i;
		items[i].up = SET_NONE;
		items[i].depth = 0;
		items[i].orphan = false;
		items[i].missing = NULL;
		names_add(&f->paths, f->folded[i], i, items[i].gone);
		names_add(&f->lasts, path_last(f->folded[i]), i, items[i].gone);
		if (items[i].rank == SET_IMAGE)
			names_add(&f->images, f->stems[i], i, items[i].gone);
	}
	qsort(f->paths.list, f->paths.n, sizeof(struct name), by_text);
	qsort(f->lasts.list, f->lasts.n, sizeof(struct name), by_text);
	qsort(f->images.list, f->images.n, sizeof(struct name), by_text);
}

static void finder_end(struct finder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->folded[i]);
		free(f->stems[i]);
	}
	free(f->folded);
	free(f->stems);
	free(f->paths.list);
	free(f->lasts.list);
	free(f->images.list);
}

static size_t root_of(struct set_item *items, size_t i)
{
	while (items[i].set != i) {
		items[i].set = items[items[i].set].set; /* halves the way for the next one */
		i = items[i].set;
	}
	return i;
}

static void join(struct set_item *items, size_t a, size_t b)
{
	a = root_of(items, a);
	b = root_of(items, b);
	if (a != b)
		items[MAX(a, b)].set = MIN(a, b);
}

/* Of those of this very name: the one that is there sooner than one that is gone; else SET_NONE. Of
 * thousands of one name no more than two are looked at: a manifest asks a thousand times. */
static size_t pick(const struct names *s, const char *text, bool only_one)
{
	const struct name *x = s->list + names_from(s, text), *end = s->list + s->n;

	if (x == end || strcmp(x->text, text) != 0)
		return SET_NONE;
	if (only_one && x + 1 < end && !strcmp(x[1].text, text) && !x[1].gone)
		return SET_NONE;
	return x->item;
}

/* What item i calls by this file name, though it may be gone; else SET_NONE. */
static size_t find_named(const struct finder *f, size_t i, const char *name)
{
	char *folded = fold(name), *beside;
	size_t found;

	beside = path_beside(f->folded[i], folded);
	found = pick(&f->paths, beside, false);
	if (found == SET_NONE || f->items[found].gone) {
		size_t elsewhere = pick(&f->lasts, folded, true);

		if (elsewhere != SET_NONE && (found == SET_NONE || !f->items[elsewhere].gone))
			found = elsewhere;
	}
	free(folded);
	free(beside);
	return found == i ? SET_NONE : found;
}

/* Joins item i to what it needs. False: that is not there. */
static bool need(struct finder *f, size_t i, size_t needed)
{
	if (needed == SET_NONE)
		return false;
	join(f->items, i, needed);
	return !f->items[needed].gone;
}

static void find_parent(struct finder *f, size_t i)
{
	struct set_item *x = &f->items[i];

	if (x->rank != SET_IMAGE || !x->parent || !*x->parent)
		return;
	x->up = find_named(f, i, x->parent);
	if (x->up != SET_NONE && f->items[x->up].rank != SET_IMAGE)
		x->up = SET_NONE;
	x->orphan = !need(f, i, x->up) && !x->gone;
}

static void find_listed(struct finder *f, size_t i)
{
	struct set_item *x = &f->items[i];
	size_t len;

	for (const char *p = x->names; p && *p; p += len + (p[len] == '\n')) {
		char *name;

		len = strcspn(p, "\n");
		name = xasprintf("%.*s", (int)len, p);
		if (!need(f, i, find_named(f, i, name)) && !x->gone && !x->orphan) {
			x->orphan = true;
			x->missing = p;
		}
		free(name);
	}
}

/* Joins it to every image with this stem. True where one of them is there. */
static bool join_stem(struct finder *f, size_t i, const char *stem, bool *ret_any)
{
	const struct names *s = &f->images;
	bool there = false;

	for (size_t k = names_from(s, stem); k < s->n && !strcmp(s->list[k].text, stem); k++) {
		join(f->items, i, s->list[k].item);
		there |= !f->items[s->list[k].item].gone;
		*ret_any = true;
	}
	return there;
}

/* Images whose stem goes on from this one after a point. */
static void join_longer(struct finder *f, size_t i, bool *ret_any)
{
	const struct names *s = &f->images;
	char *begin = xasprintf("%s.", f->stems[i]);
	size_t len = strlen(begin);

	for (size_t k = names_from(s, begin); k < s->n && !strncmp(s->list[k].text, begin, len);
	     k++) {
		join(f->items, i, s->list[k].item);
		*ret_any = true;
	}
	free(begin);
}

/* What is left of the stem without its last number, or NULL. */
static char *shorter(char *stem)
{
	char *dot = extension_of(stem);

	if (!dot || !dot[1] || dot[1 + strspn(dot + 1, "0123456789")])
		return NULL;
	*dot = '\0';
	return stem;
}

static void find_image(struct finder *f, size_t i)
{
	struct set_item *x = &f->items[i];
	bool any = false, there;
	char *stem;

	if (x->rank == SET_IMAGE)
		return;
	there = join_stem(f, i, f->stems[i], &any);
	if (x->rank == SET_MANIFEST)
		join_longer(f, i, &any);
	if (x->rank == SET_PROPERTIES)
		x->orphan = !x->gone && !there;
	/* Of a version whose image is not there (yet, or any more). */
	stem = xstrdup(f->stems[i]);
	while (!any && shorter(stem))
		join_stem(f, i, stem, &any);
	free(stem);
}

static void join_keys(struct finder *f)
{
	struct names s = {xcalloc(f->n + 1, sizeof(struct name)), 0};

	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].key)
			names_add(&s, f->items[i].key, i, false);
	qsort(s.list, s.n, sizeof(struct name), by_text);
	for (size_t k = 1; k < s.n; k++)
		if (!strcmp(s.list[k - 1].text, s.list[k].text))
			join(f->items, s.list[k - 1].item, s.list[k].item);
	free(s.list);
}

static unsigned depth_of(const struct set_item *items, size_t i)
{
	unsigned depth = 0;

	while (items[i].up != SET_NONE && depth < DEPTH_MOST) {
		i = items[i].up;
		depth++;
	}
	return depth;
}

bool sets_before(const struct set_item *a, const struct set_item *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->depth != b->depth)
		return a->depth < b->depth;
	return strcmp(a->path, b->path) < 0;
}

/* The root of each set becomes its first in order. */
static void name_sets(struct set_item *items, size_t n)
{
	size_t *first = xcalloc(n + 1, sizeof(*first)), i, root;

	for (i = 0; i < n; i++)
		first[i] = i;
	for (i = 0; i < n; i++) {
		root = root_of(items, i);
		if (sets_before(&items[i], &items[first[root]]))
			first[root] = i;
	}
	for (i = 0; i < n; i++)
		items[i].set = root_of(items, i);
	for (i = 0; i < n; i++)
		items[i].set = first[items[i].set];
	free(first);
}

void sets_find(struct set_item *items, size_t n, bool stems)
{
	struct finder f;
	size_t i;

	finder_begin(&f, items, n);
	for (i = 0; i < n; i++) {
		find_parent(&f, i);
		find_listed(&f, i);
	}
	for (i = 0; stems && i < n; i++)
		find_image(&f, i);
	join_keys(&f);
	for (i = 0; i < n; i++)
		items[i].depth = depth_of(items, i);
	name_sets(items, n);
	finder_end(&f);
}
