/*
 * sim_order.c: who starts, who is stopped, who is greeted, each time it happens.
 *
 * No starvation, as it is meant here. A slot goes to a job only if none that could run as well and
 * fits it comes before it: urgent before all, then priority, then the spoke with less under way for
 * its weight, then age. So (1) a job whose spoke has nothing under way is never passed by a younger
 * one of its priority or a lower one, and (2) on its own spoke never at all, but by small files in
 * the slot that is theirs. What waits for a slot begins, at the latest, when all before it in that
 * order have ended. Only a stream without end of more urgent or higher work holds it up: that is
 * what a priority is. And no push is stopped but for a reason, so that what runs comes to its end.
 *
 * A spoke that is down is greeted within the longest delay between tries, or ten minutes, one
 * that is up within twelve; and never twice in ten minutes while all is closed to it, unless a
 * person, a reload or a start of the hub gave cause.
 *
 * What it catches, each tried by breaking the core so: order_before() with share or age turned
 * round, a lane's last job taken for its first (passes); one paused too many in shed() (nothing
 * stands against it); plan_greet() that looks at no window (while all is closed), a greeting put
 * off by an hour (has not been greeted).
 */
#include <string.h>

#include "tests/sim/sim.h"

#define MINUTE	(60 * SECOND_US)
#define GREET	(10 * MINUTE)
#define UP_LATE (GREET + GREET / 8 + 2 * MINUTE)

/* Waits for a slot and for nothing else; or gets one in this very pass. */
static bool could_run(const struct sim_job *k)
{
	return !k->push && !k->publishing && k->kind == JOB_PUT && k->job->state != JOB_STAGED &&
	       (k->job->running || k->job->waits == WAIT_SLOT);
}

static bool before(const struct sim *s, const struct sim_job *a, const struct sim_job *b)
{
	const struct sim_spoke *p = &s->spokes[a->spoke], *q = &s->spokes[b->spoke];
	int by = s->groups[a->group]->priority - s->groups[b->group]->priority;
	unsigned x = s->slots[a->spoke] * MAX(q->cfg->weight, 1u);
	unsigned y = s->slots[b->spoke] * MAX(p->cfg->weight, 1u);

	if (a->job->urgent || b->job->urgent)
		return !b->job->urgent;
	if (by)
		return by > 0;
	return x != y ? x < y : a->id < b->id;
}

void sim_check_start(struct sim *s, const struct sim_job *k)
{
	sim_count_slots(s);
	if (sim_slots_full(s, k))
		sim_bad(s, k, "it starts without a slot");
	if (sim_twin_at_work(s, k))
		sim_bad(s, k, "it starts beside its twin");
	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_job *o = s->live[i];

		if (o != k && could_run(o) && before(s, o, k) && !sim_slots_full(s, o))
			sim_fail(s, "job %llu passes job %llu, which comes before it",
				 (unsigned long long)k->id, (unsigned long long)o->id);
	}
	s->count[COUNT_CHECK_STARTS]++;
}

/* More go on there than may: one of them is to stop. */
static bool too_many(const struct sim *s, unsigned spoke, unsigned max)
{
	unsigned n = 0, large = 0;

	for (size_t i = 0; i < s->n_busy; i++) {
		const struct sim_job *k = s->busy[i];

		if (!k->push || k->stopping || (spoke != SIM_SPOKES && k->spoke != spoke))
			continue;
		n++;
		large += k->large;
	}
	return n > sim_may_run(max, large);
}

void sim_check_stop(struct sim *s, const struct sim_job *k)
{
	const struct sim_spoke *p = &s->spokes[k->spoke];

	if (k->cancelled || !p->member[k->group] || k->version != s->latest[k->group][k->file])
		return;
	if (!sim_rules(s, k)->open || too_many(s, k->spoke, p->cfg->transfers) ||
	    too_many(s, SIM_SPOKES, core_config(s->core)->transfers))
		return;
	sim_bad(s, k, "it is stopped, and nothing stands against it");
}

void sim_check_greeting(struct sim *s, const struct sim_spoke *p)
{
	if (!p->cfg)
		sim_fail(s, "%s is greeted, and is in no configuration", p->name);
	if (p->excused || s->now.mono.us - p->greeted >= GREET ||
	    !sim_closed_to(s, (unsigned)(p - s->spokes)))
		return;
	sim_fail(s, "%s is greeted %lld s after the last time, while all is closed to it", p->name,
		 (long long)((s->now.mono.us - p->greeted) / SECOND_US));
}

void sim_check_spokes(struct sim *s)
{
	int64_t down = MAX(core_config(s->core)->retry_max_us, GREET + MINUTE) + SECOND_US;

	for (unsigned i = 0; i < s->n_spokes; i++) {
		const struct sim_spoke *p = &s->spokes[i];
		int64_t silent = s->now.mono.us - p->answered;

		if (!p->cfg || p->greet_at != SIM_NEVER)
			continue;
		if (silent > (p->told == TOLD_UP ? UP_LATE : down))
			sim_fail(s, "%s has not been greeted for %lld s", p->name,
				 (long long)(silent / SECOND_US));
		s->count[COUNT_CHECK_SPOKES]++;
	}
}
