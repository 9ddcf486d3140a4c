/*
 * cmd_restore.c: on a spoke: `restore` brings a preserved version back: as a publication like the
 * hub's (intent, rename, what was there preserved), of a copy, so that restoring never loses
 * anything. An image on which others rest is not taken from under them unasked.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/sets.h"
#include "scheduler/facts.h"
#include "scheduler/handler.h"
#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_publish.h"
#include "scheduler/spoke_state.h"
#include "transfer/server.h"

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
	struct work w;
	struct sreq *r; /* NULL: the one who asked left */
	struct spoke_group *g;
	int64_t id;
	bool stays;
	struct wire_op op;
	char kept[256];		  /* its name in preserved/ */
	char child[NAME_MAX + 1]; /* what rests on the file that is there; or "" */
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

static void publish(struct restoring *x)
{
	spoke_publish_local(
		x->g, &x->op,
		&(struct publish_local){
			.why = "replaced", .stays = x->stays, .done = restore_done, .arg = x});
}

static void look_run(struct work *w)
{
	struct restoring *x = container_of(w, struct restoring, w);

	spoke_rests_on(x->g->store, x->op.path, x->kept, x->child);
}

static void look_done(struct work *w)
{
	struct restoring *x = container_of(w, struct restoring, w);
	struct spoke *s = x->g->spoke;

	if (x->r && !x->child[0] && !s->stopping) {
		publish(x);
		spoke_work_ended(s);
		return;
	}
	if (x->r)
		sreq_on_over(x->r, NULL, NULL);
	if (x->r && x->child[0])
		sreq_problem(x->r, 409,
			     "%s rests on %s as it is there: restore it under another name (--to), "
			     "or do so all the same (--force)",
			     x->child, x->op.path);
	else if (x->r)
		sreq_problem(x->r, 503, "the spoke is stopping");
	free(x);
	spoke_work_ended(s);
}

static enum handled restore(struct call *c, struct spoke_group *g, const struct wanted *w,
			    const char *to)
{
	bool look = !to && !args_flag(c->args, "force") && sets_rank(w->path) == SET_IMAGE;
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
	log_info("group %s: version %" PRId64 " of %s is to be restored as %s, for %s", g->name,
		 w->id, w->path, x->op.path, c->who);
	if (look) {
		snprintf(x->kept, sizeof(x->kept), "%s", w->name);
		x->w.run = look_run;
		x->w.done = look_done;
		spoke_work_begun(g->spoke);
		pool_submit(g->spoke->d->pool, NULL, &x->w);
	} else {
		publish(x);
	}
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
