/*
 * show.c: the values of a configuration as text, key by key, each with the line that set it or
 * "default".
 */
#include "policy/build.h"

#include <stdio.h>
#include <stdlib.h>

typedef void value_fn(void *arg, const struct key *key, const char *value, struct origin at);

/* Every value of one key in one section, in order; the default where none is given. */
static void each_value(const struct section *s, const struct key *key, value_fn *fn, void *arg)
{
	const char *text = key->def;
	bool given = false;

	for (size_t i = 0; i < s->n_settings; i++) {
		const struct setting *set = &s->settings[i];

		if (set->key != key || !set->value)
			continue;
		fn(arg, key, set->value, set->at);
		given = true;
	}
	if (given || !text)
		return;
	/* A path's default depends on other values, so the field itself is asked. */
	if (key->type == KEY_PATH)
		text = *(const char *const *)((const char *)s->base + key->offset);
	fn(arg, key, text, (struct origin){"default", 0});
}

static void join(void *arg, const struct key *key, const char *value, struct origin at)
{
	char **joined = arg, *old = *joined;

	(void)key;
	(void)at;
	*joined = old ? xasprintf("%s\n%s", old, value) : xstrdup(value);
	free(old);
}

char *section_value(const struct section *s, const struct key *key)
{
	char *joined = NULL;

	each_value(s, key, join, &joined);
	return joined;
}

struct show {
	const struct build *b;
	const struct section *s;
	config_value_fn *fn;
	void *arg;
};

static void show_value(void *arg, const struct key *key, const char *value, struct origin at)
{
	const struct show *w = arg;

	w->fn(w->arg, keys_section_word(w->s->kind), w->s->name, key->name, value, at);
}

static void show_key(void *arg, const struct key *key)
{
	struct show *w = arg;

	if (key->section == w->s->kind && key->flags & role_flag(w->b->c.role))
		each_value(w->s, key, show_value, w);
}

void config_each_value(const struct config *c, config_value_fn *fn, void *arg)
{
	struct show w = {container_of(c, const struct build, c), NULL, fn, arg};

	for (size_t i = 0; i < w.b->n_sections; i++) {
		w.s = w.b->sections[i];
		if (!w.s->built_in)
			keys_each(show_key, &w);
	}
}

const char *origin_print(struct origin at, char *buf, size_t size)
{
	if (at.line)
		snprintf(buf, size, "%s:%u", at.file, at.line);
	else
		snprintf(buf, size, "%s", at.file ? at.file : "default");
	return buf;
}
