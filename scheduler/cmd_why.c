/*
 * cmd_why.c: `why`: of a job, or of a path that has none: already there, not settled, skipped,
 * excluded by a line, or unknown.
 */
#include "scheduler/handler.h"

#include <string.h>

#include "policy/filter.h"
#include "scheduler/facts.h"
#include "scheduler/guard.h"
#include "scheduler/timetext.h"
#include "scheduler/why.h"

/* Looks for one path in what a group knows. */
struct search {
	const char *path;
	char why[300];
	const struct version *version;
	bool found;
};

static void match_path(void *arg, const char *path, const char *why)
{
	struct search *s = arg;

	if (s->found || strcmp(path, s->path))
		return;
	s->found = true;
	/* A cut reason is still a reason. */
	strncpy(s->why, why ? why : "", sizeof(s->why) - 1);
}

static void match_version(void *arg, const struct version *v)
{
	struct search *s = arg;

	if (!strcmp(v->path, s->path))
		s->version = v;
}

static void say_filter(const struct group_cfg *g, const char *path, json_t *out)
{
	struct filter_verdict v;

	filter_path(g->filter, path, &v);
	if (v.in)
		return;
	if (v.limit_hit)
		why_say(out,
			"Pattern '%s' (%s:%u) needs too many steps for this name, which counts "
			"as excluded.",
			v.pattern, v.origin.file, v.origin.line);
	else if (v.pattern)
		why_say(out, "Group %s excludes it: '%s' (%s:%u).", g->name, v.pattern,
			v.origin.file, v.origin.line);
	else
		why_say(out, "No include line of group %s matches it.", g->name);
}

static void say_version(struct call *c, const struct group_cfg *g, const struct spoke_state *s,
			const struct version *v, json_t *out)
{
	if (v->deleted)
		why_say(out, "It was deleted from group %s on the hub.", g->name);
	else if (hub_spoke_has(c->daemon->hub, s->name, v))
		why_say(out, "It is there: %s holds this very version.", s->name);
	else if (!s->ever_up)
		why_say(out, "Spoke %s was never reached, so it is not known what it holds.",
			s->name);
	else
		why_say(out, "It is settled on the hub, and has no job yet.");
}

static void say_drift(struct call *c, const struct group_cfg *g, const struct spoke_state *s,
		      const char *path, json_t *out)
{
	char when[TIMETEXT_MAX];
	struct hub_drift d;

	if (hub_drift_of(c->daemon->hub, s->name, g->name, path, &d))
		why_say(out, "It was found %s on %s, %s, and not by the hub: %s.", d.what, s->name,
			timetext_in_zone(NULL, d.since, when), d.words);
}

/* All that can be said of the path in one group. Returns the job, if there is one. */
static struct job *explain_path(struct call *c, const struct group_cfg *g, struct spoke_state *s,
				const char *path, json_t *out)
{
	struct hub *h = c->daemon->hub;
	struct search unsettled = {.path = path}, skipped = {.path = path}, there = {.path = path};
	struct job *j = core_job_of(hub_core(h), s->name, g->name, path);
	struct hub_group_stats st = {0};
	const struct guard *guard;

	hub_group_stats(h, g->name, &st);
	if (st.problem)
		why_say(out, "Group %s stands still: %s.", g->name, st.problem);
	say_drift(c, g, s, path, out);
	hub_unsettled(h, g->name, match_path, &unsettled);
	if (unsettled.found)
		why_say(out, "On the hub it is not settled: %s.", unsettled.why);
	guard = hub_guard(h, g->name, path);
	if (guard)
		why_say(out, "%s", guard->advice);
	if (j) {
		json_t *more = why_job(c->daemon, j, c->now);

		json_array_extend(out, more);
		json_decref(more);
		return j;
	}
	hub_versions(h, g->name, match_version, &there);
	hub_skipped(h, g->name, match_path, &skipped);
	if (there.version)
		say_version(c, g, s, there.version, out);
	else if (skipped.found)
		why_say(out, "Group %s skips it: %s.", g->name, skipped.why);
	else if (!unsettled.found)
		say_filter(g, path, out);
	return NULL;
}

static enum handled why_of_path(struct call *c, const char *spoke, const char *path)
{
	const char *group = args_text(c->args, "group");
	const struct config *cfg = c->daemon->config;
	struct spoke_state *s;
	json_t *out, *job = json_null();
	const struct guard *guard = NULL;
	struct job *j;

	if (!call_scope_known(c, spoke, group))
		return HANDLED;
	s = core_spoke(hub_core(c->daemon->hub), spoke);
	if (!s)
		return call_fail(c, 404, "spoke %s is not known yet", spoke);
	out = json_array();
	core_forecast(hub_core(c->daemon->hub), c->now);
	for (size_t i = 0; i < cfg->n_groups; i++) {
		const struct group_cfg *g = &cfg->groups[i];

		if (!group_has_spoke(g, spoke) || (group && strcmp(group, g->name)))
			continue;
		if (!guard)
			guard = hub_guard(c->daemon->hub, g->name, path);
		j = explain_path(c, g, s, path, out);
		if (j)
			job = facts_job(c->daemon->hub, j, c->now);
		if (j)
			break;
	}
	if (!json_array_size(out))
		why_say(out, "No group that goes to %s has a file of that name.", spoke);
	return call_answer(c, json_pack("{s:s, s:o, s:o, s:o, s:o}", "spoke", spoke, "path",
					facts_text(path), "job", job, "guard",
					facts_text(guard ? guard->word : NULL), "why", out));
}

enum handled cmd_why(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke"), *path = args_text(c->args, "path");
	uint64_t id = args_number(c->args, "job", 0);
	struct core *core = hub_core(c->daemon->hub);
	struct job *j;

	if (spoke && path)
		return why_of_path(c, spoke, path);
	if (!args_text(c->args, "job"))
		return call_fail(c, 400, "why JOB, or why SPOKE PATH");
	j = core_job(core, id);
	if (!j)
		return call_fail(c, 404, "there is no job %llu", (unsigned long long)id);
	core_forecast(core, c->now);
	return call_answer(c, json_pack("{s:s, s:o, s:o, s:o}", "spoke", j->spoke->name, "path",
					facts_text(j->version->path), "job",
					facts_job(c->daemon->hub, j, c->now), "why",
					why_job(c->daemon, j, c->now)));
}
