/*
 * cmd_backlog.c: which versions are not where they belong: the catalog compared with what the
 * spokes are known to hold. cmd_matrix.c shows both.
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
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "spoke", s->name, "group", g->name,
			 "files", (json_int_t)m.files, "bytes", (json_int_t)m.bytes, "to_send",
			 (json_int_t)n.to_send, "eta", m.files ? facts_time(n.eta) : json_null(),
			 "missing", m.names);
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
