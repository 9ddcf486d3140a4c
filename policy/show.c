/*
 * show.c: the configuration in force, key by key, each with the line that set it or "default".
 */
#include "policy/build.h"

#include <stdio.h>
#include <stdlib.h>

struct show {
	const struct build *b;
	const struct section *s;
	config_value_fn *fn;
	void *arg;
};

static char *default_text(const struct show *w, const struct key *key)
{
	/* Of these the default depends on other values, so the field itself is asked. */
	if (key->type == KEY_PATH)
		return xstrdup(*(const char **)((const char *)w->s->base + key->offset));
	return xstrdup(key->def);
}

static void show_key(void *arg, const struct key *key)
{
	const struct show *w = arg;
	const char *section = keys_section_word(w->s->kind);
	bool given = false;
	char *text;

	if (key->section != w->s->kind || !(key->flags & role_flag(w->b->c.role)))
		return;
	for (size_t i = 0; i < w->s->n_settings; i++) {
		const struct setting *set = &w->s->settings[i];

		if (set->key != key || !set->value)
			continue;
		w->fn(w->arg, section, w->s->name, key->name, set->value, set->at);
		given = true;
	}
	if (given || !key->def)
		return;
	text = default_text(w, key);
	w->fn(w->arg, section, w->s->name, key->name, text, (struct origin){"default", 0});
	free(text);
}

void config_each_value(const struct config *c, config_value_fn *fn, void *arg)
{
	struct show w = {container_of(c, struct build, c), NULL, fn, arg};

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
