/*
 * check.c: rules over the whole configuration, beyond what one value can be wrong in.
 */
#include "policy/build.h"

#include <string.h>

/* The line that gives a key, else the section's head. */
static struct origin line_of(const struct section *s, const char *key)
{
	const struct setting *set = section_given(s, keys_find(s->kind, key));

	return set ? set->at : s->at;
}

static bool was_given(const struct section *s, const char *key)
{
	return section_given(s, keys_find(s->kind, key));
}

static void check_daemon(struct build *b, const struct section *s)
{
	const struct config *c = &b->c;

	if (c->role == ROLE_HUB && c->retry_min_us > c->retry_max_us)
		build_problem(b, line_of(s, was_given(s, "retry_min") ? "retry_min" : "retry_max"),
			      "retry_min is longer than retry_max");
	if (c->policy && c->policy->zone_kind == ZONE_SPOKE)
		build_problem(b, line_of(s, "policy"),
			      "policy: the hub's own policy cannot have timezone = spoke");
	if (c->role && !c->n_groups)
		build_problem(b, (struct origin){c->file, 0},
			      "there is no [group NAME]: nothing would be replicated");
}

/* Is a the same as b or above it? */
static bool holds(const char *a, const char *b)
{
	size_t n = strlen(a);

	return !strncmp(a, b, n) && (!b[n] || b[n] == '/' || !strcmp(a, "/"));
}

static void check_group_path(struct build *b, const struct section *s, const struct group_cfg *g)
{
	const struct config *c = &b->c;
	struct origin at = line_of(s, "path");

	if (!g->path)
		return;
	if (strstr(g->path, "/.spokesync"))
		build_problem(b, at, "path: .spokesync is the name of a group's own store");
	if (holds(g->path, c->state_dir) || holds(c->state_dir, g->path))
		build_problem(b, at, "path: %s and state_dir %s lie one in the other", g->path,
			      c->state_dir);
	for (const struct group_cfg *o = c->groups; o < g; o++)
		if (o->path && (holds(o->path, g->path) || holds(g->path, o->path)))
			build_problem(b, at, "path: %s and that of [group %s] lie one in the other",
				      g->path, o->name);
}

/* Every pair of group and spoke must have a policy: one message names them all. */
static void check_group_policy(struct build *b, const struct section *s, const struct group_cfg *g)
{
	const char *first = NULL;
	size_t n = 0;

	if (g->policy || was_given(s, "policy"))
		return;
	for (size_t i = 0; i < g->n_spokes; i++) {
		const struct section *spoke = build_section(b, SECTION_SPOKE, g->spokes[i]);

		if (was_given(spoke, "policy"))
			continue;
		first = first ? first : spoke->name;
		n++;
	}
	if (n > 1)
		build_problem(b, s->at,
			      "[group %s] has no policy, nor have %s and %zu more of its spokes; "
			      "policy = always is open at any time",
			      g->name, first, n - 1);
	else if (n)
		build_problem(b, s->at,
			      "[group %s] has no policy, nor has its spoke %s; policy = always is "
			      "open at any time",
			      g->name, first);
}

static bool shares_key(const struct spoke_cfg *a, const struct spoke_cfg *b)
{
	for (size_t i = 0; i < a->n_pins; i++)
		for (size_t j = 0; j < b->n_pins; j++)
			if (!memcmp(&a->pins[i], &b->pins[j], sizeof(a->pins[i])))
				return true;
	return false;
}

/* Two names for one machine would let two transfers write one directory. */
static void check_spoke(struct build *b, const struct section *s, const struct spoke_cfg *spoke)
{
	for (const struct spoke_cfg *o = b->c.spokes; o < spoke; o++) {
		if (o->url && spoke->url && !strcmp(o->url, spoke->url))
			build_problem(b, line_of(s, "url"), "url: [spoke %s] has the same",
				      o->name);
		if (shares_key(o, spoke))
			build_problem(b, line_of(s, "key"), "key: [spoke %s] has the same",
				      o->name);
	}
}

static void check_policy(struct build *b, const struct section *s, const struct policy *p)
{
	if (!p->n_lines && !was_given(s, "window") && !was_given(s, "date") &&
	    !was_given(s, "dfsr"))
		build_problem(b, s->at,
			      "[policy %s] has no window and would never be open; the built-in "
			      "policy always is open at any time",
			      p->name);
}

static void check_marks(struct build *b, const struct section *s, const char *low_key, unsigned low,
			const char *high_key, unsigned high)
{
	if (low > high)
		build_problem(b, line_of(s, was_given(s, low_key) ? low_key : high_key),
			      "%s (%u) is above %s (%u)", low_key, low, high_key, high);
}

static void check_quotas(struct build *b, const struct section *s, const struct group_cfg *g)
{
	check_marks(b, s, "staging_low", g->staging_low, "staging_high", g->staging_high);
	check_marks(b, s, "preserve_low", g->preserve_low, "preserve_high", g->preserve_high);
}

void check_all(struct build *b)
{
	bool hub = b->c.role == ROLE_HUB;

	for (size_t i = 0; i < b->n_sections; i++) {
		const struct section *s = b->sections[i];

		if (s->kind == SECTION_DAEMON)
			check_daemon(b, s);
		else if (s->kind == SECTION_GROUP)
			check_group_path(b, s, s->base);
		if (s->kind == SECTION_GROUP && b->c.role == ROLE_SPOKE)
			check_quotas(b, s, s->base);
		if (s->kind == SECTION_GROUP && hub)
			check_group_policy(b, s, s->base);
		else if (s->kind == SECTION_SPOKE && hub)
			check_spoke(b, s, s->base);
		else if (s->kind == SECTION_POLICY && hub && !s->built_in && !s->misspelt)
			check_policy(b, s, s->base);
	}
}
