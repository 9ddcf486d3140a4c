/*
 * build.c: the parts of a configuration that is being made: strings, sections, problems.
 */
#include "policy/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/filter.h"
#include "policy/match.h"
#include "policy/zone.h"

#define PROBLEMS_MOST 1000 /* reported; who has more begins with these */

struct build *build_new(void)
{
	struct build *b = xcalloc(1, sizeof(*b));

	b->refs = 1;
	return b;
}

static void free_section(struct section *s)
{
	for (size_t i = 0; i < s->n_settings; i++) {
		free(s->settings[i].text);
		free(s->settings[i].value);
	}
	free(s->settings);
	free(s->name);
	free(s);
}

static void free_values(struct config *c)
{
	for (size_t i = 0; i < c->n_policies; i++) {
		free(c->policies[i].lines);
		zone_free(c->policies[i].zone);
	}
	for (size_t i = 0; i < c->n_groups; i++) {
		free(c->groups[i].spokes);
		filter_free(c->groups[i].filter);
		filter_free(c->groups[i].protect_local);
		match_free(c->groups[i].set);
		free(c->groups[i].scrub.lines);
	}
	free(c->policies);
	free(c->groups);
	free(c->spokes);
}

struct build *build_free(struct build *b)
{
	if (!b)
		return NULL;
	free_values(&b->c);
	for (size_t i = 0; i < b->n_sections; i++)
		free_section(b->sections[i]);
	for (size_t i = 0; i < b->n_strings; i++)
		free(b->strings[i]);
	for (size_t i = 0; i < b->n_problems; i++)
		free(b->problems[i].text);
	free(b->sections);
	free(b->strings);
	free(b->files);
	free(b->problems);
	free(b);
	return NULL;
}

/* Room for one more, doubling at powers of two. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return xrealloc(array, (n ? n * 2 : 1) * size);
}

const char *build_string(struct build *b, const char *s)
{
	b->strings = grow(b->strings, b->n_strings, sizeof(*b->strings));
	return b->strings[b->n_strings++] = xstrdup(s);
}

static unsigned file_index(const struct build *b, const char *file)
{
	unsigned i = 0;

	while (i < b->n_files && b->files[i] != file)
		i++;
	return i;
}

void build_problem(struct build *b, struct origin at, const char *fmt, ...)
{
	char text[1024];
	struct problem *p;
	va_list ap;

	if (b->n_problems >= PROBLEMS_MOST)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	b->problems = grow(b->problems, b->n_problems, sizeof(*b->problems));
	p = &b->problems[b->n_problems];
	*p = (struct problem){file_index(b, at.file), at.line, (unsigned)b->n_problems, NULL};
	b->n_problems++;
	if (at.line)
		p->text = xasprintf("%s:%u: %s", at.file, at.line, text);
	else
		p->text = xasprintf("%s: %s", at.file ? at.file : "built-in", text);
}

static int by_place(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

void build_take_problems(struct build *b, struct config_errors *ret)
{
	if (b->n_problems)
		qsort(b->problems, b->n_problems, sizeof(*b->problems), by_place);
	*ret = (struct config_errors){xcalloc(b->n_problems, sizeof(char *)), b->n_problems};
	for (size_t i = 0; i < b->n_problems; i++) {
		ret->text[i] = b->problems[i].text;
		b->problems[i].text = NULL;
	}
	b->n_problems = 0;
}

struct section *build_section(const struct build *b, enum section_kind kind, const char *name)
{
	for (size_t i = 0; i < b->n_sections; i++)
		if (b->sections[i]->kind == kind && !strcmp(b->sections[i]->name, name))
			return b->sections[i];
	return NULL;
}

struct section *build_add_section(struct build *b, enum section_kind kind, const char *name,
				  struct origin at)
{
	struct section *s = xcalloc(1, sizeof(*s));

	s->kind = kind;
	s->name = xstrdup(name);
	s->at = at;
	b->sections = grow(b->sections, b->n_sections, sizeof(*b->sections));
	b->sections[b->n_sections++] = s;
	return s;
}

const char *section_title(const struct section *s, char *buf, size_t size)
{
	snprintf(buf, size, "[%s%s%s]", keys_section_word(s->kind), *s->name ? " " : "", s->name);
	return buf;
}

const struct setting *section_given(const struct section *s, const struct key *key)
{
	const struct setting *misspelt = NULL;

	for (size_t i = 0; i < s->n_settings; i++) {
		if (s->settings[i].key != key)
			continue;
		if (s->settings[i].text)
			return &s->settings[i];
		misspelt = &s->settings[i];
	}
	return misspelt;
}

unsigned role_flag(enum role role)
{
	return role == ROLE_HUB ? KEY_HUB : role == ROLE_SPOKE ? KEY_SPOKE : 0;
}
