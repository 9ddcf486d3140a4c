/*
 * lockfile.c: see lockfile.h. A template has its placeholder once, so that a name fits it by what
 * stands before and behind.
 */
#include "policy/lockfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/sets.h"

#define HOLE	  6u /* of {name} and of {stem} */
#define NAME_MOST 255u

static const char *hole(const char *template)
{
	const char *name = strstr(template, "{name}"), *stem = strstr(template, "{stem}");

	return name && (!stem || name < stem) ? name : stem;
}

static int add(struct lockfiles *l, const char *text, size_t len, struct err *e)
{
	const char *at;
	char *to;

	if (l->n == LOCKFILES_MAX)
		return err_set(e, -EINVAL, "more than %d names of lock files", LOCKFILES_MAX);
	if (len >= LOCKFILE_TEXT)
		return err_set(e, -EINVAL, "a lock file's name of more than %d bytes",
			       LOCKFILE_TEXT - 1);
	to = l->text[l->n];
	memcpy(to, text, len);
	to[len] = '\0';
	at = hole(to);
	if (!at || strpbrk(at + HOLE, "{}") || memchr(to, '{', (size_t)(at - to)) ||
	    memchr(to, '}', (size_t)(at - to)))
		return err_set(e, -EINVAL,
			       "\"%s\" is not the name of a lock file: it needs {name} or {stem}, "
			       "once",
			       to);
	if (strchr(to, '/'))
		return err_set(e, -EINVAL, "\"%s\": a lock file lies beside the image, without /",
			       to);
	if (strlen(to) == HOLE)
		return err_set(e, -EINVAL, "\"%s\" would be the image itself", to);
	l->n++;
	return 0;
}

int lockfile_parse(const char *text, struct lockfiles *ret, struct err *e)
{
	struct lockfiles l = {.n = 0};
	int r;

	if (!strcmp(text, "none")) {
		*ret = l;
		return 0;
	}
	for (;;) {
		size_t len, end;

		text += strspn(text, " \t");
		len = end = strcspn(text, ",");
		while (len && strchr(" \t", text[len - 1]))
			len--;
		r = add(&l, text, len, e);
		if (r < 0)
			return r;
		if (!text[end])
			break;
		text += end + 1;
	}
	*ret = l;
	return 0;
}

const char *lockfile_print(const struct lockfiles *l, char *buf, size_t size)
{
	size_t n = 0;

	snprintf(buf, size, "none");
	for (unsigned i = 0; i < l->n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", l->text[i]);
	return buf;
}

bool lockfile_name(const struct lockfiles *l, unsigned i, const char *name, char *ret, size_t size)
{
	const char *t = l->text[i], *at = hole(t), *dot = strrchr(name, '.');
	size_t len = strlen(name), max = MIN(size, NAME_MOST + 1);

	/* The stem's is the image's: what is said of it beside it may change while it is in use. */
	if (at[1] == 's' && sets_rank(name) >= SET_PROPERTIES)
		return false;
	if (at[1] == 's' && dot && dot != name)
		len = (size_t)(dot - name);
	if (strlen(t) - HOLE + len >= max)
		return false;
	snprintf(ret, size, "%.*s%.*s%s", (int)(at - t), t, (int)len, name, at + HOLE);
	return strcasecmp(ret, name) != 0;
}

bool lockfile_is(const struct lockfiles *l, const char *path)
{
	const char *name = path_last(path);
	size_t len = strlen(name);

	for (unsigned i = 0; i < l->n; i++) {
		const char *t = l->text[i], *at = hole(t);
		size_t before = (size_t)(at - t), behind = strlen(at + HOLE);

		if (len > before + behind && !strncasecmp(name, t, before) &&
		    !strcasecmp(name + len - behind, at + HOLE))
			return true;
	}
	return false;
}
