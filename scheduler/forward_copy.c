/*
 * forward_copy.c: a copy of the core to run forward: the spokes as they stand, every unfinished job
 * that can move by itself, and the overrides. Versions and zones are shared, not copied: nothing
 * here changes them.
 */
#include "scheduler/forward_impl.h"

#include <stdlib.h>
#include <string.h>

#include "policy/zone.h"

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void copy_overrides(struct forward *f, const struct core *c)
{
	for (size_t i = 0; i < c->n_overrides; i++) {
		struct override o = c->overrides[i];

		o.spoke = copy(o.spoke);
		o.group = copy(o.group);
		o.who = o.why = NULL;
		core_override_add(f->core, &o);
	}
}

static void copy_spokes(struct forward *f, const struct core *c)
{
	const struct spoke_state *s;

	TAILQ_FOREACH (s, &c->spokes, entry) {
		struct spoke *d = core_spoke_find(f->core, s->name);

		if (!d)
			continue;
		d->pub.up = s->up;
		d->pub.key_refused = s->key_refused;
		d->pub.reached_rate = s->reached_rate;
		d->pub.zone = zone_ref(s->zone);
	}
}

/* What waits for its spoke, for a change there, or for a person, does not move by itself. */
static bool moves(const struct job *j)
{
	return j->spoke->up && !(j->hold & (WAIT_SPACE | WAIT_IN_USE)) && j->wish != WISH_CANCEL &&
	       !j->superseded && j->lane->cfg;
}

static void copy_job(struct forward *f, struct job *real)
{
	struct forward_job *x = &f->jobs[f->n_jobs++];
	struct job *j;

	x->real = real;
	x->known = core_spoke_find(f->core, real->spoke->name) &&
		   core_lane(f->core, core_spoke_find(f->core, real->spoke->name),
			     real->version->group);
	if (!moves(real))
		return;
	j = core_add_job(f->core, real->id, real->kind, real->version, real->spoke->name, f->now);
	if (!j)
		return;
	x->job = j;
	j->user = x;
	j->created = real->created;
	j->done_bytes = real->done_bytes;
	j->total_bytes = real->total_bytes;
	j->staged = real->staged;
	x->left = real->kind == JOB_PUT && !real->staged ? (double)job_left(j) : 0;
	x->done = f->now.wall;
	queue_reorder(f->core, j, j->priority, real->urgent);
	if (real->hold & WAIT_RETRY) {
		j->hold = WAIT_RETRY;
		j->due.at = real->due.at;
	}
	f->left++;
	if (real->running && !real->stopping) {
		j->small = real->small; /* the kind of slot that it has */
		plan_begin(f->core, j, f->now);
		forward_begin(f, x);
	}
}

void forward_copy(struct forward *f, const struct core *c)
{
	struct config *cfg = f->run->cfg ? f->run->cfg : c->cfg;
	const struct spoke_state *s;
	struct job *j;
	size_t n = 0;

	f->core = core_new(cfg, c->random);
	copy_spokes(f, c);
	copy_overrides(f, c);
	TAILQ_FOREACH (s, &c->spokes, entry)
		n += s->n_jobs;
	f->jobs = xcalloc(n + 1, sizeof(*f->jobs));
	/* What runs goes first: its slots are taken. */
	for (unsigned running = 2; running-- > 0;)
		TAILQ_FOREACH (s, &c->spokes, entry)
			TAILQ_FOREACH (j, &s->jobs, by_spoke)
				if (j->running == running)
					copy_job(f, j);
	if (f->run->cfg)
		core_deadlines(f->core, f->now);
	f->core->forward = true;
}

void forward_free(struct forward *f)
{
	core_free(f->core);
	free(f->jobs);
	free(f->active);
}
