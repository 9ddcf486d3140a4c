/*
 * hub_notices.c: see hub_notices.h.
 */
#include "scheduler/hub_notices.h"

#include "scheduler/canary.h"
#include "scheduler/facts.h"
#include "scheduler/notices.h"

#define SPOKES_TOLD 400 /* names of complete; all of it has to fit into a pipe */

static json_t *version_facts(const struct version *v, const char *base, const char *kind)
{
	char root[HASH_HEX + 1] = "";
	json_t *o = json_pack("{s:o, s:s, s:I, s:I}", "path", facts_text(v->path), "kind", kind,
			      "version", (json_int_t)v->id, "size", (json_int_t)v->size);

	if (!v->deleted)
		hash_hex((const struct hash *)(const void *)v->root, root);
	json_object_set_new(o, "root", json_string(root));
	json_object_set_new(o, "file", json_sprintf("%s/%s", base, v->path) ?: json_string(""));
	return o;
}

static bool wanted(const struct group_cfg *g, enum notice_event event, const struct version *v)
{
	return !canary_is(v->path) && notices_wanted(g, event);
}

static const char *kind_of(const struct version *v)
{
	return v->deleted ? "delete" : "put";
}

void hub_notice_settled(const struct hub_version *hv)
{
	const struct group_cfg *g = hv->group->cfg;

	if (wanted(g, NOTICE_SETTLED, hv->v))
		notices_tell(hv->group->hub->d->notices, g, NOTICE_SETTLED,
			     version_facts(hv->v, g->path, kind_of(hv->v)));
}

void hub_notice_complete(const struct hub_version *hv)
{
	const struct group_cfg *g = hv->group->cfg;
	json_t *o, *spokes;

	if (!wanted(g, NOTICE_COMPLETE, hv->v))
		return;
	o = version_facts(hv->v, g->path, kind_of(hv->v));
	spokes = json_array();
	for (size_t i = 0; i < g->n_spokes && i < SPOKES_TOLD; i++)
		json_array_append_new(spokes, json_string(g->spokes[i]));
	json_object_set_new(o, "spokes", spokes);
	notices_tell(hv->group->hub->d->notices, g, NOTICE_COMPLETE, o);
}

static json_t *job_facts(const struct hub_job *x, const struct group_cfg *g)
{
	static const char *const kinds[] = {
		[JOB_PUT] = "put", [JOB_META] = "meta", [JOB_DELETE] = "delete"};
	const struct job *j = x->job;
	json_t *o = version_facts(j->version, g->path, kinds[j->kind]);

	json_object_set_new(o, "spoke", json_string(j->spoke->name));
	json_object_set_new(o, "job", json_integer((json_int_t)j->id));
	return o;
}

static const struct group_cfg *group_of(const struct hub_job *x)
{
	return config_group(x->hub->d->config, x->job->version->group);
}

/* It now waits for a person, and did not before: it is tried again now and then, and told once. */
static bool stuck(struct hub_job *x, const struct job *j)
{
	bool told = x->told_stuck;

	x->told_stuck = j->stuck && (told || j->waits & WAIT_SPACE);
	return x->told_stuck && !told;
}

void hub_notice_changed(struct hub_job *x, const struct action *a)
{
	const struct job *j = a->job;
	const struct group_cfg *g = group_of(x);
	bool fresh = j->state != a->old_state, person = stuck(x, j);
	json_t *o;

	if (fresh && j->state == JOB_STAGED && wanted(g, NOTICE_STAGED, j->version))
		notices_tell(x->hub->d->notices, g, NOTICE_STAGED, job_facts(x, g));
	if (((fresh && j->state == JOB_FAILED) || person) && wanted(g, NOTICE_FAIL, j->version)) {
		o = job_facts(x, g);
		json_object_set_new(o, "why", facts_text(j->reason));
		notices_tell(x->hub->d->notices, g, NOTICE_FAIL, o);
	}
}

void hub_notice_late(const struct hub_job *x, struct wall deadline)
{
	const struct group_cfg *g = group_of(x);
	json_t *o;

	if (!wanted(g, NOTICE_LATE, x->job->version))
		return;
	o = job_facts(x, g);
	json_object_set_new(o, "why", json_string("it will miss its deadline"));
	json_object_set_new(o, "deadline", facts_time(deadline));
	json_object_set_new(o, "eta", facts_time(x->job->eta));
	notices_tell(x->hub->d->notices, g, NOTICE_LATE, o);
}

/* A group as a whole stands still, everywhere or at a spoke. */
static void tell_group(struct daemon *d, const struct group_cfg *g, const char *kind,
		       const char *spoke, const char *why)
{
	json_t *o;

	if (!notices_wanted(g, NOTICE_FAIL))
		return;
	o = json_pack("{s:s, s:s, s:s, s:o}", "path", "", "kind", kind, "file", g->path, "why",
		      facts_text(why));
	if (spoke)
		json_object_set_new(o, "spoke", json_string(spoke));
	notices_tell(d->notices, g, NOTICE_FAIL, o);
}

void hub_notice_stopped(const struct hub_group *g)
{
	tell_group(g->hub->d, g->cfg, "group", NULL, g->problem);
}

void hub_notice_refused(const struct hub_spoke *s, const char *why)
{
	const struct config *c = s->hub->d->config;

	for (size_t i = 0; i < c->n_groups; i++)
		if (group_has_spoke(&c->groups[i], s->name))
			tell_group(s->hub->d, &c->groups[i], "spoke", s->name, why);
}
