/*
 * forward.c: see forward.h. The copy of the core (forward_copy.c) is driven from event to event: a
 * pass, the rates of what runs (forward_rate.c), then on to the next end of a transfer or to
 * the core's own next look.
 */
#include "scheduler/forward_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define HORIZON_S (INT64_C(86400) * FORWARD_DAYS)
#define SPIN_MAX  100000 /* passes at one instant */

static void tell_move(struct forward *f, struct forward_job *x, bool done)
{
	const struct forward_move m = {
		.job = &x->who,
		.from = x->from,
		.to = f->now.wall,
		.opened = x->job->lane->opened,
		.bytes = x->before > x->left ? (uint64_t)(x->before - x->left + 0.5) : 0,
		.done = done,
	};

	x->moved += m.bytes;
	/* What is left decides whether it may have the slot of small files. */
	x->job->done_bytes += m.bytes;
	x->before = x->left;
	/* What is stopped in the moment it is looked at did not move. */
	if (f->run.move && (done || m.bytes || m.to.s > m.from.s))
		f->run.move(f->run.arg, &m);
}

static void drop(struct forward *f, struct forward_job *x)
{
	for (size_t i = 0; i < f->n_active; i++)
		if (f->active[i] == x) {
			f->active[i] = f->active[--f->n_active];
			return;
		}
}

void forward_begin(struct forward *f, struct forward_job *x)
{
	f->active = xrealloc(f->active, (f->n_active + 1) * sizeof(struct forward_job *));
	f->active[f->n_active++] = x;
	x->from = f->now.wall;
	x->before = x->left;
}

static void perform(void *arg, const struct action *a)
{
	struct forward *f = arg;
	struct forward_job *x = a->job ? a->job->user : NULL;

	switch (a->kind) {
	case ACTION_START:
		forward_begin(f, x);
		break;
	case ACTION_STOP:
		tell_move(f, x, false);
		drop(f, x);
		core_fact_ended(f->core, a->job, OUTCOME_STOPPED, NULL, f->now);
		break;
	case ACTION_PUBLISH:
		core_fact_ended(f->core, a->job, OUTCOME_PUBLISHED, NULL, f->now);
		break;
	case ACTION_CHANGED:
		if (a->job->state == JOB_PUBLISHED)
			f->left--;
		break;
	case ACTION_GREET:
	case ACTION_RATES:
	case ACTION_LATE:
	case ACTION_LEFT:
	case ACTION_OVERRIDE_ENDED:
		break;
	}
}

static void move_clock(struct forward *f, int64_t us)
{
	int64_t over = f->now.wall_us + us;

	f->now.mono.us += us;
	f->now.wall.s += over / SECOND_US;
	f->now.wall_us = (uint32_t)(over % SECOND_US);
}

/* Microseconds until the next transfer ends; INT64_MAX: none does. */
static int64_t next_end(const struct forward *f)
{
	double best = INFINITY;

	for (size_t i = 0; i < f->n_active; i++)
		if (f->active[i]->rate > 0)
			best = MIN(best, f->active[i]->left / f->active[i]->rate);
	return best < (double)HORIZON_S ? (int64_t)(best * (double)SECOND_US + 0.5) : INT64_MAX;
}

static void advance(struct forward *f, int64_t us)
{
	double seconds = (double)us / (double)SECOND_US;

	for (size_t i = 0; i < f->n_active; i++)
		f->active[i]->left -= f->active[i]->rate * seconds;
	move_clock(f, us);
	for (size_t i = 0; i < f->n_active;) {
		struct forward_job *x = f->active[i];

		/* No rate that anybody knows: out of the way at once, and nothing is said of it. */
		x->unknown |= x->rate <= 0;
		/* What half a microsecond is worth counts as done. */
		if (x->left > 0.5 + x->rate / (double)SECOND_US && !x->unknown) {
			i++;
			continue;
		}
		x->left = 0;
		tell_move(f, x, true);
		x->done = f->now.wall;
		/* A time of the calendar is whole seconds: the one in which it is there. */
		x->done.s += f->now.wall_us > 0;
		drop(f, x);
		core_fact_ended(f->core, x->job, OUTCOME_STAGED, NULL, f->now);
	}
}

static bool any_unknown(const struct forward *f)
{
	for (size_t i = 0; i < f->n_active; i++)
		if (f->active[i]->rate <= 0)
			return true;
	return false;
}

/* A pass, and where it was the last of its instant, on to the next. 1: not done; 0: done. */
static int drive(struct forward *f)
{
	struct mono next;
	int64_t us;

	if (f->run.steps && ++f->steps > f->run.steps)
		return -EOVERFLOW;
	next = core_plan(f->core, f->now, perform, f);
	if (next.us <= f->now.mono.us)
		return ++f->spins > SPIN_MAX ? -EOVERFLOW : 1;
	f->spins = 0;
	if (!f->left || f->now.mono.us >= f->stop.us)
		return 0;
	forward_rates(f);
	us = any_unknown(f) ? 1 : next_end(f);
	if (next.us != MONO_NEVER.us)
		us = MIN(us, next.us - f->now.mono.us);
	if (us == INT64_MAX && !f->run.until.s)
		return 0;
	us = MIN(us, f->stop.us - f->now.mono.us);
	advance(f, MAX(us, 1));
	return 1;
}

static struct forward_end end_of(const struct forward *f, const struct forward_job *x)
{
	struct forward_end e = {.job = &x->who,
				.deadline = x->deadline,
				.known = x->known,
				.held = x->held,
				.unknown = x->unknown};
	const struct rate_chain *ch;

	e.done = x->had + x->moved;
	if (!x->job) {
		e.late = core_misses(false, e.eta, e.deadline, f->now);
		return e;
	}
	ch = &x->job->lane->chain;
	e.deadline = core_deadline(f->core, x->job);
	e.windows = x->job->windows_used;
	if (x->job->state == JOB_PUBLISHED)
		e.eta = x->unknown || x->held ? (struct wall){0} : x->done;
	else if (x->job->spoke->up && !ch->open && ch->opens.s == WALL_NEVER.s &&
		 ch->reason != RATE_ZONE && x->job->state == JOB_WAITING)
		e.eta = WALL_NEVER;
	/* Behind the end of the run it is known at least that it was not done by then. */
	e.late = core_misses(job_over(x->job) && !x->held, e.eta, e.deadline, f->now);
	return e;
}

/* What is known of the ends of some, to their sets or to whoever asked. */
static bool tell_some(struct forward *f)
{
	size_t end = MIN(f->n_jobs, f->next + FORWARD_STEP_JOBS);

	for (; f->run.end && f->next < end; f->next++) {
		struct forward_job *x = &f->jobs[f->next];
		struct forward_end e = end_of(f, x);

		if (f->phase == FORWARD_GATHER) {
			forward_set_gather(x, &e);
			continue;
		}
		forward_set_put_off(f, x, &e);
		f->run.end(f->run.arg, &e);
	}
	return f->run.end && f->next < f->n_jobs;
}

struct forward *forward_new(const struct core *c, const struct forward_run *run, struct now now)
{
	struct forward *f = xcalloc(1, sizeof(*f));
	int64_t end = run->until.s ? run->until.s - now.wall.s : HORIZON_S;

	f->run = *run;
	f->now = now;
	f->stop = mono_after(now.mono, MAX(end * SECOND_US - now.wall_us, 0)); /* on the second */
	f->real = c;
	f->base = config_ref(c->cfg);
	forward_copy_begin(f);
	return f;
}

/* The next phase, which begins at the first of its own. */
static int go_on(struct forward *f, enum forward_phase to)
{
	f->phase = to;
	f->next = 0;
	return 1;
}

int forward_step(struct forward *f)
{
	int r;

	switch (f->phase) {
	case FORWARD_COPY:
		if (forward_copy_some(f))
			return 1;
		/* Under another configuration others may be the urgent ones. */
		if (f->run.cfg)
			core_deadlines(f->core, f->now);
		return go_on(f, FORWARD_DEADLINES);
	case FORWARD_DEADLINES:
		if (f->core->forecast_due) {
			forecast_some(f->core, f->now);
			return 1;
		}
		f->core->forward = true;
		return go_on(f, FORWARD_DRIVE);
	case FORWARD_DRIVE:
		r = drive(f);
		if (r != 0)
			return r;
		/* What is under way at the end of a run that was cut. */
		for (size_t i = 0; i < f->n_active; i++)
			tell_move(f, f->active[i], false);
		return go_on(f, FORWARD_GATHER);
	case FORWARD_GATHER:
		return tell_some(f) ? 1 : go_on(f, FORWARD_TELL);
	case FORWARD_TELL:
		break;
	}
	return tell_some(f);
}

struct forward *forward_free(struct forward *f)
{
	if (!f)
		return NULL;
	core_free(f->core);
	forward_sets_free(f);
	for (size_t i = 0; i < f->n_jobs; i++)
		version_unref(f->jobs[i].who.version);
	config_unref(f->base);
	free(f->jobs);
	free(f->ids);
	free(f->active);
	free(f);
	return NULL;
}

int forward_run(const struct core *c, const struct forward_run *run, struct now now)
{
	struct forward *f = forward_new(c, run, now);
	int r;

	do
		r = forward_step(f);
	while (r > 0);
	forward_free(f);
	return r;
}
