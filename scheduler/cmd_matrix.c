/*
 * cmd_matrix.c: which version is where: a row a file, a column a spoke. A cell is one of five:
 * absent, moving, staged, published, drifted; the rest of it says how far, when, and what stands in
 * the way.
 */
#include "scheduler/handler.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/facts.h"

/* Rows of a group in an answer; beyond, they are only counted. So many of few spokes as `adopt` has
 * of one; of a large fleet less, each is a cell for every spoke of it. */
#define FILES_MAX   20000u
#define FILES_LEAST 1000u
#define CELLS_MAX   200000u

struct matrix {
	struct hub *hub;
	const struct group_cfg *group;
	const char *spoke; /* its column only, or NULL */
	json_t *files;
	const struct version **versions; /* by path */
	size_t n;
};

/* Some of it is there, or all of it and only its times are to come. */
static bool moves(const struct job *j, enum hub_holding holds)
{
	return holds == HOLDS_CONTENT || j->state == JOB_SENDING ||
	       (j->done_bytes && j->state < JOB_PUBLISHED);
}

static const char *cell_state(const struct job *j, enum hub_holding holds)
{
	if (holds == HOLDS_ALL)
		return "published";
	if (holds == HOLDS_FOREIGN)
		return "drifted";
	if (!j)
		return "absent";
	if (j->state == JOB_STAGED)
		return "staged";
	return moves(j, holds) ? "moving" : "absent";
}

static void add_job(json_t *o, const struct job *j)
{
	char words[256];

	json_object_set_new(o, "job", json_integer((json_int_t)j->id));
	json_object_set_new(o, "job_state", json_string(job_state_word(j->state)));
	json_object_set_new(o, "waits_text",
			    json_string(wait_words(j->waits, words, sizeof(words))));
	json_object_set_new(o, "eta", facts_time(j->eta));
	if (j->total_bytes && j->done_bytes)
		json_object_set_new(
			o, "percent",
			json_integer((json_int_t)MIN(
				(unsigned __int128)j->done_bytes * 100 / j->total_bytes, 100)));
}

static json_t *cell(const struct matrix *m, const char *spoke, const struct version *v)
{
	const struct job *j = core_job_of(hub_core(m->hub), spoke, v->group, v->path);
	enum hub_holding holds;
	struct hub_drift d;
	uint64_t version;
	json_t *o;

	holds = hub_spoke_holds(m->hub, spoke, v, &version);
	if (j && j->version->id != v->id)
		j = NULL;
	o = json_pack("{s:s}", "state", cell_state(j, holds));
	if (holds == HOLDS_ALL)
		return o;
	/* Removed, or an older content restored: the inventory alone does not say that. */
	if (hub_drift_of(m->hub, spoke, v->group, v->path, &d)) {
		json_object_set_new(o, "state", json_string("drifted"));
		json_object_set_new(o, "what", json_string(d.what));
	}
	/* Until then people there work with another one. */
	if (version && version != v->id)
		json_object_set_new(o, "holds", json_integer((json_int_t)version));
	if (j)
		add_job(o, j);
	return o;
}

static void take_version(void *arg, const struct version *v)
{
	struct matrix *m = arg;

	if (v->deleted)
		return;
	/* Room grows by doubling: at each power of two. */
	if ((m->n & (m->n - 1)) == 0)
		m->versions = xrealloc(m->versions, MAX(2 * m->n, 1) * sizeof(*m->versions));
	m->versions[m->n++] = v;
}

static int by_path(const void *a, const void *b)
{
	return strcmp((*(const struct version *const *)a)->path,
		      (*(const struct version *const *)b)->path);
}

static bool column(const struct matrix *m, size_t k)
{
	return !m->spoke || !strcmp(m->group->spokes[k], m->spoke);
}

static size_t rows_most(const struct matrix *m)
{
	size_t columns = m->spoke ? 1 : MAX(m->group->n_spokes, 1);

	return MIN(FILES_MAX, MAX(FILES_LEAST, CELLS_MAX / columns));
}

static void add_row(struct matrix *m, const struct version *v)
{
	json_t *at = json_object();
	char root[HASH_HEX + 1];

	for (size_t k = 0; k < m->group->n_spokes; k++)
		if (column(m, k))
			json_object_set_new(at, m->group->spokes[k],
					    cell(m, m->group->spokes[k], v));
	hash_hex((const struct hash *)(const void *)v->root, root);
	json_array_append_new(m->files,
			      json_pack("{s:o, s:I, s:I, s:s, s:o}", "path", facts_text(v->path),
					"version", (json_int_t)v->id, "size", (json_int_t)v->size,
					"root", root, "at", at));
}

static json_t *group_json(struct matrix *m)
{
	json_t *spokes = json_array();

	m->files = json_array();
	for (size_t k = 0; k < m->group->n_spokes; k++)
		if (column(m, k))
			json_array_append_new(spokes, json_string(m->group->spokes[k]));
	hub_versions(m->hub, m->group->name, take_version, m);
	if (m->n)
		qsort(m->versions, m->n, sizeof(*m->versions), by_path);
	for (size_t i = 0; i < MIN(m->n, rows_most(m)); i++)
		add_row(m, m->versions[i]);
	free(m->versions);
	return json_pack("{s:s, s:o, s:o, s:I}", "group", m->group->name, "spokes", spokes, "files",
			 m->files, "total", (json_int_t)m->n);
}

enum handled cmd_matrix(struct call *c)
{
	const char *group = args_text(c->args, "group"), *spoke = args_text(c->args, "spoke");
	struct core *core = hub_core(c->daemon->hub);
	const struct config *cfg = core_config(core);
	json_t *groups;

	if (!call_scope_known(c, spoke, group))
		return HANDLED;
	core_forecast(core, c->now);
	groups = json_array();
	for (size_t i = 0; i < cfg->n_groups; i++) {
		struct matrix m = {.hub = c->daemon->hub, .group = &cfg->groups[i], .spoke = spoke};

		if ((!group || !strcmp(group, m.group->name)) &&
		    (!spoke || group_has_spoke(m.group, spoke)))
			json_array_append_new(groups, group_json(&m));
	}
	return call_answer(c, json_pack("{s:o}", "groups", groups));
}
