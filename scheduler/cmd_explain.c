/*
 * cmd_explain.c: `explain`: the chain of limits for a spoke with the lines that set them, and which
 * include or exclude line decides about a path.
 */
#include "scheduler/handler.h"

#include <string.h>

#include "policy/explain.h"
#include "scheduler/facts.h"
#include "scheduler/why.h"

static json_t *filter_json(const struct group_cfg *g, const char *path)
{
	struct filter_verdict v;

	filter_path(g->filter, path, &v);
	return json_pack("{s:b, s:o, s:o, s:b}", "taken", v.in, "pattern", facts_text(v.pattern),
			 "line", v.pattern ? facts_line(&v.origin) : json_null(), "limit_hit",
			 v.limit_hit);
}

static void add_line(void *arg, const char *line)
{
	json_array_append_new(arg, facts_text(line));
}

/* The same in words, each line with the place in the files that decided. */
static void add_words(json_t *o, struct call *c, const struct group_cfg *g,
		      const struct spoke_state *s, const char *path)
{
	struct core *core = hub_core(c->daemon->hub);
	struct rate_facts facts = {.spoke_zone = s->zone};
	struct explain_rate x = {
		.config = core_config(core),
		.facts = &facts,
		.spoke = s->cfg,
		.group = g,
		.now = c->now,
	};
	json_t *lines = json_array();

	facts.overrides = core_overrides(core, &facts.n_overrides);
	if (s->cfg)
		explain_rate(&x, add_line, lines);
	json_object_set_new(o, "words", lines);
	if (!path)
		return;
	lines = json_array();
	explain_path(g, path, add_line, lines);
	json_object_set_new(o, "path_words", lines);
}

struct looking {
	const char *path;
	const struct version *found;
};

static void look_at(void *arg, const struct version *v)
{
	struct looking *l = arg;

	if (!strcmp(v->path, l->path))
		l->found = v;
}

/* What lies at the path on the spoke, where it is not what should. */
static void add_copy(json_t *o, struct call *c, const struct group_cfg *g,
		     const struct spoke_state *s, const char *path)
{
	struct looking l = {.path = path};
	char text[300];

	hub_versions(c->daemon->hub, g->name, look_at, &l);
	if (l.found && hub_spoke_copy(c->daemon->hub, s->name, l.found, text, sizeof(text)))
		json_array_append_new(json_object_get(o, "path_words"), facts_text(text));
}

static json_t *group_json(struct call *c, const struct group_cfg *g, const struct spoke_state *s,
			  const char *path)
{
	struct core *core = hub_core(c->daemon->hub);
	json_t *sentences = json_array(), *o;
	struct rate_chain chain;

	core_rates(core, s, g, c->now, &chain);
	if (!chain.open)
		why_closed(c->daemon, s, g, c->now, sentences);
	o = json_pack("{s:s, s:o, s:o, s:o}", "group", g->name, "chain",
		      facts_chain(&chain, core_config(core), s), "override",
		      chain.override ? facts_override(chain.override, c->now) : json_null(), "why",
		      sentences);
	if (path)
		json_object_set_new(o, "filter", filter_json(g, path));
	add_words(o, c, g, s, path);
	if (path)
		add_copy(o, c, g, s, path);
	return o;
}

enum handled cmd_explain(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke"), *path = args_text(c->args, "path");
	const char *group = args_text(c->args, "group");
	struct core *core = hub_core(c->daemon->hub);
	const struct config *cfg = core_config(core);
	struct spoke_state *s;
	json_t *groups;

	if (!call_scope_known(c, spoke, group))
		return HANDLED;
	s = core_spoke(core, spoke);
	if (!s)
		return call_fail(c, 404, "spoke %s is not known yet", spoke);
	groups = json_array();
	for (size_t i = 0; i < cfg->n_groups; i++) {
		const struct group_cfg *g = &cfg->groups[i];

		if (group_has_spoke(g, spoke) && (!group || !strcmp(group, g->name)))
			json_array_append_new(groups, group_json(c, g, s, path));
	}
	return call_answer(c, json_pack("{s:s, s:o, s:o}", "spoke", spoke, "path", facts_text(path),
					"groups", groups));
}
