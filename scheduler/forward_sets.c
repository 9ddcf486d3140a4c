/*
 * forward_sets.c: sets in a run forward. The copy publishes each job when it is staged; here, when
 * all of them have ended, a job's end is put off to that of the last which its set waits for: on
 * its spoke, and with publish = everywhere on all of them, but for those that will be left behind.
 * Where nobody can tell when that one ends, nobody can tell it of the others; nor where one is held
 * back on its spoke, for which the other spokes do not wait.
 */
#include "scheduler/forward_impl.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/canary.h"
#include "scheduler/core_sets.h"

/* What of a set goes together: one for a spoke's files, one for its deletions; with publish =
 * everywhere one for all spokes. */
struct forward_set {
	struct wall last; /* as an eta; {1} before anything was added */
	const struct forward_who *who;
	struct version *given_up; /* of a member that nobody sends any more */
	const char *where;
	char key[];
};

/* Which of two ends is the later: not foreseeable is later than never. */
static bool later(struct wall a, struct wall b)
{
	return b.s != 0 && (a.s == 0 || a.s > b.s);
}

static void add(struct forward_set *g, struct wall eta, const struct forward_who *who)
{
	if (!g || !later(eta, g->last))
		return;
	g->last = eta;
	g->who = who;
}

static void give_up(struct forward_set *g, struct version *v, const char *where)
{
	if (!g || g->given_up)
		return;
	g->given_up = version_ref(v);
	g->where = where;
	g->last = (struct wall){0};
}

/* *ret_new: it was not there yet. The set is a name here: it may be gone by now. */
static struct forward_set *together(struct forward *f, const struct set *s, const char *of,
				    bool *ret_new)
{
	char *key = xasprintf("%p %s", (const void *)s, of);
	struct forward_set *g = strmap_get(&f->sets, key);

	*ret_new = !g;
	if (!g) {
		g = xcalloc(1, sizeof(*g) + strlen(key) + 1);
		strcpy(g->key, key);
		g->last = (struct wall){1};
		strmap_put(&f->sets, g->key, g);
	}
	free(key);
	return g;
}

/* A spoke that is down is left behind then. */
static struct wall left_at(const struct job *j, const struct group_cfg *g, struct now now)
{
	const struct spoke *sp = spoke_of(j->spoke);
	struct mono since = sp->away ? sp->away_since : now.mono;
	int64_t us = mono_after(since, g->quorum_wait_us - sp->away_before_us).us - now.mono.us;

	return (struct wall){now.wall.s + MAX(us, 0) / SECOND_US + 1};
}

/* What of its set nobody brings there. */
static void join_lost(struct forward *f, struct forward_job *x, const struct job *real, size_t i)
{
	const struct set *s = real->version->set;
	struct version *v = s->members[i];
	const struct job *j = table_path(&f->real->jobs, real->spoke, s->group, v->path);
	char why[400];

	if (j && j->version == v && core_job_given_up(j)) {
		give_up(x->files, v, x->who.spoke);
		give_up(x->everywhere, v, x->who.spoke);
	} else if (!v->deleted && set_amiss(f->real, s, real->spoke, i, why, sizeof(why))) {
		give_up(x->files, v, x->who.spoke);
	}
}

void forward_set_join(struct forward *f, struct forward_job *x, const struct job *real)
{
	const struct config *cfg = f->run.cfg ? f->run.cfg : f->base;
	const struct group_cfg *g = config_group(cfg, real->version->group);
	const struct set *s = real->version->set;
	char *of;
	bool fresh;

	if (!s || !g || g->publish == PUBLISH_FILE)
		return;
	if (g->publish == PUBLISH_EVERYWHERE && !s->forced && !canary_is(real->version->path))
		x->everywhere = together(f, s, "", &fresh);
	of = xasprintf("%s files", real->spoke->name);
	x->files = together(f, s, of, &fresh);
	free(of);
	for (size_t i = 0; fresh && i < s->n; i++)
		join_lost(f, x, real, i);
	if (real->kind == JOB_DELETE) {
		of = xasprintf("%s deletions", real->spoke->name);
		x->deletions = together(f, s, of, &fresh);
		free(of);
	}
	if (!real->spoke->up)
		x->left_at = left_at(real, g, f->now);
}

void forward_set_gather(struct forward_job *x, const struct forward_end *e)
{
	if (x->deletions) {
		add(x->deletions, e->eta, &x->who);
		return;
	}
	add(x->files, e->eta, &x->who);
	add(x->everywhere, x->left_at.s && e->eta.s == 0 ? x->left_at : e->eta, &x->who);
}

static void put_off(struct forward_end *e, const struct forward_set *g)
{
	if (!g || !later(g->last, e->eta))
		return;
	e->eta = g->last;
	e->after = g->given_up ? g->given_up->path : g->who->version->path;
	e->after_spoke = g->given_up ? g->where : g->who->spoke;
}

void forward_set_put_off(const struct forward *f, const struct forward_job *x,
			 struct forward_end *e)
{
	if (x->held)
		return;
	put_off(e, x->files);
	put_off(e, x->deletions);
	put_off(e, x->everywhere);
	if (e->after)
		e->late = core_misses(e->eta.s && x->job && job_over(x->job), e->eta, e->deadline,
				      f->now);
}

static void set_free(void *arg, void *value)
{
	struct forward_set *g = value;

	strmap_remove(arg, g->key);
	if (g->given_up)
		version_unref(g->given_up);
	free(g);
}

void forward_sets_free(struct forward *f)
{
	strmap_each(&f->sets, set_free, &f->sets);
	strmap_done(&f->sets);
}
