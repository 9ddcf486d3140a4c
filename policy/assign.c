/*
 * assign.c: sections and settings -> the structs of config.h, with defaults and what must be given.
 *
 * The role is taken first, because it says which sections and keys have a meaning at all. While it
 * is not known, nothing is held against them.
 */
#include "policy/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/zone.h"

static int by_kind_and_name(const void *a, const void *b)
{
	const struct section *x = *(struct section *const *)a, *y = *(struct section *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* A rate of 24 hours a day, for those who want no windows. */
static void fill_always(struct policy *p)
{
	p->zone_kind = ZONE_UTC;
	p->zone = zone_new("UTC");
	p->lines = xcalloc(1, sizeof(*p->lines));
	p->lines[p->n_lines++] = (struct window_line){
		.kind = WINDOW_WEEKLY,
		.days = 0x7f,
		.to = 24 * 60,
		.rate = RATE_UNLIMITED,
		.origin = {"built-in", 0},
	};
}

static void place_section(struct build *b, struct section *s)
{
	struct config *c = &b->c;

	switch (s->kind) {
	case SECTION_DAEMON:
		s->base = c;
		break;
	case SECTION_POLICY:
		s->base = &c->policies[c->n_policies++];
		*(struct policy *)s->base = (struct policy){.name = s->name, .origin = s->at};
		break;
	case SECTION_GROUP:
		s->base = &c->groups[c->n_groups++];
		*(struct group_cfg *)s->base = (struct group_cfg){
			.name = s->name,
			.origin = s->at,
			.mode = -1,
		};
		break;
	default:
		s->base = &c->spokes[c->n_spokes++];
		*(struct spoke_cfg *)s->base = (struct spoke_cfg){.name = s->name, .origin = s->at};
	}
}

/* The arrays of the configuration, sorted by name, and each section's place in them. */
static void place_sections(struct build *b)
{
	struct config *c = &b->c;
	size_t count[SECTION_KINDS] = {0};
	struct section *always;

	if (!build_section(b, SECTION_DAEMON, ""))
		build_add_section(b, SECTION_DAEMON, "", (struct origin){c->file, 0});
	always = build_add_section(b, SECTION_POLICY, "always", (struct origin){"built-in", 0});
	always->built_in = true;
	qsort(b->sections, b->n_sections, sizeof(*b->sections), by_kind_and_name);
	for (size_t i = 0; i < b->n_sections; i++)
		count[b->sections[i]->kind]++;
	c->policies = xcalloc(count[SECTION_POLICY], sizeof(*c->policies));
	c->groups = xcalloc(count[SECTION_GROUP], sizeof(*c->groups));
	c->spokes = xcalloc(count[SECTION_SPOKE], sizeof(*c->spokes));
	for (size_t i = 0; i < b->n_sections; i++)
		place_section(b, b->sections[i]);
	fill_always(always->base);
}

static void assign_setting(struct build *b, const struct section *s, struct setting *set)
{
	struct err e;

	if (!set->text || set->value || !value_set(b, s, set, &e))
		return;
	build_problem(b, set->at, "%s: %s", set->key->name, e.text);
	/* From here on it only counts as given. */
	free(set->text);
	set->text = NULL;
}

static void assign_role(struct build *b)
{
	struct section *daemon = build_section(b, SECTION_DAEMON, "");

	for (size_t i = 0; i < daemon->n_settings; i++)
		if (!strcmp(daemon->settings[i].key->name, "role"))
			assign_setting(b, daemon, &daemon->settings[i]);
}

/* With {state_dir} and {role} filled in; to be freed. */
static char *expand_default(const struct config *c, const char *def)
{
	if (!strncmp(def, "{state_dir}/{role}", 18))
		return xasprintf("%s/%s%s", c->state_dir, role_word(c->role), def + 18);
	if (!strncmp(def, "{state_dir}", 11))
		return xasprintf("%s%s", c->state_dir, def + 11);
	return xstrdup(def);
}

struct assign {
	struct build *b;
	struct section *s;
	bool identity;
};

static void missing(struct assign *a, const struct key *key)
{
	char title[SECTION_TITLE];

	if (a->s->misspelt)
		return;
	section_title(a->s, title, sizeof(title));
	if (key->type == KEY_PINS)
		build_problem(a->b, a->s->at,
			      "%s has no %s = sha256:... line; spokesyncd -c FILE --print-key on "
			      "the spoke prints it",
			      title, key->name);
	else
		build_problem(a->b, a->s->at, "%s needs %s = %s", title, key->name, key->values);
}

/* Gives a key that has no value its default, or says that it is missing. */
static void assign_default(void *arg, const struct key *key)
{
	struct assign *a = arg;
	const struct config *c = &a->b->c;
	unsigned role = role_flag(c->role);
	const struct setting *given;
	struct setting set = {.key = key, .at = {"default", 0}};
	struct err e;

	if (key->section != a->s->kind || (a->identity && !(key->flags & KEY_IDENTITY)))
		return;
	given = section_given(a->s, key);
	if (!given && key->flags & (role == KEY_HUB ? KEY_HUB_MUST : KEY_SPOKE_MUST) &&
	    (role || !strcmp(key->name, "role")))
		missing(a, key);
	if ((given && given->value) || !key->def)
		return;
	set.text = expand_default(c, key->def);
	if (value_set(a->b, a->s, &set, &e))
		build_problem(a->b, a->s->at, "the default of %s: %s", key->name, e.text);
	free(set.text);
	free(set.value);
}

static bool wrong_role(struct build *b, const struct section *s, const struct setting *set)
{
	char title[SECTION_TITLE];

	if (!b->c.role || set->key->flags & role_flag(b->c.role))
		return false;
	build_problem(b, set->at, "the key %s in %s is for role = %s, and this is a %s",
		      set->key->name, section_title(s, title, sizeof(title)),
		      role_word(b->c.role == ROLE_HUB ? ROLE_SPOKE : ROLE_HUB),
		      role_word(b->c.role));
	return true;
}

static void assign_section(struct build *b, struct section *s, bool identity)
{
	struct assign a = {b, s, identity};
	char title[SECTION_TITLE];

	if (b->c.role == ROLE_SPOKE && (s->kind == SECTION_POLICY || s->kind == SECTION_SPOKE)) {
		if (!identity && !s->misspelt)
			build_problem(b, s->at, "%s is for role = hub, and this is a spoke",
				      section_title(s, title, sizeof(title)));
		return;
	}
	for (size_t i = 0; i < s->n_settings; i++) {
		struct setting *set = &s->settings[i];

		if (identity && !(set->key->flags & KEY_IDENTITY))
			continue;
		if (!wrong_role(b, s, set))
			assign_setting(b, s, set);
	}
	keys_each(assign_default, &a);
}

void assign_all(struct build *b, bool identity)
{
	place_sections(b);
	assign_role(b);
	for (size_t i = 0; i < b->n_sections; i++)
		if (!b->sections[i]->built_in && (!identity || !i))
			assign_section(b, b->sections[i], identity);
}
