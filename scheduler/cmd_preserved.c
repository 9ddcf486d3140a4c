/*
 * cmd_preserved.c: on a spoke: `preserved` lists what was put aside. cmd_restore.c brings it back.
 */
#include <string.h>

#include "scheduler/facts.h"
#include "scheduler/handler.h"
#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"
#include "transfer/digest.h"

#define ROWS_MAX 10000

struct listing {
	json_t *rows;
	const char *group, *path; /* path: this one only, or NULL */
	uint64_t n, bytes;
};

static int list_row(void *arg, const struct spoke_preserved *p)
{
	struct listing *l = arg;
	char root[HASH_HEX + 1];
	json_t *o;

	if (l->path && strcmp(l->path, p->path) != 0)
		return 0;
	l->bytes += p->bytes;
	if (++l->n > ROWS_MAX)
		return 0;
	o = json_pack("{s:s, s:I, s:o, s:o, s:I, s:I, s:o, s:s}", "group", l->group, "version",
		      (json_int_t)p->id, "path", facts_text(p->path), "root",
		      p->sure ? json_string(hash_hex(&p->root, root)) : json_null(), "size",
		      (json_int_t)p->identity.size, "bytes", (json_int_t)p->bytes, "at",
		      facts_time((struct wall){p->at}), "why", p->why);
	json_array_append_new(l->rows, o);
	return 0;
}

static json_t *group_limits(const struct group_cfg *g, uint64_t bytes)
{
	return json_pack(
		"{s:s, s:I, s:o, s:I, s:I}", "group", g->name, "bytes", (json_int_t)bytes, "quota",
		g->preserve_quota == UINT64_MAX ? json_null()
						: json_integer((json_int_t)g->preserve_quota),
		"age_s", (json_int_t)(g->preserve_age_us / SECOND_US), "count",
		(json_int_t)g->preserve_count);
}

enum handled cmd_preserved(struct call *c)
{
	const char *group = args_text(c->args, "group");
	struct listing l = {.rows = json_array(), .path = args_text(c->args, "path")};
	json_t *groups = json_array();
	struct spoke_group *g;

	if (group && !spoke_group_get(c->daemon->spoke, group)) {
		json_decref(l.rows);
		json_decref(groups);
		return call_fail(c, 404, "there is no group '%s' here", group);
	}
	TAILQ_FOREACH (g, &c->daemon->spoke->groups, entry) {
		if (g->kept || !g->db || (group && strcmp(group, g->name) != 0))
			continue;
		l.group = g->name;
		l.bytes = 0;
		if (spoke_db_preserved_each(g->db, list_row, &l) < 0)
			log_error("group %s: database: %s", g->name, db_error(g->db));
		json_array_append_new(groups, group_limits(g->cfg, l.bytes));
	}
	return call_answer(c, json_pack("{s:o, s:I, s:o}", "preserved", l.rows, "total",
					(json_int_t)l.n, "groups", groups));
}
