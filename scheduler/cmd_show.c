/*
 * cmd_show.c: the commands that show the whole: status, spokes, groups.
 */
#include "scheduler/handler.h"

#include <string.h>
#include <unistd.h>

#include "scheduler/facts.h"
#include "scheduler/health.h"
#include "scheduler/notices.h"
#include "transfer/key.h"

/* Hooks and webhooks. */
static json_t *notices_json(const struct daemon *d)
{
	const char *problem;
	unsigned waiting = notices_waiting(d->notices, &problem);

	return json_pack("{s:i, s:o}", "waiting", (int)waiting, "problem", facts_text(problem));
}

/* What every daemon says of itself. */
static json_t *daemon_json(const struct daemon *d, struct now now)
{
	char text[PIN_TEXT + 1];
	struct pin pin;

	memcpy(pin.sha256, d->key->pin, sizeof(pin.sha256));
	return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "role",
			 d->hub ? "hub" : "spoke", "version", PACKAGE_VERSION, "pid", (int)getpid(),
			 "now", facts_time(now.wall), "started", facts_time(d->started),
			 "config_file", facts_text(d->config_file), "config_loaded",
			 facts_time(d->config_loaded), "job_log", facts_text(d->config->job_log),
			 "key", pin_print(&pin, text), "notices", notices_json(d));
}

static json_t *spokes_json(struct hub *h, struct now now)
{
	json_t *a = json_array();
	struct spoke_state *s;

	TAILQ_FOREACH (s, core_spokes(hub_core(h)), entry) {
		json_array_append_new(a, facts_spoke(h, s, now));
	}
	return a;
}

static json_t *groups_json(struct hub *h)
{
	const struct config *cfg = core_config(hub_core(h));
	json_t *a = json_array();

	for (size_t i = 0; i < cfg->n_groups; i++)
		json_array_append_new(a, facts_group(h, &cfg->groups[i]));
	return a;
}

/* Jobs that a person watches: those that run, and those whose progress is kept. */
static json_t *active_json(struct hub *h, struct now now)
{
	json_t *a = json_array();
	struct spoke_state *s;
	struct job *j;

	TAILQ_FOREACH (s, core_spokes(hub_core(h)), entry) {
		TAILQ_FOREACH (j, &s->jobs, by_spoke) {
			if (j->running || j->publishing || j->state == JOB_PAUSED ||
			    j->state == JOB_STAGED)
				json_array_append_new(a, facts_job(h, j, now));
		}
	}
	return a;
}

static json_t *counts_json(const struct facts_counts *n)
{
	json_t *o = json_object();

	for (enum job_state s = 0; s < JOB_PUBLISHED; s++)
		json_object_set_new(o, job_state_word(s), json_integer((json_int_t)n->by_state[s]));
	json_object_set_new(o, "all", json_integer((json_int_t)n->jobs));
	return o;
}

static void add_hub(json_t *o, struct hub *h, struct now now)
{
	struct core *core = hub_core(h);
	const struct config *cfg = core_config(core);
	struct facts_counts n;

	core_forecast(core, now);
	facts_count(h, NULL, NULL, &n);
	json_object_set_new(o, "running", json_integer(core_running(core)));
	json_object_set_new(o, "slots", json_integer(cfg->transfers));
	json_object_set_new(o, "limit", facts_rate(cfg->rate));
	json_object_set_new(o, "jobs", counts_json(&n));
	facts_add_counts(o, &n);
	json_object_set_new(o, "in_sync",
			    json_boolean(core_in_sync(core, NULL, NULL, hub_last_version(h))));
	json_object_set_new(o, "health", health_of_hub(h, now));
	json_object_set_new(o, "overrides", facts_overrides(h, now));
	json_object_set_new(o, "groups", groups_json(h));
	json_object_set_new(o, "spokes", spokes_json(h, now));
	json_object_set_new(o, "active", active_json(h, now));
}

/* A group that has a problem stands still until a person acts. */
static json_t *health_of_spoke(const struct daemon *d, const json_t *groups)
{
	json_t *problems = json_array(), *g;
	const char *untold, *level;
	size_t i;

	json_array_foreach ((json_t *)groups, i, g) {
		const char *problem = json_string_value(json_object_get(g, "problem"));

		if (problem)
			json_array_append_new(
				problems,
				json_sprintf("group %s: %s",
					     json_string_value(json_object_get(g, "name")),
					     problem));
	}
	notices_waiting(d->notices, &untold);
	level = json_array_size(problems) ? "critical" : untold ? "warning" : "ok";
	if (untold)
		json_array_append_new(problems, facts_text(untold));
	return json_pack("{s:s, s:I, s:o}", "level", level, "problems_total",
			 (json_int_t)json_array_size(problems), "problems", problems);
}

static void add_spoke(json_t *o, const struct daemon *d)
{
	json_t *more = spoke_status_json(d->spoke);

	json_object_update_missing(o, more);
	json_decref(more);
	json_object_set_new(o, "health", health_of_spoke(d, json_object_get(o, "groups")));
}

enum handled cmd_status(struct call *c)
{
	json_t *o = daemon_json(c->daemon, c->now);

	if (c->daemon->hub)
		add_hub(o, c->daemon->hub, c->now);
	else
		add_spoke(o, c->daemon);
	return call_answer(c, o);
}

enum handled cmd_spokes(struct call *c)
{
	core_forecast(hub_core(c->daemon->hub), c->now);
	return call_answer(c, json_pack("{s:o}", "spokes", spokes_json(c->daemon->hub, c->now)));
}

enum handled cmd_groups(struct call *c)
{
	core_forecast(hub_core(c->daemon->hub), c->now);
	return call_answer(c, json_pack("{s:o}", "groups", groups_json(c->daemon->hub)));
}
