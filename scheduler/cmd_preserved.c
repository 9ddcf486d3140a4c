/*
 * cmd_preserved.c: on a spoke: `preserved` lists what was put aside, `restore` brings a version of
 * it back: as a publication like the hub's (intent, rename, what was there preserved), of a copy,
 * so that restoring never loses anything.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scheduler/facts.h"
#include "scheduler/handler.h"
#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_publish.h"
#include "scheduler/spoke_state.h"
#include "transfer/server.h"

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

/* ---- restore ---- */

struct wanted {
	const char *path, *version;
	bool found;
	int64_t id;
	struct hash root;
	bool sure;
	struct identity identity;
	uint64_t bytes;
	char name[256];
};

/* A number, or the beginning of a root (eight digits at least). */
static bool is_version(const char *v, const struct spoke_preserved *p)
{
	char id[24], root[HASH_HEX + 1];

	snprintf(id, sizeof(id), "%" PRId64, p->id);
	return !v || strcmp(v, id) == 0 ||
	       (strlen(v) >= 8 && p->sure && strncmp(v, hash_hex(&p->root, root), strlen(v)) == 0);
}

static int find_row(void *arg, const struct spoke_preserved *p)
{
	struct wanted *w = arg;

	if (strcmp(w->path, p->path) != 0 || !is_version(w->version, p))
		return 0;
	w->found = true;
	w->id = p->id;
	w->root = p->root;
	w->sure = p->sure;
	w->identity = p->identity;
	w->bytes = p->bytes;
	snprintf(w->name, sizeof(w->name), "%s", p->name);
	return 1; /* the newest */
}

/* The group that has it; *ret_more: several do. */
static struct spoke_group *find(struct spoke *s, const char *group, struct wanted *w,
				bool *ret_more)
{
	struct spoke_group *g, *found = NULL;
	struct wanted one;

	*ret_more = false;
	TAILQ_FOREACH (g, &s->groups, entry) {
		if (g->kept || !g->db || (group && strcmp(group, g->name) != 0))
			continue;
		one = *w;
		if (spoke_db_preserved_each(g->db, find_row, &one) < 0 || !one.found)
			continue;
		*ret_more = *ret_more || found;
		if (found)
			continue;
		found = g;
		*w = one;
	}
	return found;
}

struct restoring {
	struct sreq *r; /* NULL: the one who asked left */
	struct spoke_group *g;
	int64_t id;
	bool stays;
	struct wire_op op;
};

static void restore_over(void *arg)
{
	((struct restoring *)arg)->r = NULL;
}

static void restore_done(void *arg, const struct wire_op_result *result)
{
	struct restoring *x = arg;
	char root[HASH_HEX + 1], *text;
	json_t *o;

	if (x->r && !result->done) {
		sreq_on_over(x->r, NULL, NULL);
		sreq_problem(x->r, 409, "not restored: %s", result->text);
	} else if (x->r) {
		o = json_pack("{s:s, s:o, s:I, s:s, s:I, s:b}", "group", x->g->name, "path",
			      facts_text(x->op.path), "version", (json_int_t)x->id, "root",
			      hash_hex(&x->op.root, root), "size", (json_int_t)x->op.size, "held",
			      x->stays);
		text = json_dumps(o, JSON_COMPACT);
		json_decref(o);
		sreq_on_over(x->r, NULL, NULL);
		sreq_reply_json(x->r, 200, text ? text : "{}");
		free(text);
	}
	free(x);
}

static void restore_op(const struct wanted *w, const char *to, mode_t mode, struct wire_op *op)
{
	*op = (struct wire_op){
		.kind = WIRE_COPY_OF,
		.root = w->root,
		.size = w->identity.size,
		.mtime = {w->identity.mtime.tv_sec, (uint32_t)w->identity.mtime.tv_nsec},
		.mode = mode & 0777,
	};
	snprintf(op->path, sizeof(op->path), "%s", to);
}

/* A copy that shares no blocks needs room; what transfers were promised is theirs. */
static bool has_room(struct call *c, struct spoke_group *g, uint64_t bytes)
{
	char need[UNITS_TEXT], have[UNITS_TEXT];
	uint64_t avail = 0, promised;

	if (g->store->reflink || store_free_bytes(g->store, &avail) < 0)
		return true;
	promised = spoke_space_promised(g);
	avail -= MIN(avail, promised);
	if (bytes <= avail)
		return true;
	call_fail(c, 507, "a copy needs %s, and %s are free", units_size(bytes, need),
		  units_size(avail, have));
	return false;
}

/* Nothing may lie at --to, or be on its way there. */
static bool name_is_free(struct call *c, struct spoke_group *g, const char *to)
{
	struct publish_look look;
	struct err e = {""};

	if (!spoke_path_allowed(g, to, &e)) {
		call_fail(c, 422, "%s", e.text);
		return false;
	}
	if (publish_look(g->store, to, &look, &e) < 0) {
		call_fail(c, 409, "%s", e.text);
		return false;
	}
	if (look.present || look.directory) {
		call_fail(c, 409, "%s is there already", to);
		return false;
	}
	return true;
}

static enum handled release(struct call *c, struct spoke_group *g, const char *path)
{
	struct spoke_file f;

	if (spoke_db_file(g->db, path, &f) < 0 || f.gone || f.local != LOCAL_RESTORED)
		return call_fail(c, 404, "%s is not restored: the hub governs it", path);
	f.local = f.was_published && !hash_equal(&f.root, &f.published) ? LOCAL_CHANGED : LOCAL_NOT;
	f.seq = g->seq + 1;
	if (spoke_db_put(g->db, &f) < 0)
		return call_fail(c, 500, "database: %s", db_error(g->db));
	g->seq++;
	log_info("group %s: %s is given back to the hub", g->name, path);
	return call_answer(c, json_pack("{s:s, s:o, s:b}", "group", g->name, "path",
					facts_text(path), "held", 0));
}

static enum handled no_such(struct call *c, const struct wanted *w, bool more)
{
	if (more)
		return call_fail(c, 422,
				 "several groups have preserved versions of %s: say --group",
				 w->path);
	if (w->version)
		return call_fail(c, 404,
				 "no version %s of %s is preserved; 'spokesync preserved' lists "
				 "what is",
				 w->version, w->path);
	return call_fail(c, 404, "no version of %s is preserved", w->path);
}

static enum handled restore(struct call *c, struct spoke_group *g, const struct wanted *w,
			    const char *to)
{
	struct restoring *x;
	struct stat st;

	if (!w->sure) {
		if (spoke_preserve_unread(g, w->id)) {
			spoke_preserve_again(g);
			return call_fail(c, 500,
					 "version %" PRId64 " of %s, preserved/%s, could not be "
					 "read: the log says why; it is tried again now",
					 w->id, w->path, w->name);
		}
		spoke_preserve_hash(g);
		return call_fail(c, 503, "version %" PRId64 " of %s is being hashed: try again",
				 w->id, w->path);
	}
	if (fstatat(g->store->preserved_fd, w->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return call_fail(c, 404, "preserved/%s is not there any more", w->name);
	if (!has_room(c, g, w->bytes) || (to && !name_is_free(c, g, to)))
		return HANDLED;
	x = xcalloc(1, sizeof(*x));
	x->g = g;
	x->r = c->request;
	x->id = w->id;
	x->stays = !to;
	restore_op(w, to ? to : w->path, st.st_mode, &x->op);
	sreq_on_over(c->request, restore_over, x);
	log_info("group %s: version %" PRId64 " of %s is restored as %s, for %s", g->name, w->id,
		 w->path, x->op.path, c->who);
	spoke_publish_local(
		g, &x->op,
		&(struct publish_local){
			.why = "replaced", .stays = x->stays, .done = restore_done, .arg = x});
	return HANDLED_LATER;
}

/* The group where the file itself lies. */
static struct spoke_group *find_file(struct spoke *s, const char *group, const char *path)
{
	struct spoke_group *g;
	struct spoke_file f;

	TAILQ_FOREACH (g, &s->groups, entry)
		if (!g->kept && g->db && (!group || strcmp(group, g->name) == 0) &&
		    spoke_db_file(g->db, path, &f) == 0 && !f.gone && f.local == LOCAL_RESTORED)
			return g;
	return NULL;
}

enum handled cmd_restore(struct call *c)
{
	const char *group = args_text(c->args, "group"), *to = args_text(c->args, "to");
	struct wanted w = {.path = args_text(c->args, "path"),
			   .version = args_text(c->args, "version")};
	struct spoke *s = c->daemon->spoke;
	struct spoke_group *g;
	struct err e;
	bool more;

	if (group && !spoke_group_get(s, group))
		return call_fail(c, 404, "there is no group '%s' here", group);
	if (!wire_path_ok(w.path, &e))
		return call_fail(c, 422, "%s", e.text);
	if (args_flag(c->args, "release")) {
		if (to || w.version)
			return call_fail(c, 422, "--release goes with neither --to nor --version");
		g = find_file(s, group, w.path);
		return g ? release(c, g, w.path)
			 : call_fail(c, 404, "%s is not restored: the hub governs it", w.path);
	}
	g = find(s, group, &w, &more);
	if (!g || more)
		return no_such(c, &w, more);
	return restore(c, g, &w, to);
}
