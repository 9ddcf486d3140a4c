/*
 * spoke_status.c: what a spoke tells its own administrator: groups, what is on its way in,
 * contents.
 */
#include <jansson.h>

#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"

static json_t *transfer_json(const struct spoke_transfer *t)
{
	json_t *j = json_object();

	json_object_set_new(j, "path", json_string(t->path));
	json_object_set_new(j, "root", json_string(t->hex));
	json_object_set_new(j, "size", json_integer((json_int_t)t->size));
	json_object_set_new(j, "proven", json_integer((json_int_t)t->received));
	json_object_set_new(j, "receiving", json_boolean(t->put != NULL));
	json_object_set_new(j, "filling", json_boolean(t->background));
	if (t->error[0])
		json_object_set_new(j, "error", json_string(t->error));
	return j;
}

static json_t *group_json(struct spoke_group *g)
{
	uint64_t files = 0, bytes = 0, kept = 0, kept_bytes = 0, free_bytes = 0;
	json_t *j = json_object(), *list = json_array();
	struct spoke_transfer *t;
	struct spoke_index_item *i;
	unsigned waiting = g->indexing;

	json_object_set_new(j, "name", json_string(g->name));
	json_object_set_new(j, "path", json_string(g->cfg->path));
	if (!g->db || spoke_db_totals(g->db, &files, &bytes) < 0 ||
	    spoke_db_preserved_totals(g->db, &kept, &kept_bytes) < 0 ||
	    store_free_bytes(g->store, &free_bytes) < 0)
		json_object_set_new(j, "problem",
				    json_string(g->db ? db_error(g->db) : g->problem));
	json_object_set_new(j, "files", json_integer((json_int_t)files));
	json_object_set_new(j, "bytes", json_integer((json_int_t)bytes));
	json_object_set_new(j, "preserved_files", json_integer((json_int_t)kept));
	json_object_set_new(j, "preserved_bytes", json_integer((json_int_t)kept_bytes));
	json_object_set_new(j, "free_bytes", json_integer((json_int_t)free_bytes));
	json_object_set_new(j, "promised_bytes", json_integer((json_int_t)spoke_space_promised(g)));
	json_object_set_new(j, "staging_bytes", json_integer((json_int_t)spoke_space_used(g)));
	json_object_set_new(j, "staging_quota",
			    g->cfg->staging_quota == UINT64_MAX
				    ? json_null()
				    : json_integer((json_int_t)g->cfg->staging_quota));
	json_object_set_new(j, "reflink", json_boolean(g->store && g->store->reflink));
	json_object_set_new(j, "scrub", spoke_scrub_json(g));
	json_object_set_new(j, "scanning", json_boolean(g->scan != NULL));
	TAILQ_FOREACH (i, &g->to_index, entry)
		waiting++;
	json_object_set_new(j, "indexing", json_integer(waiting));
	TAILQ_FOREACH (t, &g->transfers, entry)
		if (!t->gone && (t->st || t->put))
			json_array_append_new(list, transfer_json(t));
	json_object_set_new(j, "transfers", list);
	return j;
}

json_t *spoke_status_json(struct spoke *s)
{
	json_t *j = json_object(), *groups = json_array();
	struct spoke_group *g;

	TAILQ_FOREACH (g, &s->groups, entry)
		if (!g->kept)
			json_array_append_new(groups, group_json(g));
	json_object_set_new(j, "groups", groups);
	json_object_set_new(j, "port",
			    json_integer(s->server ? (json_int_t)server_port(s->server) : 0));
	return j;
}
