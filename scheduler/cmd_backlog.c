/*
 * cmd_backlog.c: which version is where, and which is not: backlog and matrix. Both compare the
 * catalog with what the spokes are known to hold.
 */
#include "scheduler/handler.h"

#include <string.h>

#include "scheduler/facts.h"

/* Names in an answer; beyond, they are only counted. */
#define FILES_MAX 1000

struct missing {
	struct hub *hub;
	const struct spoke_state *spoke;
	uint64_t files, bytes;
	json_t *names;
	struct now now;
};

static json_t *missing_json(const struct missing *m, const struct version *v)
{
	const struct job *j = core_job_of(hub_core(m->hub), m->spoke->name, v->group, v->path);
	char words[256];
	json_t *o;

	o = json_pack("{s:o, s:I}", "path", facts_text(v->path), "size", (json_int_t)v->size);
	if (!j || j->version->id != v->id) {
		json_object_set_new(o, "state", json_string("no job"));
		return o;
	}
	json_object_set_new(o, "job", json_integer((json_int_t)j->id));
	json_object_set_new(o, "state", json_string(job_state_word(j->state)));
	json_object_set_new(o, "waits_text",
			    json_string(wait_words(j->waits, words, sizeof(words))));
	json_object_set_new(o, "done", json_integer((json_int_t)j->done_bytes));
	json_object_set_new(o, "total", json_integer((json_int_t)j->total_bytes));
	json_object_set_new(o, "eta", facts_time(j->eta));
	return o;
}

static void count_missing(void *arg, const struct version *v)
{
	struct missing *m = arg;

	if (v->deleted || hub_spoke_has(m->hub, m->spoke->name, v))
		return;
	m->bytes += v->size;
	if (++m->files <= FILES_MAX)
		json_array_append_new(m->names, missing_json(m, v));
}

static json_t *missing_on(struct call *c, const struct spoke_state *s, const struct group_cfg *g)
{
	struct missing m = {
		.hub = c->daemon->hub, .spoke = s, .names = json_array(), .now = c->now};
	struct facts_counts n;

	hub_versions(c->daemon->hub, g->name, count_missing, &m);
	facts_count(c->daemon->hub, s->name, g->name, &n);
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "spoke", s->name, "group", g->name,
			 "files", (json_int_t)m.files, "bytes", (json_int_t)m.bytes, "eta",
			 m.files ? facts_time(n.eta) : json_null(), "missing", m.names);
}

static void add_path(void *arg, const char *path, const char *why)
{
	json_t *a = arg;

	if (json_array_size(a) < FILES_MAX)
		json_array_append_new(a, json_pack("{s:o, s:o}", "path", facts_text(path), "why",
						   facts_text(why)));
}

static json_t *group_paths(struct hub *h, const char *group)
{
	json_t *unsettled = json_array(), *skipped = json_array();

	hub_unsettled(h, group, add_path, unsettled);
	hub_skipped(h, group, add_path, skipped);
	return json_pack("{s:s, s:o, s:o}", "group", group, "unsettled", unsettled, "skipped",
			 skipped);
}

enum handled cmd_backlog(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke"), *group = args_text(c->args, "group");
	struct core *core = hub_core(c->daemon->hub);
	const struct config *cfg = core_config(core);
	json_t *backlog, *groups;
	struct spoke_state *s;

	if (!call_scope_known(c, spoke, group))
		return HANDLED;
	core_forecast(core, c->now);
	backlog = json_array();
	groups = json_array();
	for (size_t i = 0; i < cfg->n_groups; i++) {
		const struct group_cfg *g = &cfg->groups[i];

		if ((group && strcmp(group, g->name)) || (spoke && !group_has_spoke(g, spoke)))
			continue;
		json_array_append_new(groups, group_paths(c->daemon->hub, g->name));
		TAILQ_FOREACH (s, core_spokes(core), entry) {
			if (group_has_spoke(g, s->name) && (!spoke || !strcmp(spoke, s->name)))
				json_array_append_new(backlog, missing_on(c, s, g));
		}
	}
	return call_answer(c, json_pack("{s:o, s:o}", "backlog", backlog, "groups", groups));
}

struct matrix {
	struct hub *hub;
	const struct group_cfg *group;
	json_t *files;
	uint64_t total;
};

static json_t *cell(const struct matrix *m, const char *spoke, const struct version *v)
{
	const struct job *j;
	json_t *o;

	if (hub_spoke_has(m->hub, spoke, v))
		return json_pack("{s:s}", "state", "published");
	j = core_job_of(hub_core(m->hub), spoke, v->group, v->path);
	if (!j || j->version->id != v->id)
		return json_pack("{s:s}", "state", "absent");
	o = json_pack("{s:s, s:I, s:o}", "state", job_state_word(j->state), "job",
		      (json_int_t)j->id, "eta", facts_time(j->eta));
	if (j->total_bytes && j->done_bytes)
		json_object_set_new(
			o, "percent",
			json_integer((json_int_t)MIN(
				(unsigned __int128)j->done_bytes * 100 / j->total_bytes, 100)));
	return o;
}

static void add_row(void *arg, const struct version *v)
{
	struct matrix *m = arg;
	json_t *at;

	if (v->deleted || ++m->total > FILES_MAX)
		return;
	at = json_object();
	for (size_t i = 0; i < m->group->n_spokes; i++)
		json_object_set_new(at, m->group->spokes[i], cell(m, m->group->spokes[i], v));
	json_array_append_new(m->files, json_pack("{s:o, s:I, s:I, s:o}", "path",
						  facts_text(v->path), "version", (json_int_t)v->id,
						  "size", (json_int_t)v->size, "at", at));
}

enum handled cmd_matrix(struct call *c)
{
	const char *group = args_text(c->args, "group");
	struct core *core = hub_core(c->daemon->hub);
	const struct config *cfg = core_config(core);
	json_t *groups;

	if (!call_scope_known(c, NULL, group))
		return HANDLED;
	core_forecast(core, c->now);
	groups = json_array();
	for (size_t i = 0; i < cfg->n_groups; i++) {
		struct matrix m = {.hub = c->daemon->hub, .group = &cfg->groups[i]};
		json_t *spokes;

		if (group && strcmp(group, m.group->name))
			continue;
		m.files = json_array();
		spokes = json_array();
		for (size_t k = 0; k < m.group->n_spokes; k++)
			json_array_append_new(spokes, json_string(m.group->spokes[k]));
		hub_versions(c->daemon->hub, m.group->name, add_row, &m);
		json_array_append_new(groups, json_pack("{s:s, s:o, s:o, s:I}", "group",
							m.group->name, "spokes", spokes, "files",
							m.files, "total", (json_int_t)m.total));
	}
	return call_answer(c, json_pack("{s:o}", "groups", groups));
}
