/*
 * forward_copy.c: a copy of the core to run forward: the spokes as they stand, every unfinished job
 * that can move by itself, and the overrides. Versions and zones are shared, not copied: nothing
 * here changes them.
 *
 * Spokes and what runs are taken at once; of the rest only the ids, and the jobs behind them some
 * hundred at a time. One that ended meanwhile is not copied.
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

static void copy_job(struct forward *f, const struct job *real, const char *spoke)
{
	struct forward_job *x = &f->jobs[f->n_jobs++];
	struct spoke *s = core_spoke_find(f->core, spoke);
	struct job *j;

	x->who = (struct forward_who){.id = real->id,
				      .version = version_ref(real->version),
				      .spoke = spoke,
				      .kind = real->kind,
				      .total = real->total_bytes,
				      .waits = real->waits,
				      .up = real->spoke->up};
	x->held = !f->run.cfg && set_held(real);
	forward_set_join(f, x, real);
	x->had = real->done_bytes;
	x->known = s && core_lane(f->core, s, real->version->group);
	x->deadline = f->run.cfg ? WALL_NEVER : core_deadline(f->real, real);
	if (!moves(real))
		return;
	j = core_add_job(f->core, real->id, real->kind, real->version, spoke, f->now);
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
	/* One that began while the copy was being made has not begun there. */
	if (real->running && !real->stopping && !f->ids) {
		j->small = real->small; /* the kind of slot that it has */
		plan_begin(f->core, j, f->now);
		forward_begin(f, x);
	}
}

void forward_copy_begin(struct forward *f)
{
	const struct core *c = f->real;
	const struct spoke_state *s;
	uint64_t *ids;
	struct job *j;
	size_t n = 0;

	f->core = core_new(f->run.cfg ? f->run.cfg : c->cfg, c->random);
	copy_spokes(f, c);
	copy_overrides(f, c);
	TAILQ_FOREACH (s, &c->spokes, entry)
		n += s->n_jobs;
	table_room(&f->core->jobs, n);
	f->jobs = xcalloc(n + 1, sizeof(*f->jobs));
	ids = xcalloc(n + 1, sizeof(*ids));
	/* What runs goes first: its slots are taken. */
	TAILQ_FOREACH (s, &c->spokes, entry)
		TAILQ_FOREACH (j, &s->jobs, by_spoke)
			if (j->running)
				copy_job(f, j, config_spoke(f->base, s->name)->name);
			else
				ids[f->n_ids++] = j->id;
	f->ids = ids;
}

bool forward_copy_some(struct forward *f)
{
	size_t end = MIN(f->n_ids, f->next + FORWARD_STEP_JOBS);

	for (; f->next < end; f->next++) {
		const struct job *j = table_id(&f->real->jobs, f->ids[f->next]);
		const struct spoke_cfg *s = j ? config_spoke(f->base, j->spoke->name) : NULL;

		if (s && !job_over(j))
			copy_job(f, j, s->name);
	}
	return f->next < f->n_ids;
}
