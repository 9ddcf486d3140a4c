/*
 * cmd_windows.c: `windows`: each policy on each spoke, by the chain hub -> spoke -> policy: open or
 * closed, by which line, and the coming edges; or what holds at another time, a week, or the week
 * of a policy as DFS Replication writes it. Exceptions that people made are told beside it; only
 * --at reckons with them.
 */
#include "scheduler/handler.h"

#include <string.h>

#include "policy/explain.h"
#include "scheduler/facts.h"
#include "scheduler/timetext.h"
#include "scheduler/windows_json.h"

#define EDGES_DEFAULT 4
#define EDGES_MAX     100

/* What was asked. */
struct asked {
	struct core *core;
	const struct config *cfg;
	const struct policy *policy; /* --policy: this one by itself */
	struct now now, at;
	uint64_t edges;
	bool week, other_time;
};

static json_t *zone_json(const struct timetable *tt)
{
	return tt->zone ? json_string(zone_name(tt->zone)) : json_null();
}

static const char *no_zone(const struct spoke_state *s)
{
	if (!s)
		return "it is read in the zone of each spoke: name one";
	if (s->ever_up)
		return "the time zone that the spoke tells is not known here";
	return "the spoke's time zone is not known: it was never reached";
}

/* s: the spoke of tt, or NULL. */
static json_t *timetable_json(const struct asked *q, const struct timetable *tt,
			      const struct spoke_state *s)
{
	json_t *o = json_pack("{s:s, s:o}", "policy", tt->policy->name, "zone", zone_json(tt));
	char local[TIMETEXT_MAX];

	if (!tt->zone) {
		json_object_set_new(o, "open", json_false());
		json_object_set_new(o, "rate", json_integer(0));
		json_object_set_new(o, "line", json_null());
		json_object_set_new(o, "edges", json_array());
		json_object_set_new(o, "problem", json_string(no_zone(s)));
		return o;
	}
	windows_json_state(o, tt, q->at.wall);
	json_object_set_new(o, "local", json_string(timetext_in_zone(tt->zone, q->at.wall, local)));
	json_object_set_new(o, "edges", windows_json_edges(tt, q->at.wall, q->edges));
	if (q->week)
		json_object_set_new(o, "days", windows_json_week(tt, q->at.wall));
	return o;
}

static void add_line(void *arg, const char *line)
{
	json_array_append_new(arg, facts_text(line));
}

/* What holds for a group at another time, exceptions included as far as they are known. */
static json_t *chain_json(const struct asked *q, const struct spoke_state *s,
			  const struct group_cfg *g)
{
	struct rate_facts facts = {.spoke_zone = s->zone};
	struct explain_rate x = {
		.config = q->cfg,
		.facts = &facts,
		.spoke = s->cfg,
		.group = g,
		.now = q->at,
	};
	json_t *words = json_array();
	struct rate_chain chain;

	/* Those that are over are forgotten, so of the past nothing is said about them. */
	if (q->at.wall.s >= q->now.wall.s)
		facts.overrides = core_overrides(q->core, &facts.n_overrides);
	rate_in_force(q->cfg, &facts, s->cfg, g, q->at, &chain);
	explain_rate(&x, add_line, words);
	return json_pack("{s:s, s:o, s:o}", "group", g->name, "chain",
			 facts_chain(&chain, q->cfg, s), "words", words);
}

/* The entry of a (spoke, policy), made where there is none yet. */
static json_t *entry_of(const struct asked *q, json_t *list, const struct policy *p,
			const struct spoke_state *s)
{
	struct timetable tt = {q->cfg, s->cfg, p, facts_zone(p, s)};
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		if (!strcmp(json_string_value(json_object_get(o, "spoke")), s->name) &&
		    !strcmp(json_string_value(json_object_get(o, "policy")), p->name))
			return o;
	}
	o = timetable_json(q, &tt, s);
	json_object_set_new(o, "spoke", json_string(s->name));
	json_object_set_new(o, "groups", json_array());
	if (q->other_time)
		json_object_set_new(o, "chains", json_array());
	json_array_append_new(list, o);
	return o;
}

static json_t *spokes_json(const struct asked *q, const char *only)
{
	json_t *list = json_array(), *o;
	struct spoke_state *s;

	TAILQ_FOREACH (s, core_spokes(q->core), entry) {
		if ((only && strcmp(only, s->name) != 0) || !s->cfg)
			continue;
		for (size_t i = 0; i < q->cfg->n_groups; i++) {
			const struct group_cfg *g = &q->cfg->groups[i];
			const struct policy *p = config_policy_of(g, s->cfg);

			if (!p || !group_has_spoke(g, s->name))
				continue;
			o = entry_of(q, list, p, s);
			json_array_append_new(json_object_get(o, "groups"), json_string(g->name));
			if (q->other_time)
				json_array_append_new(json_object_get(o, "chains"),
						      chain_json(q, s, g));
		}
	}
	return list;
}

/* The hub's own, with its rate. */
static json_t *hub_json(const struct asked *q)
{
	const struct policy *p = q->cfg->policy;
	struct timetable tt = {q->cfg, NULL, p, p ? p->zone : NULL};

	return p ? timetable_json(q, &tt, NULL) : json_null();
}

/* A policy by itself; a spoke says only in which zone to read it. */
static json_t *policy_json(const struct asked *q, const struct spoke_state *s)
{
	struct timetable tt = {NULL, NULL, q->policy, facts_zone(q->policy, s)};

	return timetable_json(q, &tt, s);
}

static bool governs(const struct config *cfg, const struct policy *p, const char *spoke)
{
	const struct spoke_cfg *s = spoke ? config_spoke(cfg, spoke) : NULL;

	for (size_t i = 0; s && i < cfg->n_groups; i++)
		if (group_has_spoke(&cfg->groups[i], spoke) &&
		    config_policy_of(&cfg->groups[i], s) == p)
			return true;
	return false;
}

/* Policies of their own accord; those of one spoke, or one by its name. The built-in one has no
 * place in a file and is told only where it is meant. */
static json_t *dfsr_json(const struct asked *q, const char *spoke)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < q->cfg->n_policies; i++) {
		const struct policy *p = &q->cfg->policies[i];
		bool meant = q->policy ? p == q->policy
			     : spoke   ? governs(q->cfg, p, spoke)
				       : p->origin.line != 0;

		if (!meant)
			continue;
		o = windows_json_dfsr(p);
		json_object_set_new(o, "policy", json_string(p->name));
		json_object_set_new(o, "zone", json_string(p->zone ? zone_name(p->zone) : "spoke"));
		json_array_append_new(list, o);
	}
	return json_pack("{s:o}", "dfsr", list);
}

static const struct policy *policy_by_name(const struct config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_policies; i++)
		if (!strcmp(cfg->policies[i].name, name))
			return &cfg->policies[i];
	return NULL;
}

/* The calendar's time asked for, and the monotonic one that belongs to it. */
static struct now time_asked(const struct call *c)
{
	struct wall at = args_time(c->args, "at", c->now.wall);

	if (at.s == c->now.wall.s)
		return c->now;
	return (struct now){
		.wall = at,
		.mono = {c->now.mono.us + (at.s - c->now.wall.s) * SECOND_US},
	};
}

enum handled cmd_windows(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke"), *policy = args_text(c->args, "policy");
	struct core *core = hub_core(c->daemon->hub);
	struct asked q = {
		.core = core,
		.cfg = core_config(core),
		.now = c->now,
		.at = time_asked(c),
		.week = args_flag(c->args, "week"),
		/* Of a week --at only says which. */
		.other_time = args_text(c->args, "at") && !args_flag(c->args, "week"),
	};
	json_t *list;

	q.edges = args_number(c->args, "next", q.week || q.other_time ? 0 : EDGES_DEFAULT);
	if (q.edges > EDGES_MAX || (!q.edges && args_text(c->args, "next")))
		return call_fail(c, 400, "next: 1 to %d edges", EDGES_MAX);
	if (!call_scope_known(c, spoke, NULL))
		return HANDLED;
	q.policy = policy ? policy_by_name(q.cfg, policy) : NULL;
	if (policy && !q.policy)
		return call_fail(c, 404, "there is no policy '%s'", policy);
	if (args_flag(c->args, "dfsr"))
		return call_answer(c, dfsr_json(&q, spoke));
	list = q.policy ? json_pack("[o]", policy_json(&q, spoke ? core_spoke(core, spoke) : NULL))
			: spokes_json(&q, spoke);
	return call_answer(
		c, json_pack("{s:o, s:o, s:o, s:o}", "windows", list, "hub",
			     q.policy ? json_null() : hub_json(&q), "overrides",
			     q.policy ? json_array() : facts_overrides(c->daemon->hub, c->now),
			     "at", facts_time(q.at.wall)));
}
