/*
 * spoke_protect.c: `protect = mode` for what was published before it was configured: one file after
 * the other, as a publication that changes only its mode, so that it has its turn among the others
 * and what is recorded of the file stays true. At start and after a reload. The write bits that a
 * file had are the hub's to say: what is no longer protected gets them with its next publication.
 */
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"
#include "scheduler/spoke_publish.h"

#define BATCH 256u /* paths that are kept at a time */
#define WRITE 0222u

struct spoke_protect {
	struct spoke_group *g;
	char *paths[BATCH];
	unsigned n, at;
	uint64_t done; /* of this batch */
	bool working;
};

static void go_on(struct spoke_protect *x);

static int add(void *arg, const struct spoke_file *f)
{
	struct spoke_protect *x = arg;

	if (!f->gone && f->sure && f->was_published && f->local == LOCAL_NOT && f->mode & WRITE)
		x->paths[x->n++] = xstrdup(f->path);
	return x->n == BATCH;
}

static void forget(struct spoke_protect *x)
{
	while (x->n)
		free(x->paths[--x->n]);
	x->at = 0;
}

/* The next ones; those that do not work out are not tried without end. */
static bool load(struct spoke_protect *x, bool first)
{
	struct spoke_group *g = x->g;
	bool again = first || x->done > 0;

	if (x->done)
		log_info("group %s: protect = mode: %llu files that were published before lost "
			 "their write bits",
			 g->name, (unsigned long long)x->done);
	forget(x);
	x->done = 0;
	if (again && spoke_db_each(g->db, add, x) < 0)
		log_error("group %s: database: %s", g->name, db_error(g->db));
	return x->n > 0;
}

static void done(void *arg, const struct wire_op_result *result)
{
	struct spoke_protect *x = arg;

	x->done += result->done;
	x->working = false;
	go_on(x);
}

static void protect(struct spoke_protect *x, const char *path)
{
	const struct publish_local local = {.quiet = true, .done = done, .arg = x};
	struct wire_op op = {.kind = WIRE_META, .was_known = true};
	struct spoke_file f;

	if (spoke_db_file(x->g->db, path, &f) < 0 || f.gone || !f.sure || f.local != LOCAL_NOT)
		return;
	memcpy(op.path, f.path, sizeof(op.path));
	op.root = op.was = f.root;
	op.size = f.identity.size;
	op.mtime.sec = f.identity.mtime.tv_sec;
	op.mtime.nsec = (uint32_t)f.identity.mtime.tv_nsec;
	op.mode = f.mode;
	x->working = true;
	spoke_publish_local(x->g, &op, &local);
}

static void go_on(struct spoke_protect *x)
{
	struct spoke_group *g = x->g;

	while (!x->working && !g->spoke->stopping && !g->kept && g->db &&
	       g->cfg->protect == PROTECT_MODE && (x->at < x->n || load(x, false)))
		protect(x, x->paths[x->at++]);
}

void spoke_protect_update(struct spoke_group *g)
{
	if (g->cfg->protect != PROTECT_MODE || !g->db)
		return;
	if (!g->protect) {
		g->protect = xcalloc(1, sizeof(*g->protect));
		g->protect->g = g;
	}
	if (!g->protect->working && load(g->protect, true))
		go_on(g->protect);
}

void spoke_protect_free(struct spoke_group *g)
{
	if (g->protect)
		forget(g->protect);
	free(g->protect);
	g->protect = NULL;
}
