/*
 * cmd_inspect.c: `inspect`: which file of which group is meant, what the catalog knows of it, and
 * then a worker that looks (inspect.h). A client that left meanwhile costs only that the answer has
 * nobody to go to.
 */
#include "scheduler/handler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/inspect_json.h"
#include "transfer/server.h"
#include "transfer/wire.h"
#include "transfer/worker.h"

struct inspecting {
	struct work work;
	struct daemon *daemon;
	struct sreq *request; /* NULL: it is over */
	bool worked;
	char *group;
	struct inspect *x;
};

static void inspecting_free(struct inspecting *n)
{
	inspect_free(n->x);
	free(n->group);
	free(n);
}

/* Whoever comes last, the worker or the end of the request, frees it. */
static void inspecting_over(void *arg)
{
	struct inspecting *n = arg;

	n->request = NULL;
	n->x->cancel = true;
	if (n->worked)
		inspecting_free(n);
}

static void inspecting_run(struct work *w)
{
	inspect_run(container_of(w, struct inspecting, work)->x);
}

static void inspecting_done(struct work *w)
{
	struct inspecting *n = container_of(w, struct inspecting, work);
	json_t *o;
	char *text;

	n->worked = true;
	if (!n->request) {
		inspecting_free(n);
		return;
	}
	if (n->x->error < 0) {
		sreq_problem(n->request, 404, "group %s: %s cannot be read: %s", n->group,
			     n->x->path,
			     n->x->error == -EINVAL ? "it is not a regular file"
						    : strerror(-n->x->error));
		return;
	}
	o = inspect_json(n->daemon->hub, n->group, n->x);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text)
		sreq_reply_json(n->request, 200, text);
	else
		sreq_problem(n->request, 500, "the answer cannot be written as JSON");
	free(text);
}

/* Is the path one that a group knows of, whatever became of it? */
struct known {
	const char *path;
	bool found;
};

static void known_path(void *arg, const char *path, const char *why)
{
	struct known *k = arg;

	(void)why;
	k->found |= !strcmp(path, k->path);
}

static void known_version(void *arg, const struct version *v)
{
	known_path(arg, v->path, NULL);
}

static bool is_known(struct hub *h, const char *group, const char *path)
{
	struct known k = {.path = path};

	hub_versions(h, group, known_version, &k);
	if (!k.found)
		hub_unsettled(h, group, known_path, &k);
	if (!k.found)
		hub_skipped(h, group, known_path, &k);
	return k.found;
}

/* The group whose directory an absolute path leads into, and the rest of the path. */
static const struct group_cfg *group_of(const struct config *c, const char *file, const char **ret)
{
	for (size_t i = 0; i < c->n_groups; i++) {
		size_t len = strlen(c->groups[i].path);

		if (strncmp(file, c->groups[i].path, len) || file[len] != '/')
			continue;
		*ret = file + len + 1;
		return &c->groups[i];
	}
	return NULL;
}

/* The one that was named, else the first that knows the path, else the only one. */
static const struct group_cfg *group_with(struct call *c, const char *named, const char *path)
{
	const struct config *cfg = c->daemon->config;

	if (named)
		return config_group(cfg, named);
	for (size_t i = 0; i < cfg->n_groups; i++)
		if (is_known(c->daemon->hub, cfg->groups[i].name, path))
			return &cfg->groups[i];
	return cfg->n_groups == 1 ? &cfg->groups[0] : NULL;
}

static void take_version(void *arg, const struct version *v)
{
	struct inspect *x = arg;

	if (v->deleted || !v->indexed)
		return;
	if (strcmp(v->path, x->path)) {
		inspect_add(x, v->path, (const struct hash *)(const void *)v->root);
		return;
	}
	x->has_root = true;
	memcpy(x->root.b, v->root, HASH_SIZE);
}

static enum handled inspect_start(struct call *c, const struct group_cfg *g, const char *path)
{
	struct inspecting *n = xcalloc(1, sizeof(*n));

	n->daemon = c->daemon;
	n->group = xstrdup(g->name);
	n->x = inspect_new(g->path, path);
	n->x->lock = g->lock;
	n->x->index_dirfd = hub_index_dir(c->daemon->hub);
	if (n->x->index_dirfd < 0) {
		inspecting_free(n);
		return call_fail(c, 503, "the indexes cannot be opened: %s", strerror(errno));
	}
	hub_versions(c->daemon->hub, g->name, take_version, n->x);
	n->request = c->request;
	n->work = (struct work){.run = inspecting_run, .done = inspecting_done};
	sreq_on_over(c->request, inspecting_over, n);
	pool_submit(c->daemon->pool, NULL, &n->work);
	return HANDLED_LATER;
}

enum handled cmd_inspect(struct call *c)
{
	const char *file = args_text(c->args, "file"), *named = args_text(c->args, "group");
	const struct group_cfg *g;
	const char *path = file;
	struct err e = {""};

	if (!call_scope_known(c, NULL, named))
		return HANDLED;
	g = *file == '/' ? group_of(c->daemon->config, file, &path) : group_with(c, named, file);
	if (!g && *file == '/')
		return call_fail(c, 404,
				 "%s lies in no group: only files below a group's directory are "
				 "looked at",
				 file);
	if (!g)
		return call_fail(c, 404,
				 "no group has a file %s; an absolute path or --group says "
				 "where to look",
				 file);
	if (!wire_path_ok(path, &e))
		return call_fail(c, 400, "%s", e.text);
	return inspect_start(c, g, path);
}
