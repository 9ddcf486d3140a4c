/*
 * spoke_tree.c: POST tree: what a content that lies here holds, for a hub that does not know it: a
 * step of its descent, answered from the leaf record that is kept of every content listed. So
 * nothing is hashed for it, but what lies here and is not hashed yet: then the answer is 202, with
 * how far that is, and the hub asks again. One step of a group at a time, on a worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_job.h"
#include "transfer/leaves.h"
#include "transfer/tree.h"

#define TREES_MAX 4u /* steps of a group that wait or run */

struct spoke_step {
	struct work w;
	struct spoke_group *g;
	struct sreq *r; /* NULL: the hub left */
	struct tree_ask ask;
	uint8_t *body;
	size_t len;
	int error;
};

static void step_over(void *arg)
{
	((struct spoke_step *)arg)->r = NULL;
}

static void reply_wait(const struct spoke_group *g, struct sreq *r)
{
	char *json = tree_wait_encode(g->index_progress, g->index_size);

	sreq_reply_json(r, 202, json);
	free(json);
}

/* Not listed: because it is not hashed yet, or because it is not here. */
static void reply_unlisted(const struct spoke_group *g, struct sreq *r, const char *path)
{
	if (spoke_hashing(g, path))
		reply_wait(g, r);
	else
		sreq_problem(r, 404, "no such content here");
}

static void reply_path(struct spoke_group *g, struct sreq *r, const char *path)
{
	struct spoke_file f;
	uint8_t body[32 + HASH_SIZE];
	size_t n;

	if (spoke_db_file(g->db, path, &f) < 0 || f.gone || !f.sure) {
		reply_unlisted(g, r, path);
		return;
	}
	n = tree_answer_head(TREE_PATH, f.identity.size, 1, body);
	memcpy(body + n, f.root.b, HASH_SIZE);
	sreq_reply(r, 200, TREE_TYPE, (char *)body, n + HASH_SIZE);
}

static int make_answer(struct spoke_step *s, const struct index *x)
{
	const struct tree_ask *a = &s->ask;
	const struct run *last = &a->runs[a->n_runs - 1];
	uint64_t n = tree_hashes(a->level, a->n);
	size_t head;

	if (last->first + last->n > tree_pieces(a->level, index_size(x)))
		return -ERANGE;
	s->body = xcalloc(1, 32 + n * tree_hash_size(a->level));
	head = tree_answer_head(a->level, index_size(x), n, s->body);
	s->len = head + n * tree_hash_size(a->level);
	return tree_hash_runs(x, a->level, a->runs, a->n_runs, &s->g->spoke->cancel,
			      s->body + head);
}

static void step_run(struct work *w)
{
	struct spoke_step *s = container_of(w, struct spoke_step, w);
	struct index *x;

	s->error = leaves_index(s->g->store->index_fd, &s->ask.root, &x);
	if (s->error < 0)
		return;
	s->error = make_answer(s, x);
	index_unref(x);
}

static void step_reply(struct spoke_step *s, struct sreq *r)
{
	switch (s->error) {
	case 0:
		sreq_reply(r, 200, TREE_TYPE, (char *)s->body, s->len);
		break;
	case -ERANGE:
		sreq_problem(r, 400, "pieces beyond the end of the content");
		break;
	case -ECANCELED:
		sreq_problem(r, 503, "the spoke is stopping");
		break;
	default:
		reply_unlisted(s->g, r, NULL);
	}
}

static void step_done(struct work *w)
{
	struct spoke_step *s = container_of(w, struct spoke_step, w);
	struct spoke_group *g = s->g;
	struct sreq *r = s->r;

	g->trees--;
	/* Its leaf record is lost or damaged: the file is hashed again, which makes another. */
	if (s->error < 0 && s->error != -ERANGE && s->error != -ECANCELED && !g->spoke->stopping)
		spoke_drifted(g, &s->ask.root);
	if (r) {
		sreq_on_over(r, NULL, NULL);
		step_reply(s, r);
	}
	tree_ask_done(&s->ask);
	free(s->body);
	free(s);
	spoke_work_ended(g->spoke);
}

static void step_start(struct spoke_group *g, struct sreq *r, struct tree_ask *a)
{
	struct spoke_step *s = xcalloc(1, sizeof(*s));

	s->g = g;
	s->r = r;
	s->ask = *a;
	sreq_on_over(r, step_over, s);
	s->w = (struct work){.run = step_run, .done = step_done};
	g->trees++;
	spoke_work_begun(g->spoke);
	pool_submit(g->spoke->d->pool, &g->tree_lane, &s->w);
}

static void tree_body(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct spoke_group *g = arg;
	struct spoke_file f;
	struct tree_ask a;
	struct err e = {""};
	int got = tree_ask_decode(body, len, &a, &e);

	if (got < 0)
		sreq_problem(r, got == -E2BIG ? 413 : 400, "%s", e.text);
	else if (a.level == TREE_PATH)
		reply_path(g, r, a.path);
	else if (spoke_db_holds(g->db, &a.root, &f) < 0)
		reply_unlisted(g, r, NULL);
	else if (g->trees >= TREES_MAX)
		sreq_problem(r, 503, "too many steps of descents at a time");
	else {
		step_start(g, r, &a);
		return;
	}
	if (got == 0)
		tree_ask_done(&a);
}

void spoke_tree(struct spoke_group *g, struct sreq *r)
{
	sreq_collect(r, TREE_ASK_MAX, tree_body, g);
}
