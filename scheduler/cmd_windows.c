/*
 * cmd_windows.c: `windows`: each policy on each spoke: open or closed now, by which line, and the
 * coming edges in local time and UTC.
 */
#include "scheduler/handler.h"

#include <string.h>

#include "policy/zone.h"
#include "scheduler/facts.h"
#include "scheduler/timetext.h"

#define EDGES_DEFAULT 4
#define EDGES_MAX     100
#define DAY_S	      86400

/* Do the clocks change within a day of t? Then a window there is longer or shorter than written. */
static bool near_clock_change(const struct zone *z, struct wall t)
{
	struct wall change = zone_next_change(z, (struct wall){t.s - DAY_S});

	return change.s != WALL_NEVER.s && change.s <= t.s + DAY_S;
}

static json_t *edge_json(const struct policy *p, const struct zone *z, struct wall t)
{
	struct window_state w;
	char text[TIMETEXT_MAX];

	window_at(p, z, t, &w);
	return json_pack("{s:o, s:s, s:b, s:o, s:o, s:b}", "at", facts_time(t), "local",
			 timetext_in_zone(z, t, text), "open", w.open, "rate",
			 w.open ? facts_rate(w.rate) : json_integer(0), "line",
			 w.line ? facts_line(&w.line->origin) : json_null(), "clock_change",
			 near_clock_change(z, t));
}

static json_t *policy_json(const struct policy *p, const struct spoke_state *s, uint64_t edges,
			   struct now now)
{
	const struct zone *z = facts_zone(p, s);
	json_t *o = json_pack("{s:s}", "policy", p->name), *list = json_array();
	struct wall t = now.wall;
	struct window_state w;

	json_object_set_new(o, "edges", list);
	if (!z) {
		json_object_set_new(o, "zone", json_null());
		json_object_set_new(o, "open", json_false());
		json_object_set_new(o, "rate", json_integer(0));
		json_object_set_new(o, "problem",
				    json_string("the spoke's time zone is not known: it was never "
						"reached"));
		return o;
	}
	window_at(p, z, t, &w);
	json_object_set_new(o, "zone",
			    p->zone_kind == ZONE_SPOKE ? facts_text(s->zone_name)
			    : p->zone_kind == ZONE_UTC ? json_string("UTC")
						       : facts_text(p->zone_name));
	json_object_set_new(o, "open", json_boolean(w.open));
	json_object_set_new(o, "rate", w.open ? facts_rate(w.rate) : json_integer(0));
	json_object_set_new(o, "line", w.line ? facts_line(&w.line->origin) : json_null());
	for (uint64_t i = 0; i < edges; i++) {
		t = window_next_edge(p, z, t);
		if (t.s == WALL_NEVER.s)
			break;
		json_array_append_new(list, edge_json(p, z, t));
	}
	return o;
}

/* One entry a (spoke, policy); its groups are gathered in it. */
static void add_policy(json_t *list, const struct policy *p, const struct spoke_state *s,
		       const char *group, uint64_t edges, struct now now)
{
	json_t *o, *groups;
	size_t i;

	json_array_foreach (list, i, o) {
		if (strcmp(json_string_value(json_object_get(o, "spoke")), s->name) ||
		    strcmp(json_string_value(json_object_get(o, "policy")), p->name))
			continue;
		json_array_append_new(json_object_get(o, "groups"), json_string(group));
		return;
	}
	o = policy_json(p, s, edges, now);
	groups = json_array();
	json_array_append_new(groups, json_string(group));
	json_object_set_new(o, "spoke", json_string(s->name));
	json_object_set_new(o, "groups", groups);
	json_array_append_new(list, o);
}

enum handled cmd_windows(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke");
	uint64_t edges = args_number(c->args, "next", EDGES_DEFAULT);
	struct core *core = hub_core(c->daemon->hub);
	const struct config *cfg = core_config(core);
	struct spoke_state *s;
	json_t *list;

	if (edges > EDGES_MAX)
		return call_fail(c, 400, "next: at most %d edges", EDGES_MAX);
	if (!call_scope_known(c, spoke, NULL))
		return HANDLED;
	list = json_array();
	TAILQ_FOREACH (s, core_spokes(core), entry) {
		if ((spoke && strcmp(spoke, s->name)) || !s->cfg)
			continue;
		for (size_t i = 0; i < cfg->n_groups; i++) {
			const struct group_cfg *g = &cfg->groups[i];
			const struct policy *p = config_policy_of(g, s->cfg);

			if (p && group_has_spoke(g, s->name))
				add_policy(list, p, s, g->name, edges, c->now);
		}
	}
	return call_answer(c, json_pack("{s:o, s:o, s:o}", "windows", list, "hub",
					cfg->policy ? policy_json(cfg->policy, NULL, edges, c->now)
						    : json_null(),
					"overrides", facts_overrides(c->daemon->hub, c->now)));
}
