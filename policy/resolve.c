/*
 * resolve.c: names of policies and spokes -> pointers and lists.
 *
 * A name that is not known stands for something harmless, so that it is reported once and nothing
 * that would follow from it.
 */
#include "policy/build.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match.h"
#include "policy/nearest.h"

static const struct policy *find_policy(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_policies; i++)
		if (!strcmp(c->policies[i].name, name))
			return &c->policies[i];
	return NULL;
}

static void resolve_policy(struct build *b, struct section *s, const struct setting *set)
{
	const struct policy *p = find_policy(&b->c, set->value);
	struct nearest near = nearest_to(set->value);
	char hint[CONFIG_NAME_MAX + 32];

	if (!p) {
		for (size_t i = 0; i < b->c.n_policies; i++)
			nearest_try(&near, b->c.policies[i].name);
		build_problem(b, set->at, "policy: there is no [policy %.64s]%s", set->value,
			      nearest_hint(&near, hint, sizeof(hint)));
		p = find_policy(&b->c, "always");
	}
	*(const struct policy **)((char *)s->base + set->key->offset) = p;
}

static void add_spoke(struct group_cfg *g, const struct spoke_cfg *s)
{
	g->spokes = xrealloc(g->spokes, (g->n_spokes + 1) * sizeof(*g->spokes));
	g->spokes[g->n_spokes++] = s->name;
}

static void one_name(struct build *b, struct group_cfg *g, const char *name, struct origin at)
{
	struct nearest near = nearest_to(name);
	const struct spoke_cfg *s = config_spoke(&b->c, name);
	char hint[CONFIG_NAME_MAX + 32];

	if (s && group_has_spoke(g, name)) {
		build_problem(b, at, "spokes: %s is named twice", name);
	} else if (s) {
		add_spoke(g, s);
		/* kept sorted, which group_has_spoke() relies on */
		for (size_t i = g->n_spokes - 1; i && strcmp(g->spokes[i - 1], name) > 0; i--) {
			g->spokes[i] = g->spokes[i - 1];
			g->spokes[i - 1] = s->name;
		}
	} else {
		for (size_t i = 0; i < b->c.n_spokes; i++)
			nearest_try(&near, b->c.spokes[i].name);
		build_problem(b, at, "spokes: there is no [spoke %.64s]%s", name,
			      nearest_hint(&near, hint, sizeof(hint)));
	}
}

static void names(struct build *b, struct group_cfg *g, const char *text, struct origin at)
{
	char *copy = xstrdup(text), *save = NULL;

	for (char *name = strtok_r(copy, ", \t", &save); name; name = strtok_r(NULL, ", \t", &save))
		one_name(b, g, name, at);
	if (copy[0] == '\0' || strspn(text, ", \t") == strlen(text))
		build_problem(b, at, "spokes: no name in the list");
	free(copy);
}

/* Text between slashes, or with a character that no list of names has. */
static bool is_pattern(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("._-, \t", *text))
			return true;
	return false;
}

/* The pattern covers whole names, so that "berlin" in one never means "berlin-test". */
static void pattern(struct build *b, struct group_cfg *g, const char *text, struct origin at)
{
	size_t len = strlen(text);
	bool slashes = len >= 2 && *text == '/' && text[len - 1] == '/';
	char *bare = slashes ? strndup(text + 1, len - 2) : xstrdup(text);
	struct match *m;
	struct err e;

	if (!bare || match_new(bare, MATCH_WHOLE, &m, &e)) {
		build_problem(b, at, "spokes: %s", bare ? e.text : "out of memory");
		goto cleanup;
	}
	for (size_t i = 0; i < b->c.n_spokes; i++)
		if (match_test(m, b->c.spokes[i].name) > 0)
			add_spoke(g, &b->c.spokes[i]);
	match_free(m);
	/* A hub without any spoke waits for its first one to be paired. */
	if (!g->n_spokes && b->c.n_spokes)
		build_problem(b, at,
			      "spokes: the pattern %.100s covers the name of no [spoke NAME]",
			      text);
cleanup:
	free(bare);
}

static void resolve_section(struct build *b, struct section *s)
{
	for (size_t i = 0; i < s->n_settings; i++) {
		const struct setting *set = &s->settings[i];

		if (!set->value)
			continue;
		if (set->key->type == KEY_POLICY)
			resolve_policy(b, s, set);
		else if (set->key->type == KEY_SPOKES)
			(is_pattern(set->value) ? pattern : names)(b, s->base, set->value, set->at);
	}
}

void resolve_all(struct build *b)
{
	for (size_t i = 0; i < b->n_sections; i++)
		resolve_section(b, b->sections[i]);
}
