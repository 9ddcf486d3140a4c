/*
 * facts_spoke.c: a spoke as JSON: whether it answers, what is missing there and on its way, where
 * it stands on its windows, and what was done there without the hub. See facts.h.
 */
#include "scheduler/facts.h"

#include <string.h>

#include "policy/zone.h"

/* Where the spoke stands on its windows: the most open of its groups, with its rate. */
static void add_window(json_t *o, struct hub *h, const struct spoke_state *s, struct now now)
{
	const struct config *cfg = core_config(hub_core(h));
	struct rate_chain best = {0}, c;
	struct wall opens = WALL_NEVER;
	bool any = false;

	for (size_t i = 0; i < cfg->n_groups; i++) {
		if (!group_has_spoke(&cfg->groups[i], s->name))
			continue;
		core_rates(hub_core(h), s, &cfg->groups[i], now, &c);
		if (!any || (c.open && (!best.open || c.least > best.least)))
			best = c;
		any = true;
		if (!c.open && c.opens.s < opens.s)
			opens = c.opens;
	}
	json_object_set_new(o, "open", json_boolean(any && best.open));
	json_object_set_new(o, "limit",
			    any && best.open ? facts_rate(best.least) : json_integer(0));
	json_object_set_new(o, "closed_by",
			    any && !best.open ? json_string(rate_reason_word(best.reason))
					      : json_null());
	json_object_set_new(o, "opens", any && !best.open ? facts_time(opens) : json_null());
	json_object_set_new(o, "paused_until",
			    any && !best.open && best.reason == RATE_PAUSED && best.override
				    ? facts_time(best.override->until)
				    : json_null());
	json_object_set_new(o, "until", any ? facts_time(best.until) : json_null());
}

#define DRIFT_MAX 100 /* named, of one spoke */

static void add_drift(void *arg, const struct hub_drift *d)
{
	json_array_append_new(arg, json_pack("{s:s, s:o, s:s, s:o, s:s}", "group", d->group, "path",
					     facts_text(d->path), "what", d->what, "since",
					     facts_time(d->since), "why", d->words));
}

/* With names, as many as fit. */
static void add_drifts(json_t *o, struct hub *h, const char *spoke)
{
	json_t *drift = json_array(), *foreign = json_array();

	json_object_set_new(
		o, "drift_total",
		json_integer((json_int_t)hub_drifts(h, spoke, DRIFT_MAX, add_drift, drift)));
	json_object_set_new(
		o, "foreign_total",
		json_integer((json_int_t)hub_foreign(h, spoke, DRIFT_MAX, add_drift, foreign)));
	json_object_set_new(o, "drift", drift);
	json_object_set_new(o, "foreign", foreign);
}

/* What has no job any more, and is missing all the same. */
static uint64_t given_up(struct core *core, const struct spoke_state *s)
{
	uint64_t bytes = 0;
	struct job *j;

	TAILQ_FOREACH (j, core_ended(core), by_spoke)
		if (j->spoke == s && j->kind == JOB_PUT && core_job_missing(core, j))
			bytes += j->version->size;
	return bytes;
}

/* How far it is with all that belongs there: what a first copy of a store is watched by. */
static void add_there(json_t *o, struct hub *h, const struct spoke_state *s,
		      const struct facts_counts *n)
{
	const struct config *cfg = core_config(hub_core(h));
	uint64_t bytes = 0, undone = n->undone + given_up(hub_core(h), s);
	struct hub_group_stats st;

	for (size_t i = 0; i < cfg->n_groups; i++) {
		if (!group_has_spoke(&cfg->groups[i], s->name))
			continue;
		hub_group_stats(h, cfg->groups[i].name, &st);
		bytes += st.bytes;
	}
	json_object_set_new(o, "bytes", json_integer((json_int_t)bytes));
	json_object_set_new(o, "bytes_there",
			    json_integer((json_int_t)(bytes - MIN(bytes, undone))));
}

json_t *facts_spoke(struct hub *h, const struct spoke_state *s, struct now now)
{
	struct facts_counts n;
	json_t *o;

	facts_count(h, s->name, NULL, &n);
	o = json_pack("{s:s, s:o, s:b, s:b, s:b}", "name", s->name, "url",
		      facts_text(s->cfg ? s->cfg->url : NULL), "up", s->up, "ever_up", s->ever_up,
		      "key_refused", s->key_refused);
	json_object_set_new(o, "problem",
			    s->up ? json_null() : facts_text(*s->text ? s->text : NULL));
	json_object_set_new(o, "retry_in_s",
			    s->up ? json_null() : facts_seconds_until(s->retry_at, now));
	json_object_set_new(o, "last_seen", facts_time(s->last_seen));
	json_object_set_new(o, "zone", facts_text(*s->zone_name ? s->zone_name : NULL));
	json_object_set_new(o, "running", json_integer(s->running));
	json_object_set_new(o, "slots", json_integer(s->cfg ? s->cfg->transfers : 0));
	json_object_set_new(o, "jobs", json_integer((json_int_t)n.jobs));
	facts_add_counts(o, &n);
	add_there(o, h, s, &n);
	add_drifts(o, h, s->name);
	add_window(o, h, s, now);
	return o;
}
