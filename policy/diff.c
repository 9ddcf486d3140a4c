/*
 * diff.c: old and new configuration -> what changed.
 *
 * Both are walked by section and by the key table; values are compared in their canonical form,
 * with defaults filled in.
 */
#include "policy/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/build.h"

struct walk {
	const struct build *before, *after;
	const struct section *old, *new;
	diff_fn *fn;
	void *arg;
};

static const struct build *build_of(const struct config *c)
{
	return container_of(c, const struct build, c);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void compare_key(void *arg, const struct key *key)
{
	const struct walk *w = arg;
	struct diff_change change = {
		.kind = DIFF_CHANGED,
		.section = keys_section_word(key->section),
		.name = w->old->name,
		.key = key->name,
		.restart = key->flags & KEY_RESTART,
	};
	char *before, *after;

	if (key->section != w->old->kind || key->type == KEY_FILES ||
	    !(key->flags & role_flag(w->before->c.role)))
		return;
	before = section_value(w->old, key);
	after = section_value(w->new, key);
	if (!same(before, after)) {
		change.before = before;
		change.after = after;
		w->fn(w->arg, &change);
	}
	free(before);
	free(after);
}

static void whole_section(const struct walk *w, const struct section *s, enum diff_kind kind)
{
	struct diff_change change = {
		.kind = kind,
		.section = keys_section_word(s->kind),
		.name = s->name,
	};

	w->fn(w->arg, &change);
}

void diff_config(const struct config *before, const struct config *after, diff_fn *fn, void *arg)
{
	struct walk w = {build_of(before), build_of(after), NULL, NULL, fn, arg};

	for (size_t i = 0; i < w.before->n_sections; i++) {
		w.old = w.before->sections[i];
		w.new = build_section(w.after, w.old->kind, w.old->name);
		if (!w.new)
			whole_section(&w, w.old, DIFF_REMOVED);
		else if (!w.old->built_in)
			keys_each(compare_key, &w);
	}
	for (size_t i = 0; i < w.after->n_sections; i++) {
		w.new = w.after->sections[i];
		if (!build_section(w.before, w.new->kind, w.new->name))
			whole_section(&w, w.new, DIFF_ADDED);
	}
}

struct restart {
	char *buf;
	size_t size, len, n;
};

static void add_restart(void *arg, const struct diff_change *change)
{
	struct restart *r = arg;
	int n;

	if (!change->restart)
		return;
	n = snprintf(r->buf + r->len, r->size - r->len, "%s[%s%s%s] %s", r->n ? ", " : "",
		     change->section, *change->name ? " " : "", change->name, change->key);
	r->n++;
	/* What does not fit is left out whole. */
	if (n < 0 || (size_t)n >= r->size - r->len)
		r->buf[r->len] = '\0';
	else
		r->len += (size_t)n;
}

size_t diff_restart(const struct config *before, const struct config *after, char *buf, size_t size)
{
	struct restart r = {.buf = buf, .size = size};

	buf[0] = '\0';
	diff_config(before, after, add_restart, &r);
	return r.n;
}
