/*
 * spoke_http.c: the hub's requests, taken apart by path and method; and the small verbs: hello,
 * inventory, a transfer's position, its end. The others have files of their own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/zone.h"
#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_job.h"
#include "scheduler/spoke_pair.h"

/* Of what is in preserved/: the hub asks for the list where that is another than it knows. */
static void hello_preserved(struct spoke_group *g, struct wire_group *w)
{
	struct hash *roots;
	unsigned n;

	if (spoke_db_preserved_roots(g->db, WIRE_PRESERVED_MAX, &roots, &n) < 0)
		return;
	w->has_preserved = n > 0;
	wire_preserved_tag(roots, n, &w->preserved_tag);
	free(roots);
}

static void hello(struct spoke *s, struct sreq *r)
{
	struct wire_hello h = {.version = wire_version()};
	uint64_t hubs = 1; /* version 1 does not say */
	struct spoke_group *g;
	struct err e;
	char *json;

	if (sreq_number(r, "version", &hubs) == -EINVAL || !wire_version_ok(hubs, &e)) {
		sreq_problem(r, 400, "%s", hubs == 1 ? "version= is not a number" : e.text);
		return;
	}
	snprintf(h.software, sizeof(h.software), "spokesync %s", PACKAGE_VERSION);
	zone_system_name(h.zone, sizeof(h.zone));
	TAILQ_FOREACH (g, &s->groups, entry) {
		struct wire_group *w;

		if (!spoke_group_ready(g))
			continue;
		h.groups = xrealloc(h.groups, (h.n_groups + 1) * sizeof(*h.groups));
		w = &h.groups[h.n_groups++];
		memset(w, 0, sizeof(*w));
		snprintf(w->name, sizeof(w->name), "%s", g->name);
		memcpy(w->epoch, g->epoch, sizeof(w->epoch));
		w->seq = g->seq;
		w->reflink = g->store->reflink;
		w->hashing = spoke_hashing(g, NULL);
		if (store_free_bytes(g->store, &w->free_bytes) < 0)
			w->free_bytes = 0;
		w->n_idle = spoke_resting_idle(g, w->idle, WIRE_IDLE_MAX);
		hello_preserved(g, w);
	}
	json = wire_hello_encode(&h);
	sreq_reply_json(r, 200, json);
	free(json);
	free(h.groups);
}

static void inventory(struct spoke_group *g, struct sreq *r)
{
	struct wire_inventory inv = {.seq = 0};
	uint64_t from = 0;
	char *json;

	if (sreq_number(r, "since", &from) == -EINVAL) {
		sreq_problem(r, 400, "since= is not a number up to 2^63 - 1");
		return;
	}
	memcpy(inv.epoch, g->epoch, sizeof(inv.epoch));
	inv.seq = MIN(from, g->seq);
	if (spoke_db_inventory(g->db, from, &inv) < 0 ||
	    spoke_db_preserved_roots(g->db, WIRE_PRESERVED_MAX, &inv.preserved, &inv.n_preserved) <
		    0) {
		log_error("group %s: database: %s", g->name, db_error(g->db));
		sreq_problem(r, 500, "the database of the group cannot be read");
	} else {
		json = wire_inventory_encode(&inv);
		sreq_reply_json(r, 200, json);
		free(json);
	}
	wire_inventory_done(&inv);
}

/* GET and DELETE of a transfer: a word with its lane. */
struct ask {
	struct spoke_job j;
	struct sreq *r;
	bool map, commit;
	int error;
	struct wire_position p;
};

static void ask_over(void *arg)
{
	((struct ask *)arg)->r = NULL;
}

static struct ask *ask_new(struct spoke_transfer *t, struct sreq *r)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	a->j.t = t;
	a->r = r;
	sreq_on_over(r, ask_over, a);
	return a;
}

static void position_run(struct spoke_job *j)
{
	struct ask *a = container_of(j, struct ask, j);
	struct err e;

	a->error = spoke_job_position(j, a->map, a->commit, &a->p, &e);
}

static void ask_done(struct spoke_job *j)
{
	struct ask *a = container_of(j, struct ask, j);
	struct sreq *r = a->r;

	if (r) {
		sreq_on_over(r, NULL, NULL);
		if (a->error == -ENOENT)
			sreq_problem(r, 404, "no such transfer");
		else if (a->error < 0)
			sreq_problem(r, 500, "the transfer cannot be read: %s",
				     strerror(-a->error));
		else
			spoke_reply_position(r, spoke_refusal_status(a->p.refused), &a->p);
	}
	wire_position_done(&a->p);
	free(a);
}

void spoke_position_request(struct spoke_transfer *t, struct sreq *r)
{
	struct ask *a = ask_new(t, r);

	a->map = sreq_query(r, "map") != NULL;
	a->commit = !t->put; /* a PUT commits by itself, every second */
	spoke_put_heard(t);
	a->j.run = position_run;
	a->j.done = ask_done;
	spoke_job_submit(&a->j);
}

static void delete_run(struct spoke_job *j)
{
	j->n_changes = spoke_transfer_destroy(j->t, j->changes);
}

void spoke_delete_request(struct spoke_transfer *t, struct sreq *r)
{
	struct ask *a = ask_new(t, r);

	spoke_put_end_all(t);
	a->j.run = delete_run;
	a->j.done = ask_done;
	spoke_job_submit(&a->j);
}

static void pair(struct spoke *s, struct sreq *r)
{
	spoke_pair_request(s, r);
}

/* What there is to be asked; tests/check_docs holds spokesync-protocol(7) to it. */
const struct spoke_verb spoke_verbs[] = {
	{"GET", "/v1/hello", .spoke = hello},
	{"GET", "/v1/changes", .spoke = spoke_changes_request},
	{"POST", "/v1/pair", .spoke = pair},
	{"GET", "/v1/groups/GROUP/inventory", .group = inventory},
	{"POST", "/v1/groups/GROUP/offers", .group = spoke_offer},
	{"POST", "/v1/groups/GROUP/publish", .group = spoke_publish_request},
	{"POST", "/v1/groups/GROUP/verify", .group = spoke_verify_begin},
	{"GET", "/v1/groups/GROUP/verify", .group = spoke_verify_tell},
	{"POST", "/v1/groups/GROUP/tree", .group = spoke_tree},
	{"GET", "/v1/transfers/GROUP/ROOT", .transfer = spoke_position_request},
	{"PUT", "/v1/transfers/GROUP/ROOT", .transfer = spoke_put_request},
	{"DELETE", "/v1/transfers/GROUP/ROOT", .transfer = spoke_delete_request},
	{.method = NULL},
};

static const struct spoke_verb *verb_of(const struct sreq *r, const char *path)
{
	for (const struct spoke_verb *v = spoke_verbs; v->method; v++)
		if (strcmp(v->method, sreq_method(r)) == 0 && strcmp(v->path, path) == 0)
			return v;
	return NULL;
}

/* /v1/transfers/GROUP/ROOT */
static void transfer_verbs(struct spoke *s, struct sreq *r, char *rest)
{
	const struct spoke_verb *verb = verb_of(r, "/v1/transfers/GROUP/ROOT");
	char *slash = strchr(rest, '/');
	struct spoke_transfer *t;
	struct spoke_group *g;
	struct hash root;

	if (!slash || hash_parse(slash + 1, &root) < 0) {
		sreq_problem(r, 404, "no such path");
		return;
	}
	*slash = '\0';
	g = spoke_group_get(s, rest);
	if (!g || !spoke_group_ready(g)) {
		sreq_problem(r, 404, "no group %.64s here%s%s", rest, g ? ": " : "",
			     g ? g->problem : "");
		return;
	}
	t = spoke_transfer_make(g, &root);
	if (!t)
		sreq_problem(r, 503, "too many transfers at a time");
	else if (verb)
		verb->transfer(t, r);
	else
		sreq_problem(r, 405, "GET, PUT or DELETE");
	if (t && t->users == 0) { /* refused before any work: nothing holds it */
		spoke_transfer_hold(t);
		spoke_transfer_release(t);
	}
}

/* /v1/groups/GROUP/VERB */
static void group_verbs(struct spoke *s, struct sreq *r, char *rest)
{
	char *slash = strchr(rest, '/');
	const struct spoke_verb *verb;
	struct spoke_group *g;
	char path[64];

	if (slash)
		*slash = '\0';
	g = spoke_group_get(s, rest);
	if (!g || !spoke_group_ready(g)) {
		sreq_problem(r, 404, "no group %.64s here%s%s", rest, g ? ": " : "",
			     g ? g->problem : "");
		return;
	}
	snprintf(path, sizeof(path), "/v1/groups/GROUP/%s", slash ? slash + 1 : "");
	verb = verb_of(r, path);
	if (verb)
		verb->group(g, r);
	else
		sreq_problem(r, 404, "no such path");
}

void spoke_http(void *arg, struct sreq *r)
{
	static const char groups[] = "/v1/groups/", transfers[] = "/v1/transfers/";
	const struct spoke_verb *verb = verb_of(r, sreq_path(r));
	struct spoke *s = arg;
	char *path = xstrdup(sreq_path(r));

	if (s->stopping)
		sreq_problem(r, 503, "the spoke is stopping");
	else if (verb && verb->spoke)
		verb->spoke(s, r);
	else if (strncmp(path, groups, sizeof(groups) - 1) == 0)
		group_verbs(s, r, path + sizeof(groups) - 1);
	else if (strncmp(path, transfers, sizeof(transfers) - 1) == 0)
		transfer_verbs(s, r, path + sizeof(transfers) - 1);
	else
		sreq_problem(r, 404, "no such path");
	free(path);
}
