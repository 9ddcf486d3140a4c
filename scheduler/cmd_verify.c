/*
 * cmd_verify.c: `verify`: a spoke reads contents again, group after group, and the answer lists
 * what is not as it was published, and what it does not have; with --repair what is only reported
 * is repaired.
 */
#include "scheduler/handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/facts.h"
#include "scheduler/hub_verify.h"
#include "transfer/server.h"

#define MISSING_MAX 1000
#define LINE_MOST   900000u /* bytes: beyond a megabyte a reader of lines is cut off */

struct verifying {
	struct daemon *daemon;
	struct sreq *request;
	char *spoke, *path; /* path: NULL for all */
	bool repair;
	bool progress, lines; /* wanted; the answer is lines, and has begun */
	char **groups;	      /* names */
	size_t n_groups, at;
	struct hub_verify *verify;
	json_t *answer;
	bool answered;
};

static void verifying_over(void *arg)
{
	struct verifying *x = arg;

	if (x->verify)
		hub_verify_leave(x->verify);
	for (size_t i = 0; i < x->n_groups; i++)
		free(x->groups[i]);
	free(x->groups);
	free(x->spoke);
	free(x->path);
	json_decref(x->answer);
	free(x);
}

struct missing {
	const struct verifying *x;
	json_t *list;
	uint64_t n;
};

static void add_missing(void *arg, const struct version *v)
{
	struct missing *m = arg;
	struct hub *h = m->x->daemon->hub;
	const struct job *j;

	if ((m->x->path && strcmp(m->x->path, v->path) != 0) || hub_spoke_has(h, m->x->spoke, v) ||
	    m->n++ >= MISSING_MAX)
		return;
	j = core_job_of(hub_core(h), m->x->spoke, v->group, v->path);
	json_array_append_new(m->list, json_pack("{s:o, s:o}", "path", facts_text(v->path), "job",
						 j && !job_over(j) ? json_integer((json_int_t)j->id)
								   : json_null()));
}

static json_t *found_json(const struct verifying *x, const char *group,
			  const struct wire_verify_found *f)
{
	struct hub_drift d;
	bool known = hub_drift_of(x->daemon->hub, x->spoke, group, f->path, &d);

	return json_pack("{s:o, s:s, s:I, s:I, s:o}", "path", facts_text(f->path), "what",
			 wire_local_word(f->what), "bad_blocks", (json_int_t)f->bad, "bad_bytes",
			 (json_int_t)(f->bad * BLOCK_SIZE), "why",
			 facts_text(known ? d.words : "it is as the hub has it by now"));
}

static json_t *group_json(const struct verifying *x, const struct wire_verified *v)
{
	const char *group = x->groups[x->at];
	struct missing m = {.x = x, .list = json_array()};
	json_t *found = json_array();

	for (size_t i = 0; i < v->n_found; i++)
		json_array_append_new(found, found_json(x, group, &v->found[i]));
	hub_versions(x->daemon->hub, group, add_missing, &m);
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:o, s:I}", "group", group, "files",
			 (json_int_t)v->files, "bytes", (json_int_t)v->bytes, "read",
			 (json_int_t)v->read, "found", found, "found_total",
			 (json_int_t)v->found_total, "missing", m.list, "missing_total",
			 (json_int_t)m.n);
}

/* Takes o. False: the reader is cut off. */
static bool push_line(struct verifying *x, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	int r = sreq_lines_push(x->request, text ? text : "{}");

	free(text);
	json_decref(o);
	return r == 0;
}

/* The last line is the answer, or a problem with its status. */
static void end_lines(struct verifying *x, json_t *o)
{
	struct sreq *r = x->request;

	if (push_line(x, o))
		sreq_lines_end(r);
}

static void reply(struct verifying *x)
{
	char *text = json_dumps(x->answer, JSON_COMPACT);

	x->answered = true;
	if (!x->lines)
		sreq_reply_json(x->request, 200, text ? text : "{}");
	else if (text && strlen(text) > LINE_MOST)
		end_lines(x,
			  json_pack("{s:s, s:i, s:s}", "title", "Too much", "status", 413, "detail",
				    "more was found than fits into a line: ask again "
				    "without progress"));
	else
		end_lines(x, json_incref(x->answer));
	free(text);
}

static void fail(struct verifying *x, unsigned status, const char *text)
{
	x->answered = true;
	if (x->lines)
		end_lines(x, json_pack("{s:s, s:i, s:o}", "title", "Not verified", "status",
				       (int)status, "detail", facts_text(text)));
	else
		sreq_problem(x->request, status, "%s", text);
}

static void progress(void *arg, const struct wire_verified *v, uint64_t rate)
{
	struct verifying *x = arg;
	uint64_t left = v->bytes_total - MIN(v->bytes_total, v->bytes);
	double percent = v->bytes_total
				 ? 100.0 * (double)(v->bytes_total - left) / (double)v->bytes_total
				 : 100.0;
	json_t *o =
		json_pack("{s:s, s:I, s:I, s:I, s:f, s:I}", "group", x->groups[x->at], "files",
			  (json_int_t)v->files, "bytes", (json_int_t)v->bytes, "total",
			  (json_int_t)v->bytes_total, "percent", percent, "rate", (json_int_t)rate);

	json_object_set_new(o, "eta_s",
			    rate ? json_integer((json_int_t)(left / rate)) : json_null());
	if (!x->lines)
		sreq_lines_begin(x->request);
	x->lines = true;
	(void)push_line(x, json_pack("{s:o}", "progress", o));
}

static void next_group(struct verifying *x);

static void group_done(void *arg, const struct wire_verified *v, const char *text)
{
	struct verifying *x = arg;
	struct hub *h = x->daemon->hub;
	const char *group = x->groups[x->at];
	char why[600];
	unsigned n;

	x->verify = NULL;
	if (!v) {
		snprintf(why, sizeof(why), "group %s on %s: %s", group, x->spoke, text);
		fail(x, 502, why);
		return;
	}
	n = x->repair ? hub_drift_repair(h, x->spoke, group, x->path) : 0;
	json_array_append_new(json_object_get(x->answer, "groups"), group_json(x, v));
	json_object_set_new(
		x->answer, "repaired",
		json_integer(json_integer_value(json_object_get(x->answer, "repaired")) + n));
	x->at++;
	next_group(x);
}

static void next_group(struct verifying *x)
{
	char why[200];

	if (x->at == x->n_groups) {
		reply(x);
		return;
	}
	x->verify = hub_verify_start(x->daemon->hub, x->spoke, x->groups[x->at], x->path);
	if (x->verify) {
		hub_verify_on_done(x->verify, group_done, x);
		if (x->progress)
			hub_verify_on_progress(x->verify, progress);
		return;
	}
	snprintf(why, sizeof(why), "spoke %s is not known yet", x->spoke);
	fail(x, 409, why);
}

struct search {
	const char *path;
	bool found;
};

static void match(void *arg, const struct version *v)
{
	struct search *s = arg;

	s->found = s->found || strcmp(s->path, v->path) == 0;
}

/* Does this group matter? With a path the ones that have it here, or of which it drifted there. */
static bool in_scope(struct call *c, const struct group_cfg *g, const char *group, const char *path)
{
	struct search s = {.path = path};
	const char *spoke = args_text(c->args, "spoke");
	struct hub_drift d;

	if (!group_has_spoke(g, spoke) || (group && strcmp(group, g->name) != 0))
		return false;
	if (!path || group)
		return true;
	hub_versions(c->daemon->hub, g->name, match, &s);
	return s.found || hub_drift_of(c->daemon->hub, spoke, g->name, path, &d);
}

enum handled cmd_verify(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke"), *group = args_text(c->args, "group");
	const char *path = args_text(c->args, "path");
	const struct config *cfg = c->daemon->config;
	struct verifying *x;
	struct err e;

	if (!call_scope_known(c, spoke, group))
		return HANDLED;
	if (path && !wire_path_ok(path, &e))
		return call_fail(c, 422, "%s", e.text);
	x = xcalloc(1, sizeof(*x));
	x->daemon = c->daemon;
	x->request = c->request;
	x->spoke = xstrdup(spoke);
	x->path = path ? xstrdup(path) : NULL;
	x->repair = args_flag(c->args, "repair");
	x->progress = args_flag(c->args, "progress");
	x->groups = xcalloc(cfg->n_groups + 1, sizeof(*x->groups));
	for (size_t i = 0; i < cfg->n_groups; i++)
		if (in_scope(c, &cfg->groups[i], group, path))
			x->groups[x->n_groups++] = xstrdup(cfg->groups[i].name);
	if (!x->n_groups) {
		verifying_over(x);
		return path ? call_fail(c, 404, "no group that goes to %s has a file %s", spoke,
					path)
			    : call_fail(c, 404, "no group goes to %s", spoke);
	}
	x->answer = json_pack("{s:s, s:o, s:o, s:i}", "spoke", spoke, "path", facts_text(path),
			      "groups", json_array(), "repaired", 0);
	sreq_on_over(c->request, verifying_over, x);
	next_group(x);
	return HANDLED_LATER;
}
