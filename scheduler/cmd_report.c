/*
 * cmd_report.c: report: the health of hub and spokes, and what was done, for a period. What was
 * counted comes from the history; what is, from the core and the catalog.
 */
#include "scheduler/handler.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "scheduler/db_history.h"
#include "scheduler/facts.h"
#include "scheduler/health.h"

#define PERIOD_S    86400
#define MISHAPS_MAX 500

struct report {
	struct hub *hub;
	struct wall since;
	struct now now;
	json_t *groups, *spokes; /* by name: sums */
	json_t *mishaps;
	uint64_t n_mishaps;
};

static void add_to(json_t *sums, const char *name, const struct tally *t)
{
	const struct {
		const char *key;
		uint64_t n;
	} members[] = {
		{"published", t->published},
		{"failed", t->failed},
		{"ended_otherwise", t->other},
		{"late", t->late},
		{"windows", t->windows},
		{"logical", t->logical},
		{"holes", t->holes},
		{"reused", t->reused},
		{"compressed", t->compressed},
		{"wire_out", t->wire_out},
		{"wire_in", t->wire_in},
		{"seconds", (uint64_t)(t->active_us / SECOND_US)},
		{"throttled_seconds", (uint64_t)(t->throttled_us / SECOND_US)},
	};
	json_t *o = json_object_get(sums, name);

	if (!o) {
		o = json_object();
		json_object_set_new(sums, name, o);
	}
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		json_object_set_new(
			o, members[i].key,
			json_integer(json_integer_value(json_object_get(o, members[i].key)) +
				     (json_int_t)members[i].n));
}

static int take_tally(void *arg, const char *group, const char *spoke, const struct tally *t)
{
	struct report *r = arg;
	struct tally of_spoke = *t;

	/* Two groups in one night used one window. */
	if (strcmp(group, HISTORY_ALL_GROUPS) != 0) {
		add_to(r->groups, group, t);
		of_spoke.windows = 0;
	}
	add_to(r->spokes, spoke, &of_spoke);
	return 0;
}

static int take_mishap(void *arg, const struct mishap *m)
{
	struct report *r = arg;

	if (++r->n_mishaps > MISHAPS_MAX)
		return 0;
	json_array_append_new(r->mishaps,
			      json_pack("{s:s, s:o, s:o, s:o, s:i, s:s, s:s, s:o, s:o}", "what",
					m->what, "at", facts_time(m->at), "last",
					facts_time(m->last), "until", facts_time(m->until), "times",
					(int)m->times, "spoke", m->spoke, "group", m->group, "path",
					facts_text(m->path), "why", facts_text(m->why)));
	return 0;
}

/* The sums of that name, or zeros; with its name first. */
static json_t *sums_of(const json_t *sums, const char *name)
{
	json_t *o = json_pack("{s:s}", "name", name), *zero = json_object();
	const struct tally none = {0};

	if (!json_object_get(sums, name)) {
		add_to(zero, name, &none);
		sums = zero;
	}
	json_object_update(o, json_object_get(sums, name));
	json_decref(zero);
	return o;
}

struct missing {
	struct hub *hub;
	const char *spoke;
	uint64_t files, bytes;
};

static void count_missing(void *arg, const struct version *v)
{
	struct missing *m = arg;

	if (v->deleted || hub_spoke_has(m->hub, m->spoke, v))
		return;
	m->files++;
	m->bytes += v->size;
}

/* spoke or group NULL: all of them. */
static void add_backlog(json_t *o, const struct report *r, const char *spoke, const char *group)
{
	const struct config *cfg = core_config(hub_core(r->hub));
	struct missing m = {.hub = r->hub};

	for (size_t i = 0; i < cfg->n_groups; i++) {
		const struct group_cfg *g = &cfg->groups[i];

		for (size_t k = 0; (!group || !strcmp(group, g->name)) && k < g->n_spokes; k++) {
			m.spoke = g->spokes[k];
			if (!spoke || !strcmp(spoke, m.spoke))
				hub_versions(r->hub, g->name, count_missing, &m);
		}
	}
	json_object_set_new(o, "backlog_files", json_integer((json_int_t)m.files));
	json_object_set_new(o, "backlog_bytes", json_integer((json_int_t)m.bytes));
}

static json_t *room(const char *what, const char *path)
{
	struct statvfs s;
	json_t *o = json_pack("{s:s, s:s}", "what", what, "path", path);

	if (statvfs(path, &s) < 0) {
		json_object_set_new(o, "problem", json_string(strerror(errno)));
		return o;
	}
	json_object_set_new(o, "free",
			    json_integer((json_int_t)((uint64_t)s.f_bavail * s.f_frsize)));
	json_object_set_new(o, "size",
			    json_integer((json_int_t)((uint64_t)s.f_blocks * s.f_frsize)));
	return o;
}

static json_t *groups_json(const struct report *r)
{
	const struct config *cfg = core_config(hub_core(r->hub));
	json_t *a = json_array(), *o;

	for (size_t i = 0; i < cfg->n_groups; i++) {
		struct hub_group_stats st = {0};

		hub_group_stats(r->hub, cfg->groups[i].name, &st);
		o = sums_of(r->groups, cfg->groups[i].name);
		json_object_set_new(o, "problem", facts_text(st.problem));
		json_object_set_new(o, "files", json_integer((json_int_t)st.files));
		json_object_set_new(o, "bytes", json_integer((json_int_t)st.bytes));
		add_backlog(o, r, NULL, cfg->groups[i].name);
		json_object_set_new(o, "disk", room("group", cfg->groups[i].path));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *spoke_rooms(const struct report *r, const char *spoke)
{
	const struct config *cfg = core_config(hub_core(r->hub));
	json_t *a = json_array();
	uint64_t bytes;

	for (size_t i = 0; i < cfg->n_groups; i++)
		if (hub_spoke_room(r->hub, spoke, cfg->groups[i].name, &bytes))
			json_array_append_new(a,
					      json_pack("{s:s, s:I}", "group", cfg->groups[i].name,
							"free", (json_int_t)bytes));
	return a;
}

static json_t *spokes_json(const struct report *r)
{
	json_t *a = json_array(), *o;
	struct spoke_state *s;

	TAILQ_FOREACH (s, core_spokes(hub_core(r->hub)), entry) {
		o = sums_of(r->spokes, s->name);
		json_object_set_new(o, "up", json_boolean(s->up));
		json_object_set_new(o, "last_seen", facts_time(s->last_seen));
		json_object_set_new(o, "problem",
				    s->up || !*s->text ? json_null() : facts_text(s->text));
		add_backlog(o, r, s->name, NULL);
		json_object_set_new(o, "disk", spoke_rooms(r, s->name));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *report_json(struct report *r, const struct daemon *d)
{
	json_t *o = json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:o}", "since", facts_time(r->since), "to",
		facts_time(r->now.wall), "started", facts_time(d->started), "version",
		PACKAGE_VERSION, "health", health_of_hub(r->hub, r->now), "in_sync",
		json_boolean(core_in_sync(hub_core(r->hub), NULL, NULL, hub_last_version(r->hub))));

	add_backlog(o, r, NULL, NULL);
	json_object_set_new(o, "groups", groups_json(r));
	json_object_set_new(o, "spokes", spokes_json(r));
	json_object_set_new(o, "disk", room("state_dir", d->config->state_dir));
	json_object_set(o, "errors", r->mishaps);
	json_object_set_new(o, "errors_total", json_integer((json_int_t)r->n_mishaps));
	return o;
}

enum handled cmd_report(struct call *c)
{
	struct report r = {.hub = c->daemon->hub, .now = c->now};
	struct db *db = hub_database(r.hub);
	enum handled done;
	int e;

	r.since = args_time(c->args, "since", (struct wall){c->now.wall.s - PERIOD_S});
	r.since.s -= r.since.s % 3600;
	r.groups = json_object();
	r.spokes = json_object();
	r.mishaps = json_array();
	e = db_tally_each(db, r.since, take_tally, &r);
	if (e == 0)
		e = db_mishap_each(db, r.since, take_mishap, &r);
	done = e < 0 ? call_fail(c, 500, "the history cannot be read: %s", db_error(db))
		     : call_answer(c, report_json(&r, c->daemon));
	json_decref(r.groups);
	json_decref(r.spokes);
	json_decref(r.mishaps);
	return done;
}
