/*
 * cmd_adopt.c: on a spoke: what lies in the groups' directories is looked at now, and the call ends
 * when all of it is hashed: then the hub adopts it at its next greeting. With --dry-run it is
 * listed as far as it is known, for the program to compare with what the hub has.
 */
#include "scheduler/handler.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/facts.h"
#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"
#include "transfer/server.h"

#define ROWS_MAX 20000
#define LOOK_S	 0.2

struct listing {
	json_t *files;
	const char *group;
	struct spoke_group *g;
	uint64_t files_n, bytes;
};

static int list_file(void *arg, const struct spoke_file *f)
{
	struct listing *l = arg;
	char root[HASH_HEX + 1];

	l->bytes += f->identity.size;
	if (++l->files_n > ROWS_MAX)
		return 0;
	json_array_append_new(
		l->files,
		json_pack("{s:s, s:o, s:I, s:o, s:b, s:b}", "group", l->group, "path",
			  facts_text(f->path), "size", (json_int_t)f->identity.size, "root",
			  f->sure ? json_string(hash_hex(&f->root, root)) : json_null(),
			  "published", f->was_published, "unsettled", false));
	return 0;
}

/* One that the database does not have yet. */
static void list_new(void *arg, const char *path, bool unsettled)
{
	struct listing *l = arg;
	struct publish_look look;
	struct spoke_file f;
	struct err e;

	if (l->files_n >= ROWS_MAX) {
		l->files_n++;
		return;
	}
	if ((spoke_db_file(l->g->db, path, &f) == 0 && !f.gone) ||
	    publish_look(l->g->store, path, &look, &e) < 0 || !look.present)
		return;
	l->bytes += look.identity.size;
	l->files_n++;
	json_array_append_new(l->files,
			      json_pack("{s:s, s:o, s:I, s:n, s:b, s:b}", "group", l->group, "path",
					facts_text(path), "size", (json_int_t)look.identity.size,
					"root", "published", false, "unsettled", unsettled));
}

static bool looking(const struct spoke_group *g)
{
	return g->scan || !g->scanned;
}

static unsigned waiting(const struct spoke_group *g)
{
	const struct spoke_index_item *i;
	unsigned n = g->indexing || looking(g);

	TAILQ_FOREACH (i, &g->to_index, entry)
		n++;
	return n;
}

/* Those of the scope. */
static struct spoke_group *next_group(struct spoke *s, struct spoke_group *g, const char *group)
{
	g = g ? TAILQ_NEXT(g, entry) : TAILQ_FIRST(&s->groups);
	while (g && (g->kept || !g->db || (group && strcmp(group, g->name) != 0)))
		g = TAILQ_NEXT(g, entry);
	return g;
}

static json_t *all_json(struct spoke *s, const char *group)
{
	struct listing l = {.files = json_array()};
	struct spoke_group *g = NULL;
	unsigned hashing = 0, unsettled = 0;

	while ((g = next_group(s, g, group))) {
		l.group = g->name;
		l.g = g;
		if (spoke_db_each(g->db, list_file, &l) < 0)
			log_error("group %s: database: %s", g->name, db_error(g->db));
		spoke_each_new(g, list_new, &l);
		hashing += waiting(g);
		unsettled += g->n_unsettled;
	}
	return json_pack("{s:o, s:I, s:I, s:I, s:I}", "files", l.files, "total",
			 (json_int_t)l.files_n, "bytes", (json_int_t)l.bytes, "hashing",
			 (json_int_t)hashing, "unsettled", (json_int_t)unsettled);
}

struct adopting {
	struct spoke *spoke;
	struct sreq *request;
	char *group;
	bool list; /* as soon as all was looked at, hashed or not */
	ev_timer timer;
};

static void adopting_over(void *arg)
{
	struct adopting *x = arg;

	ev_timer_stop(x->spoke->d->loop, &x->timer);
	free(x->group);
	free(x);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct adopting *x = t->data;
	struct spoke_group *g = NULL;
	json_t *o;
	char *text;

	(void)revents;
	while ((g = next_group(x->spoke, g, x->group)))
		if (x->list ? looking(g) : waiting(g) > 0)
			return;
	ev_timer_stop(loop, t);
	o = all_json(x->spoke, x->group);
	if (!x->list)
		json_object_del(o, "files");
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	sreq_reply_json(x->request, 200, text ? text : "{}");
	free(text);
}

enum handled cmd_adopt(struct call *c)
{
	const char *group = args_text(c->args, "group");
	struct spoke *s = c->daemon->spoke;
	struct spoke_group *g = NULL;
	struct adopting *x;

	if (group && !spoke_group_get(s, group))
		return call_fail(c, 404, "there is no group '%s' here", group);
	while ((g = next_group(s, g, group)))
		spoke_scan_start(g);
	x = xcalloc(1, sizeof(*x));
	x->spoke = s;
	x->request = c->request;
	x->list = args_flag(c->args, "dry-run");
	x->group = group ? xstrdup(group) : NULL;
	ev_timer_init(&x->timer, on_timer, LOOK_S, LOOK_S);
	x->timer.data = x;
	ev_timer_start(s->d->loop, &x->timer);
	sreq_on_over(c->request, adopting_over, x);
	return HANDLED_LATER;
}
